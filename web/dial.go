package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
)

// dialInput is whom a user wants to call.
type dialInput struct {
	Body struct {
		User      string `json:"user,omitempty" maxLength:"64" doc:"Who calls; default: the caller's own"`
		To        string `json:"to,omitempty" maxLength:"64" doc:"A number as people write it, or an extension"`
		ContactID string `json:"contact_id,omitempty" maxLength:"64" doc:"Instead of to: the contact's first number"`
		TaskID    string `json:"task_id,omitempty" maxLength:"64" doc:"Instead of to: the task's contact; the task is done when they were talked to"`
		Number    string `json:"number,omitempty" maxLength:"64" doc:"The account's number that is to be shown; default: by the rules"`
	}
}

func (s *Server) dialRoutes() {
	handle(s, route{"dial", http.MethodPost, "/calls", "Call somebody: the user's phone rings first", RoleSalesperson, http.StatusAccepted}, s.dial)
	handle(s, route{"holdCall", http.MethodPost, "/calls/{id}/hold", "Put the contact on hold: they hear music", RoleSalesperson, http.StatusAccepted}, s.hold)
	handle(s, route{"resumeCall", http.MethodPost, "/calls/{id}/resume", "Take the contact back from hold", RoleSalesperson, http.StatusAccepted}, s.resume)
	handle(s, route{"muteCall", http.MethodPost, "/calls/{id}/mute", "Keep from the contact what the salesperson says", RoleSalesperson, http.StatusAccepted}, s.mute)
	handle(s, route{"unmuteCall", http.MethodPost, "/calls/{id}/unmute", "Let the contact hear the salesperson again", RoleSalesperson, http.StatusAccepted}, s.unmute)
	handle(s, route{"pauseRecording", http.MethodPost, "/calls/{id}/recording/pause", "Record silence, e.g. while card data is told", RoleSalesperson, http.StatusAccepted}, s.pauseRecording)
	handle(s, route{"resumeRecording", http.MethodPost, "/calls/{id}/recording/resume", "Record again", RoleSalesperson, http.StatusAccepted}, s.resumeRecording)
	handle(s, route{"transferCall", http.MethodPost, "/calls/{id}/transfer", "Pass the call on to a user, a playbook or a number", RoleSalesperson, http.StatusAccepted}, s.transfer)
}

// dial places a call: it is durable, and the user's phone rings, when it is
// answered with 202.
func (s *Server) dial(ctx context.Context, in *dialInput) (*callOutput, error) {
	b := in.Body
	user, err := s.dialer(callerOf(ctx), b.User)
	if err != nil {
		return nil, err
	}
	targets := 0
	for _, t := range []string{b.To, b.ContactID, b.TaskID} {
		if t != "" {
			targets++
		}
	}
	if targets != 1 {
		return nil, refuse("body.to", "say one of to, contact_id and task_id", nil)
	}
	if err := s.yours(ctx, b.TaskID); err != nil {
		return nil, err
	}
	rec, err := s.lines.Place(ctx, call.Origination{
		Call: call.NewID(time.Now()), User: user, Dialed: b.To, ContactID: b.ContactID, TaskID: b.TaskID, Number: b.Number,
	})
	if err != nil {
		return nil, unplaced(err)
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

// dialer returns on whose behalf the caller dials.
func (s *Server) dialer(c Caller, name string) (string, error) {
	switch {
	case name == "" && c.User == "":
		return "", refuse("body.user", "say who calls", nil)
	case name == "":
		return c.User, nil
	case name != c.User && !c.all():
		return "", huma.Error403Forbidden("only a supervisor calls for others",
			&huma.ErrorDetail{Location: "body.user", Message: "is not you", Value: name})
	}
	return name, nil
}

// yours refuses a task that the caller may not see.
func (s *Server) yours(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	task, err := s.tasks.Task(ctx, id)
	if err != nil {
		return err
	}
	if !seesTask(callerOf(ctx), task) {
		return notFound("task")
	}
	return nil
}

// unplaced says why a call, or a transfer, cannot be.
func unplaced(err error) error {
	if errors.Is(err, call.ErrFull) || errors.Is(err, call.ErrDraining) {
		return huma.Error503ServiceUnavailable(err.Error())
	}
	r, ok := errors.AsType[*call.Refusal](err)
	if !ok {
		return err
	}
	detail := func(field string) error { return &huma.ErrorDetail{Location: "body." + field, Message: r.Cause.Text} }
	switch r.Kind {
	case call.RefusedUnknown:
		return huma.Error404NotFound(r.Cause.Text)
	case call.RefusedNumber:
		return huma.Error422UnprocessableEntity(r.Cause.Text, detail("to"))
	case call.RefusedContact, call.RefusedForbidden:
		return huma.Error403Forbidden(r.Cause.Text, detail("to"))
	case call.RefusedBusy:
		return huma.Error409Conflict(r.Cause.Text, detail("user"))
	case call.RefusedNoNumber, call.RefusedOther:
	}
	return huma.Error409Conflict(r.Cause.Text)
}

func (s *Server) hold(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.Hold{By: by, On: true} })
}

func (s *Server) resume(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.Hold{By: by} })
}

func (s *Server) mute(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.Mute{By: by, On: true} })
}

func (s *Server) unmute(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.Mute{By: by} })
}

func (s *Server) pauseRecording(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.PauseRecording{By: by, On: true} })
}

func (s *Server) resumeRecording(ctx context.Context, in *callPath) (*callOutput, error) {
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.PauseRecording{By: by} })
}

// inCall posts what somebody wants of a conversation.
func (s *Server) inCall(ctx context.Context, id call.ID, input func(by string) call.Input) (*callOutput, error) {
	rec, err := s.conversation(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.lines.Post(id, input(callerOf(ctx).name())) {
		return nil, errEnded()
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

// conversation returns a call in which two people are connected.
func (s *Server) conversation(ctx context.Context, id call.ID) (call.Record, error) {
	rec, err := s.visible(ctx, id)
	if err != nil {
		return rec, err
	}
	return rec, connected(rec)
}

// connected says why a call is no conversation, or nil.
func connected(rec call.Record) error {
	switch rec.State {
	case call.StateActive, call.StateHeld:
		return nil
	case call.StateEnded:
		return errEnded()
	case call.StateQueued, call.StateRinging, call.StateDialing:
	}
	return huma.Error409Conflict("nobody is connected in the call yet: it is " + string(rec.State))
}

// transfer passes a call on. Where it goes is checked before it is accepted;
// a colleague who does not answer gives the call back.
func (s *Server) transfer(ctx context.Context, in *struct {
	ID   call.ID `path:"id" doc:"ULID"`
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"64" doc:"A user, an extension, a playbook or a number"`
	}
}) (*callOutput, error) {
	rec, err := s.conversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.transfers.Directable(ctx, rec, in.Body.To); err != nil {
		return nil, unplaced(err)
	}
	return s.inCall(ctx, in.ID, func(by string) call.Input { return call.Transfer{By: by, To: in.Body.To} })
}
