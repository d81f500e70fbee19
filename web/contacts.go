package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) contactRoutes() {
	handle(s, route{"listContacts", http.MethodGet, "/contacts", "List contacts, newest first", RoleSalesperson, 0}, s.listContacts)
	handle(s, route{"createContact", http.MethodPost, "/contacts", "Create a contact", RoleSalesperson, http.StatusCreated}, s.createContact)
	handle(s, route{"getContact", http.MethodGet, "/contacts/{id}", "Get a contact", RoleSalesperson, 0}, s.getContact)
	handle(s, route{"changeContact", http.MethodPatch, "/contacts/{id}", "Change a contact", RoleSalesperson, 0}, s.changeContact)
	s.importRoute()
}

// maxNumbers bounds the phone numbers of one contact.
const maxNumbers = 20

type contactQuery struct {
	Number   string         `query:"number" maxLength:"40" doc:"Exact, in any usual form"`
	Query    string         `query:"q" maxLength:"100" doc:"Part of a name or of a number"`
	FollowUp Optional[bool] `query:"follow_up"`
	Paging
}

type contactOutput struct {
	Location string `header:"Location"`
	Body     routing.Contact
}

func (s *Server) listContacts(ctx context.Context, q *contactQuery) (*listing[routing.Contact], error) {
	f := routing.ContactFilter{Query: q.Query, FollowUp: q.FollowUp.pointer(), Page: q.page()}
	if q.Number != "" {
		number, _, err := s.parseNumber(q.Number)
		if err != nil {
			return nil, refuse("query.number", err.Error(), q.Number)
		}
		f.Number = number
	}
	items, next, err := s.contacts.Contacts(ctx, f)
	if err != nil {
		return nil, err
	}
	for i := range items {
		items[i] = shownContact(items[i])
	}
	return listed(items, next), nil
}

func (s *Server) getContact(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
}) (*contactOutput, error) {
	c, err := s.contacts.Contact(ctx, in.ID)
	if errors.Is(err, routing.ErrNotFound) {
		return nil, notFound("contact")
	}
	if err != nil {
		return nil, err
	}
	return &contactOutput{Body: shownContact(c)}, nil
}

// shownContact has no null where a list belongs.
func shownContact(c routing.Contact) routing.Contact {
	if c.Numbers == nil {
		c.Numbers = []string{}
	}
	c.CreatedAt = c.CreatedAt.UTC()
	return c
}

type newContact struct {
	Name      string   `json:"name,omitempty" maxLength:"200" doc:"Default: the first number"`
	Numbers   []string `json:"numbers" minItems:"1" maxItems:"20" nullable:"false" doc:"In any usual form"`
	Country   string   `json:"country,omitempty" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2; default: that of the first number"`
	Owner     string   `json:"owner,omitempty" maxLength:"64"`
	FollowUp  bool     `json:"follow_up,omitempty"`
	DoNotCall bool     `json:"do_not_call,omitempty"`
	Notes     string   `json:"notes,omitempty" maxLength:"10000"`
}

func (s *Server) createContact(ctx context.Context, in *struct{ Body newContact }) (*contactOutput, error) {
	b := in.Body
	numbers, country, err := s.normalise(b.Numbers)
	if err != nil {
		return nil, err
	}
	if err := s.checkOwner(callerOf(ctx), b.Owner); err != nil {
		return nil, err
	}
	at := now()
	c := routing.Contact{
		ID: string(call.NewID(at)), Name: cmp.Or(routing.CleanName(b.Name), numbers[0]), Numbers: numbers, Country: cmp.Or(b.Country, country), Owner: b.Owner,
		FollowUp: b.FollowUp, DoNotCall: b.DoNotCall, Notes: b.Notes, CreatedAt: at,
	}
	if err := s.contacts.CreateContact(ctx, c); err != nil {
		return nil, numberTaken(err)
	}
	s.publishContact(call.EventContactCreated, c)
	return &contactOutput{Location: apiPrefix + "/contacts/" + c.ID, Body: c}, nil
}

type changedContact struct {
	Name      *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Numbers   *[]string `json:"numbers,omitempty" minItems:"1" maxItems:"20" nullable:"false" doc:"All of them; in any usual form"`
	Country   *string   `json:"country,omitempty" pattern:"^([A-Z]{2})?$" doc:"ISO 3166-1 alpha-2"`
	Owner     *string   `json:"owner,omitempty" maxLength:"64" doc:"A user, or empty"`
	FollowUp  *bool     `json:"follow_up,omitempty"`
	DoNotCall *bool     `json:"do_not_call,omitempty"`
	Notes     *string   `json:"notes,omitempty" maxLength:"10000"`
}

// apply writes what is given onto a contact.
func (b changedContact) apply(c *routing.Contact) {
	if b.Name != nil {
		c.Name = cmp.Or(routing.CleanName(*b.Name), c.Name)
	}
	assign(&c.Numbers, b.Numbers)
	assign(&c.Country, b.Country)
	assign(&c.Owner, b.Owner)
	assign(&c.FollowUp, b.FollowUp)
	assign(&c.DoNotCall, b.DoNotCall)
	assign(&c.Notes, b.Notes)
}

// assign sets a field when a value is given.
func assign[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (s *Server) changeContact(ctx context.Context, in *struct {
	ID   string `path:"id" maxLength:"64"`
	Body changedContact
}) (*contactOutput, error) {
	b := in.Body
	if b.Numbers != nil {
		numbers, _, err := s.normalise(*b.Numbers)
		if err != nil {
			return nil, err
		}
		b.Numbers = &numbers
	}
	if b.Owner != nil {
		if err := s.checkOwner(callerOf(ctx), *b.Owner); err != nil {
			return nil, err
		}
	}
	c, err := s.contacts.ChangeContact(ctx, in.ID, func(c *routing.Contact) error {
		b.apply(c)
		return nil
	})
	if errors.Is(err, routing.ErrNotFound) {
		return nil, notFound("contact")
	}
	if err != nil {
		return nil, numberTaken(err)
	}
	c = shownContact(c)
	s.publishContact(call.EventContactChanged, c)
	return &contactOutput{Body: c}, nil
}

// normalise returns numbers in E.164, each once, and the first one's country.
func (s *Server) normalise(raw []string) (numbers []string, country string, err error) {
	for i, text := range raw {
		number, of, err := s.parseNumber(text)
		if err != nil {
			return nil, "", refuse(fmt.Sprintf("body.numbers[%d]", i), err.Error(), text)
		}
		if country == "" {
			country = of
		}
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers, country, nil
}

// checkOwner refuses owners that are not users. Whose contact it is decides who
// gets the calls, so a salesperson takes contacts only for themselves.
func (s *Server) checkOwner(c Caller, owner string) error {
	if owner == "" || owner == c.User {
		return nil
	}
	if !c.all() {
		return huma.Error403Forbidden("only a supervisor gives contacts to others",
			&huma.ErrorDetail{Location: "body.owner", Message: "is not you", Value: owner})
	}
	if _, ok := s.floor.User(owner); !ok {
		return refuse("body.owner", "there is no such user", owner)
	}
	return nil
}

// numberTaken says which field a conflict is about.
func numberTaken(err error) error {
	if !errors.Is(err, routing.ErrConflict) {
		return err
	}
	return huma.Error409Conflict("a number belongs to another contact",
		&huma.ErrorDetail{Location: "body.numbers", Message: err.Error()})
}

func (s *Server) publishContact(t call.EventType, c routing.Contact) {
	s.bus.Publish(call.Event{Type: t, At: now(), User: c.Owner, ContactID: c.ID, Data: c})
}
