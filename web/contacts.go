package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

func (s *Server) contactRoutes() {
	handle(s, route{"listContacts", http.MethodGet, "/contacts", "List contacts, newest first", RoleSalesperson, 0}, s.listContacts)
	handle(s, route{"createContact", http.MethodPost, "/contacts", "Create a contact", RoleSalesperson, http.StatusCreated}, s.createContact)
	handle(s, route{"getContact", http.MethodGet, "/contacts/{id}", "Get a contact", RoleSalesperson, 0}, s.getContact)
	handle(s, route{"changeContact", http.MethodPatch, "/contacts/{id}", "Change a contact", RoleSalesperson, 0}, s.changeContact)
	handle(s, route{"mergeContact", http.MethodPost, "/contacts/{id}/merge", "Make another contact part of this one", RoleSupervisor, 0}, s.mergeContact)
	s.importRoute()
}

type contactQuery struct {
	Number    string         `query:"number" maxLength:"40" doc:"Exact, in any usual form"`
	Query     string         `query:"q" maxLength:"100" doc:"Parts of a name, or part of a number"`
	Owner     string         `query:"owner" maxLength:"64"`
	FollowUp  Optional[bool] `query:"follow_up"`
	DoNotCall Optional[bool] `query:"do_not_call"`
	Paging
}

type contactOutput struct {
	Location string `header:"Location"`
	Body     routing.Contact
}

func (s *Server) listContacts(ctx context.Context, q *contactQuery) (*listing[routing.Contact], error) {
	f := routing.ContactFilter{
		Query: q.Query, Owner: q.Owner, FollowUp: q.FollowUp.pointer(), DoNotCall: q.DoNotCall.pointer(), Page: q.page(),
	}
	if q.Number != "" {
		number, ok := s.normalize(q.Number)
		if !ok {
			return nil, refuse("query.number", "is no phone number", q.Number)
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
	Name      *string  `json:"name,omitempty" maxLength:"200" doc:"Default: the first number"`
	Numbers   []string `json:"numbers" minItems:"1" maxItems:"20" nullable:"false" doc:"In any usual form"`
	Country   *string  `json:"country,omitempty" maxLength:"2" doc:"ISO 3166-1 alpha-2; default: that of the first number"`
	Owner     *string  `json:"owner,omitempty" maxLength:"64"`
	FollowUp  *bool    `json:"follow_up,omitempty"`
	DoNotCall *bool    `json:"do_not_call,omitempty"`
	Notes     *string  `json:"notes,omitempty" maxLength:"10000"`
}

func (s *Server) createContact(ctx context.Context, in *struct{ Body newContact }) (*contactOutput, error) {
	b := in.Body
	if err := mayGive(callerOf(ctx), b.Owner); err != nil {
		return nil, err
	}
	c, err := s.book.Create(ctx, routing.ContactPatch{
		Name: b.Name, Numbers: &b.Numbers, Country: b.Country, Owner: b.Owner, FollowUp: b.FollowUp, DoNotCall: b.DoNotCall, Notes: b.Notes,
	})
	if err != nil {
		return nil, refusedContact(err)
	}
	return &contactOutput{Location: apiPrefix + "/contacts/" + c.ID, Body: shownContact(c)}, nil
}

type changedContact struct {
	Name      *string   `json:"name,omitempty" maxLength:"200"`
	Numbers   *[]string `json:"numbers,omitempty" minItems:"1" maxItems:"20" nullable:"false" doc:"All of them; in any usual form"`
	Country   *string   `json:"country,omitempty" maxLength:"2" doc:"ISO 3166-1 alpha-2"`
	Owner     *string   `json:"owner,omitempty" maxLength:"64" doc:"A user, or empty"`
	FollowUp  *bool     `json:"follow_up,omitempty"`
	DoNotCall *bool     `json:"do_not_call,omitempty"`
	Notes     *string   `json:"notes,omitempty" maxLength:"10000"`
}

func (s *Server) changeContact(ctx context.Context, in *struct {
	ID   string `path:"id" maxLength:"64"`
	Body changedContact
}) (*contactOutput, error) {
	if err := mayGive(callerOf(ctx), in.Body.Owner); err != nil {
		return nil, err
	}
	c, err := s.book.Change(ctx, in.ID, routing.ContactPatch(in.Body))
	if err != nil {
		return nil, refusedContact(err)
	}
	return &contactOutput{Body: shownContact(c)}, nil
}

// mayGive refuses a salesperson who makes a contact somebody else's: whose it
// is decides who gets the calls.
func mayGive(c Caller, owner *string) error {
	if owner == nil || *owner == "" || *owner == c.User || c.all() {
		return nil
	}
	return huma.Error403Forbidden("only a supervisor gives contacts to others",
		&huma.ErrorDetail{Location: "body.owner", Message: "is not you", Value: *owner})
}

// refusedContact says what an error about a contact is about.
func refusedContact(err error) error {
	switch {
	case errors.Is(err, routing.ErrNotFound):
		return notFound("contact")
	case errors.Is(err, routing.ErrConflict):
		return huma.Error409Conflict("a number belongs to another contact",
			&huma.ErrorDetail{Location: "body.numbers", Message: "belongs to another contact"})
	}
	return err
}

// mergeContact answers with the contact that stays. The other's id finds it
// from now on.
func (s *Server) mergeContact(ctx context.Context, in *struct {
	ID   string `path:"id" maxLength:"64" doc:"The contact that stays"`
	Body struct {
		ContactID string `json:"contact_id" minLength:"1" maxLength:"64" doc:"The contact that becomes part of it"`
	}
}) (*contactOutput, error) {
	c, err := s.book.Merge(ctx, in.ID, in.Body.ContactID)
	if errors.Is(err, routing.ErrNotFound) {
		return nil, notFound("contact")
	}
	if err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "contacts merged", "by", callerOf(ctx).name(), "contact", c.ID, "other", in.Body.ContactID)
	return &contactOutput{Body: shownContact(c)}, nil
}
