package web

import (
	"context"
	"net/http"
	"time"
)

func (s *Server) explainRoutes() {
	handle(s, route{"explainNumber", http.MethodGet, "/explain", "Explain what would happen to a call from or to a number",
		RoleSupervisor, 0}, s.explainNumber)
}

type explanationOutput struct{ Body Explanation }

func (s *Server) explainNumber(ctx context.Context, in *struct {
	Number string    `query:"number" required:"true" maxLength:"40" doc:"In any usual form"`
	At     time.Time `query:"at" doc:"Default: now"`
}) (*explanationOutput, error) {
	number, _, err := s.parseNumber(in.Number)
	if err != nil {
		return nil, refuse("query.number", err.Error(), in.Number)
	}
	at := in.At.UTC()
	if in.At.IsZero() {
		at = now()
	}
	e, err := s.explainer.Explain(ctx, number, at)
	if err != nil {
		return nil, err
	}
	if e.Inbound == nil {
		e.Inbound = []Finding{}
	}
	if e.Outbound == nil {
		e.Outbound = []Finding{}
	}
	return &explanationOutput{e}, nil
}
