package web

import (
	"context"
	"errors"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
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

// accept takes a call that is offered to the user, or picks up one that waits.
func (s *Server) accept(ctx context.Context, in *answerInput) (*callOutput, error) {
	rec, user, err := s.answers(ctx, in)
	if err != nil {
		return nil, err
	}
	if s.lines.Offered(in.ID, user) {
		return s.postAnswer(ctx, rec, call.Accept{User: user})
	}
	if rec.Direction != call.Inbound || rec.State != call.StateQueued {
		return nil, notOffered(user)
	}
	if err := s.floor.Reserve(ctx, in.ID, user, routing.ReservePickup); err != nil {
		if busy, is := errors.AsType[*routing.BusyError](err); is {
			return nil, huma.Error409Conflict(busy.Error(), &huma.ErrorDetail{Location: "body.user", Message: busy.Why, Value: user})
		}
		return nil, err
	}
	out, err := s.postAnswer(ctx, rec, call.Assigned{Users: []string{user}, Why: "picked up", Auto: true})
	if err != nil {
		s.floor.Over(in.ID, user, call.OutcomeWithdrawn)
	}
	return out, err
}

func (s *Server) reject(ctx context.Context, in *answerInput) (*callOutput, error) {
	rec, user, err := s.answers(ctx, in)
	if err != nil {
		return nil, err
	}
	if !s.lines.Offered(in.ID, user) {
		return nil, notOffered(user)
	}
	return s.postAnswer(ctx, rec, call.Reject{User: user})
}

// answers returns the call that is answered, and by whom.
func (s *Server) answers(ctx context.Context, in *answerInput) (call.Record, string, error) {
	rec, waits := s.lines.Live(in.ID)
	if !waits || rec.State != call.StateQueued || !s.sellsFor(callerOf(ctx).User, rec.Playbook) {
		var err error
		if rec, err = s.visible(ctx, in.ID); err != nil {
			return rec, "", err
		}
	}
	user, err := s.answering(callerOf(ctx), in)
	if err == nil && rec.State == call.StateEnded {
		err = errEnded()
	}
	return rec, user, err
}

// sellsFor reports whether a user belongs to a playbook: its waiting calls are
// theirs to pick up.
func (s *Server) sellsFor(user, playbook string) bool {
	u, ok := s.floor.User(user)
	return ok && slices.Contains(u.Playbooks, playbook)
}

// postAnswer tells a call what a user answers.
func (s *Server) postAnswer(ctx context.Context, rec call.Record, in call.Input) (*callOutput, error) {
	if !s.lines.Post(rec.ID, in) {
		return nil, errEnded()
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

// notOffered answers a user who answers what nobody asked them.
func notOffered(user string) error {
	return huma.Error409Conflict("the call is not offered to "+user+" now",
		&huma.ErrorDetail{Location: "body.user", Message: "is not offered the call", Value: user})
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
