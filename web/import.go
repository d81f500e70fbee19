package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) importRoute() {
	op := s.operation(route{"importContacts", http.MethodPost, "/contacts/import", "Import contacts from a CSV file", RoleSupervisor, 0})
	op.Description += " The first line names the columns: name, numbers (several separated by |), country, owner, notes, do_not_call." +
		" A row whose number is known changes that contact: fields that are given, and numbers that are new. Rows with faults are reported and left out."
	op.MaxBodyBytes = maxImport + 1 // huma refuses a body of exactly the limit
	op.BodyReadTimeout = time.Minute
	register(s, op, s.importContacts)
}

// Imported is what became of an import.
type Imported struct {
	Rows    int        `json:"rows" doc:"That could be read"`
	Created int        `json:"created"`
	Changed int        `json:"changed"`
	DryRun  bool       `json:"dry_run" doc:"Nothing was stored"`
	Faults  []rowFault `json:"faults" nullable:"false" doc:"At most 1000"`
}

// maxFaults bounds the faults that are told of one import.
const maxFaults = 1000

type importedOutput struct{ Body Imported }

func (s *Server) importContacts(ctx context.Context, in *struct {
	DryRun  bool   `query:"dry_run" doc:"Check alone"`
	RawBody []byte `contentType:"text/csv"`
}) (*importedOutput, error) {
	rows, faults, err := parseContacts(in.RawBody)
	if file, ok := errors.AsType[*errFile](err); ok {
		return nil, refuse("body", file.message, nil)
	}
	if err != nil {
		return nil, err
	}
	result := Imported{DryRun: in.DryRun, Faults: faults, Rows: len(rows)}
	for _, row := range rows {
		created, fault, err := s.importRow(ctx, row, in.DryRun)
		switch {
		case err != nil:
			return nil, err
		case fault != nil:
			fault.Line = row.line
			result.Faults = append(result.Faults, *fault)
		case created:
			result.Created++
		default:
			result.Changed++
		}
	}
	slices.SortStableFunc(result.Faults, func(a, b rowFault) int { return cmp.Compare(a.Line, b.Line) })
	if result.Faults == nil {
		result.Faults = []rowFault{}
	}
	result.Faults = result.Faults[:min(len(result.Faults), maxFaults)]
	return &importedOutput{result}, nil
}

// importRow creates or changes one contact.
func (s *Server) importRow(ctx context.Context, row importRow, dryRun bool) (created bool, fault *rowFault, err error) {
	country, fault := s.readNumbers(&row)
	if fault != nil {
		return false, fault, nil
	}
	if row.owner != "" {
		if _, ok := s.floor.User(row.owner); !ok {
			return false, &rowFault{Field: "owner", Message: "there is no user " + row.owner}, nil
		}
	}
	known, fault, err := s.knownAs(ctx, row.numbers)
	if fault != nil || err != nil {
		return false, fault, err
	}
	switch {
	case dryRun:
	case known == "":
		err = s.importNew(ctx, row, country)
	default:
		err = s.importKnown(ctx, known, row)
	}
	if errors.Is(err, routing.ErrConflict) {
		return false, &rowFault{Field: "numbers", Message: "a number belongs to another contact"}, nil
	}
	return known == "", nil, err
}

// readNumbers makes E.164 of a row's numbers and returns the first one's country.
func (s *Server) readNumbers(row *importRow) (country string, fault *rowFault) {
	numbers, country, err := s.normalise(row.numbers)
	if err == nil {
		row.numbers = numbers
		return country, nil
	}
	message := err.Error()
	if m, ok := errors.AsType[*huma.ErrorModel](err); ok && len(m.Errors) > 0 {
		message = m.Errors[0].Message
	}
	return "", &rowFault{Field: "numbers", Message: message}
}

// knownAs returns the contact that has the numbers, or nothing. Numbers of two
// contacts are a fault: a file cannot make one of them.
func (s *Server) knownAs(ctx context.Context, numbers []string) (id string, fault *rowFault, err error) {
	for _, number := range numbers {
		c, err := s.contacts.ContactByNumber(ctx, number)
		if errors.Is(err, routing.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if id != "" && id != c.ID {
			return "", &rowFault{Field: "numbers", Message: "belong to two contacts"}, nil
		}
		id = c.ID
	}
	return id, nil, nil
}

func (s *Server) importNew(ctx context.Context, row importRow, country string) error {
	at := now()
	c := routing.Contact{
		ID: string(call.NewID(at)), Name: cmp.Or(routing.CleanName(row.name), row.numbers[0]), Numbers: row.numbers,
		Country: cmp.Or(row.country, country), Owner: row.owner, Notes: row.notes, CreatedAt: at,
	}
	assign(&c.DoNotCall, row.doNotCall)
	if err := s.contacts.CreateContact(ctx, c); err != nil {
		return err
	}
	s.publishContact(call.EventContactCreated, c)
	return nil
}

func (s *Server) importKnown(ctx context.Context, id string, row importRow) error {
	c, err := s.contacts.ChangeContact(ctx, id, func(c *routing.Contact) error {
		c.Name = cmp.Or(routing.CleanName(row.name), c.Name)
		c.Country = cmp.Or(row.country, c.Country)
		c.Owner = cmp.Or(row.owner, c.Owner)
		c.Notes = cmp.Or(row.notes, c.Notes)
		assign(&c.DoNotCall, row.doNotCall)
		for _, number := range row.numbers {
			if !slices.Contains(c.Numbers, number) {
				c.Numbers = append(c.Numbers, number)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.publishContact(call.EventContactChanged, shownContact(c))
	return nil
}
