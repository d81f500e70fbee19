package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"tandem/routing"
)

func (s *Server) importRoute() {
	op := s.operation(route{"importContacts", http.MethodPost, "/contacts/import", "Import contacts from a CSV file", RoleSupervisor, 0})
	op.Description += " The first line names the columns: numbers, name, country, owner, follow_up, do_not_call, notes. A line whose number is" +
		" known adds what that contact does not have. Lines that cannot be taken are left out; the report says what became of each."
	op.MaxBodyBytes = routing.ImportBytes + 1 // huma refuses a body of exactly the limit
	op.BodyReadTimeout = readTimeout
	register(s, op, s.importContacts)
}

type importOutput struct{ Body routing.ImportReport }

func (s *Server) importContacts(ctx context.Context, in *struct {
	DryRun  bool   `query:"dry_run" doc:"Store nothing, say what would be done"`
	RawBody []byte `contentType:"text/csv"`
}) (*importOutput, error) {
	report, err := s.book.Import(ctx, bytes.NewReader(in.RawBody), in.DryRun)
	if invalid, ok := errors.AsType[*routing.InvalidError](err); ok {
		return nil, refuse("body", "the file "+invalid.Why, nil)
	}
	if err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "contacts imported", "by", callerOf(ctx).name(), "dry_run", report.DryRun,
		"created", report.Created, "updated", report.Updated, "unchanged", report.Unchanged, "refused", report.Refused)
	return &importOutput{report}, nil
}
