package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) coachRoutes() {
	handle(s, route{"coachCall", http.MethodPost, "/calls/{id}/coach", "Coach a conversation: the coach's phone lifts by itself and joins, heard by nobody at first",
		RoleSalesperson, http.StatusAccepted}, s.coach)
	handle(s, route{"switchCoach", http.MethodPatch, "/calls/{id}/coach/{user}", "Choose who hears a coach", RoleSalesperson, http.StatusAccepted}, s.switchCoach)
	handle(s, route{"leaveCoach", http.MethodDelete, "/calls/{id}/coach/{user}", "End a coaching; a coach who waits for the salesperson's next conversation stops waiting",
		RoleSalesperson, http.StatusAccepted}, s.leaveCoach)
}

// coachPath is a coach of a call in a path.
type coachPath struct {
	ID   call.ID `path:"id" doc:"ULID"`
	User string  `path:"user" maxLength:"64"`
}

// coach lets a user join a conversation. Whatever can be known before their
// phone is called is checked before the answer.
func (s *Server) coach(ctx context.Context, in *struct {
	ID   call.ID `path:"id" doc:"ULID"`
	Body struct {
		User   string         `json:"user,omitempty" maxLength:"64" doc:"Who coaches; default: the caller"`
		Mode   call.CoachMode `json:"mode,omitempty" enum:"listen,whisper,barge" default:"listen" doc:"listen: nobody hears them; whisper: the salesperson does; barge: everybody does"`
		Follow string         `json:"follow,omitempty" enum:"call,user" default:"call" doc:"call: until the call ends, whoever talks; user: with the salesperson, call after call"`
	}
}) (*callOutput, error) {
	user, err := s.coachFor(callerOf(ctx), in.Body.User, "body.user")
	if err != nil {
		return nil, err
	}
	rec, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := connected(rec); err != nil {
		return nil, err
	}
	as, err := s.coaching.Coach(ctx, rec, routing.CoachRequest{User: user, Mode: in.Body.Mode, Stays: in.Body.Follow == "user"})
	if err != nil {
		return nil, uncoached(err)
	}
	if !s.lines.Post(in.ID, call.Coach{Coaching: as}) {
		s.floor.Over(in.ID, user, call.OutcomeWithdrawn)
		return nil, errEnded()
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

func (s *Server) switchCoach(ctx context.Context, in *struct {
	ID   call.ID `path:"id" doc:"ULID"`
	User string  `path:"user" maxLength:"64"`
	Body struct {
		Mode call.CoachMode `json:"mode" enum:"listen,whisper,barge"`
	}
}) (*callOutput, error) {
	rec, err := s.coachedCall(ctx, in.ID, in.User)
	if err != nil {
		return nil, err
	}
	if in.Body.Mode == call.CoachBarges && !s.coaching.CoachingRules().Barge {
		return nil, uncoached(routing.NoBarge())
	}
	if !coaches(rec, in.User) {
		return nil, notCoaching(in.User)
	}
	if !s.lines.Post(in.ID, call.CoachSwitch{User: in.User, Mode: in.Body.Mode}) {
		return nil, errEnded()
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

func (s *Server) leaveCoach(ctx context.Context, in *coachPath) (*callOutput, error) {
	rec, err := s.coachedCall(ctx, in.ID, in.User)
	if err != nil {
		return nil, err
	}
	at := in.ID
	if !coaches(rec, in.User) {
		u, _ := s.floor.User(in.User)
		waits := u.Activity == routing.ActivityCoaching && (u.CallID == in.ID || slices.Contains(rec.Coaches, in.User))
		if !waits {
			return nil, notCoaching(in.User)
		}
		at = u.CallID
	}
	if !s.lines.Post(at, call.CoachLeave{User: in.User}) {
		return nil, errEnded()
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

// coachedCall returns a call whose coach the caller acts for.
func (s *Server) coachedCall(ctx context.Context, id call.ID, user string) (call.Record, error) {
	if _, err := s.coachFor(callerOf(ctx), user, "path.user"); err != nil {
		return call.Record{}, err
	}
	return s.find(ctx, id)
}

// coachFor returns the coach for whom the caller acts: themself, or anybody for
// those who see everybody's calls.
func (s *Server) coachFor(c Caller, name, field string) (string, error) {
	roles := s.coaching.CoachingRules().Roles
	switch {
	case !c.Local && !slices.Contains(roles, string(c.Role)):
		return "", huma.Error403Forbidden("coaching is for " + strings.Join(roles, ", "))
	case name == "" && c.User == "":
		return "", refuse(field, "say who coaches", nil)
	case name == "":
		return c.User, nil
	case name != c.User && !c.all():
		return "", huma.Error403Forbidden("only a supervisor lets others coach",
			&huma.ErrorDetail{Location: field, Message: "is not you", Value: name})
	}
	return name, nil
}

// seesCoaches reports whether a caller may know who coaches.
func (s *Server) seesCoaches(c Caller) bool { return c.all() || s.coaching.CoachingRules().Notify }

// coaches reports whether a user is in a call as its coach.
func coaches(rec call.Record, user string) bool {
	return slices.ContainsFunc(rec.Coachings, func(s call.CoachSession) bool { return s.User == user && s.LeftAt == nil })
}

func notCoaching(user string) error {
	return huma.Error409Conflict(user + " does not coach this call now")
}

// uncoached says why somebody may not coach.
func uncoached(err error) error {
	r, ok := errors.AsType[*call.Refusal](err)
	if !ok {
		return err
	}
	detail := &huma.ErrorDetail{Location: "body.user", Message: r.Cause.Text}
	switch r.Kind {
	case call.RefusedUnknown:
		return huma.Error404NotFound(r.Cause.Text, detail)
	case call.RefusedForbidden:
		return huma.Error403Forbidden(r.Cause.Text, detail)
	case call.RefusedBusy, call.RefusedNumber, call.RefusedContact, call.RefusedNoNumber, call.RefusedOther:
	}
	return huma.Error409Conflict(r.Cause.Text, detail)
}
