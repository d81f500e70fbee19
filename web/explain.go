package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tandem/routing"
)

func (s *Server) explainRoutes() {
	handle(s, route{"explainNumber", http.MethodGet, "/explain", "Explain what would happen to a call from or to a number",
		RoleSupervisor, 0}, s.explainNumber)
}

type explanationOutput struct{ Body routing.Explanation }

func (s *Server) explainNumber(ctx context.Context, in *struct {
	Number string    `query:"number" required:"true" maxLength:"40" doc:"In any usual form"`
	At     time.Time `query:"at" doc:"Default: now"`
}) (*explanationOutput, error) {
	at := in.At.UTC()
	if in.At.IsZero() {
		at = now()
	}
	e, err := s.explainer.Explain(ctx, in.Number, at)
	if invalid, ok := errors.AsType[*routing.InvalidError](err); ok {
		return nil, refuse("query."+invalid.Field, invalid.Why, in.Number)
	}
	if err != nil {
		return nil, err
	}
	return &explanationOutput{e}, nil
}
