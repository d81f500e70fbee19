package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

// problem maps an error to what the caller is told (RFC 9457). Nothing else
// in this package does. What we do not know is our own fault: it is logged,
// and the caller learns no more than that.
func (s *Server) problem(ctx context.Context, operation string, err error) error {
	if se, ok := errors.AsType[huma.StatusError](err); ok {
		return se
	}
	if invalid, ok := errors.AsType[*routing.InvalidError](err); ok {
		return refuse("body."+invalid.Field, invalid.Why, nil)
	}
	switch {
	case errors.Is(err, routing.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return huma.Error404NotFound("there is no such thing, or it is not yours to see")
	case errors.Is(err, routing.ErrConflict):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, context.Canceled):
		return huma.Error503ServiceUnavailable("the request was given up")
	}
	s.log.ErrorContext(ctx, "request failed", "operation", operation, "error", err)
	return huma.Error500InternalServerError("the switch could not do this; its log says why")
}

// refuse says which field of a request is at fault, e.g. body.user or query.from.
func refuse(location, message string, value any) error {
	return huma.Error422UnprocessableEntity("validation failed",
		&huma.ErrorDetail{Location: location, Message: message, Value: value})
}

// notFound says that there is no such call, contact, task or user.
func notFound(what string) huma.StatusError { return huma.Error404NotFound("there is no such " + what) }

// maxEcho is how much of a faulty value is sent back, in bytes.
const maxEcho = 200

// clipEcho shortens what a problem repeats of a request.
func clipEcho(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	for _, detail := range m.Errors {
		if text, ok := detail.Value.(string); ok && len(text) > maxEcho {
			detail.Value = text[:maxEcho]
		}
	}
	return m, nil
}

// writeProblem answers outside of an operation: unknown paths, methods, tokens.
func writeProblem(w http.ResponseWriter, err huma.StatusError) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(err.GetStatus())
	// A peer that is gone cannot be told anything.
	_ = huma.DefaultJSONFormat.Marshal(w, err)
}
