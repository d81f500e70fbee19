package web

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
)

// answerInput is an acceptance or a rejection from the screen.
type answerInput struct {
	ID   call.ID `path:"id" doc:"ULID"`
	Body *struct {
		User string `json:"user,omitempty" maxLength:"64" doc:"Whose answer it is; default: the caller's own"`
	}
}

// errEnded answers whoever acts on a call that is over.
func errEnded() error { return huma.Error409Conflict("the call has ended") }

// hangUp ends a call for everybody on it.
func (s *Server) hangUp(ctx context.Context, in *callPath) (*struct{}, error) {
	if _, err := s.visible(ctx, in.ID); err != nil {
		return nil, err
	}
	if !s.lines.Post(in.ID, call.Hangup{By: callerOf(ctx).name()}) {
		return nil, errEnded()
	}
	return nil, nil
}

func (s *Server) accept(ctx context.Context, in *answerInput) (*callOutput, error) {
	return s.answer(ctx, in, func(user string) call.Input { return call.Accept{User: user} })
}

func (s *Server) reject(ctx context.Context, in *answerInput) (*callOutput, error) {
	return s.answer(ctx, in, func(user string) call.Input { return call.Reject{User: user} })
}

// answer posts a user's answer to the offer of a call.
func (s *Server) answer(ctx context.Context, in *answerInput, input func(user string) call.Input) (*callOutput, error) {
	rec, err := s.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	user, err := s.answering(callerOf(ctx), in)
	if err != nil {
		return nil, err
	}
	if rec.State == call.StateEnded {
		return nil, errEnded()
	}
	if !s.lines.Offered(in.ID, user) {
		return nil, huma.Error409Conflict("the call is not offered to "+user+" now",
			&huma.ErrorDetail{Location: "body.user", Message: "is not offered the call", Value: user})
	}
	if !s.lines.Post(in.ID, input(user)) {
		return nil, errEnded()
	}
	return &callOutput{s.shown(rec)}, nil
}

// answering returns whose answer it is.
func (s *Server) answering(c Caller, in *answerInput) (string, error) {
	if in.Body == nil || in.Body.User == "" {
		if c.User == "" {
			return "", refuse("body.user", "say whose answer it is", nil)
		}
		return c.User, nil
	}
	name := in.Body.User
	if name != c.User && !c.all() {
		return "", huma.Error403Forbidden("only a supervisor answers for others",
			&huma.ErrorDetail{Location: "body.user", Message: "is not you", Value: name})
	}
	if _, ok := s.floor.User(name); !ok {
		return "", refuse("body.user", "there is no such user", name)
	}
	return name, nil
}
