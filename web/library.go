package web

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

type recordingQuery struct {
	Contact  string    `query:"contact" maxLength:"64" doc:"The contact's id"`
	User     string    `query:"user" maxLength:"64"`
	Playbook string    `query:"playbook" maxLength:"64"`
	Held     bool      `query:"held" doc:"true: those alone that are on hold"`
	From     time.Time `query:"from" doc:"Of calls that began at this time or later"`
	Until    time.Time `query:"until" doc:"Of calls that began before this time"`
	Paging
}

// filter is the query for the store, narrowed to what a caller may hear; false
// when that is nothing.
func (s *Server) filter(c Caller, q *recordingQuery) (f routing.CallFilter, some bool) {
	f = routing.CallFilter{
		User: q.User, Contact: q.Contact, Recorded: true, Held: q.Held, From: q.From, Until: q.Until, Page: q.page(),
	}
	if q.Playbook != "" {
		f.Playbooks = []string{q.Playbook}
	}
	if !c.all() {
		f.User = c.User
		return f, q.User == "" || q.User == c.User
	}
	own := s.supervised(c)
	if c.Role.includes(RoleAdmin) || len(own) == 0 || q.User == c.User && c.User != "" {
		return f, true
	}
	if q.Playbook == "" {
		f.Playbooks = own
		return f, true
	}
	return f, slices.Contains(own, q.Playbook)
}

// listRecordings lists calls that have a recording.
func (s *Server) listRecordings(ctx context.Context, q *recordingQuery) (*listing[Call], error) {
	if !q.From.IsZero() && !q.Until.IsZero() && q.Until.Before(q.From) {
		return nil, refuse("query.until", "is before query.from", q.Until)
	}
	f, some := s.filter(callerOf(ctx), q)
	if !some {
		return listed[Call](nil, ""), nil
	}
	items, next, err := s.calls.Calls(ctx, f)
	if err != nil {
		return nil, err
	}
	calls := make([]Call, 0, len(items))
	for _, rec := range items {
		calls = append(calls, s.shown(ctx, rec))
	}
	return listed(calls, next), nil
}

// sealed returns a call whose recording is sealed.
func (s *Server) sealed(ctx context.Context, id call.ID) (call.Record, error) {
	rec, err := s.audible(ctx, id)
	switch {
	case err != nil:
		return rec, err
	case rec.State != call.StateEnded:
		return rec, errRecording()
	case rec.Recording == nil:
		return rec, notFound("recording")
	}
	return rec, nil
}

type holdInput struct {
	ID   call.ID `path:"id" doc:"ULID"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"For whoever wonders later"`
	}
}

// holdRecording keeps a recording from being deleted, by age or by hand.
func (s *Server) holdRecording(ctx context.Context, in *holdInput) (*callOutput, error) {
	if _, err := s.sealed(ctx, in.ID); err != nil {
		return nil, err
	}
	by := callerOf(ctx).name()
	rec, err := s.shelf.HoldRecording(ctx, in.ID, call.LegalHold{By: by, At: now(), Reason: in.Body.Reason})
	if err != nil {
		return nil, noRecording(err)
	}
	s.log.InfoContext(ctx, "recording held", "call_id", in.ID, "user", by, "reason", in.Body.Reason)
	return &callOutput{s.shown(ctx, rec)}, nil
}

func (s *Server) releaseRecording(ctx context.Context, in *callPath) (*struct{}, error) {
	if _, err := s.sealed(ctx, in.ID); err != nil {
		return nil, err
	}
	by := callerOf(ctx).name()
	if _, err := s.shelf.ReleaseRecording(ctx, in.ID, by, now()); err != nil {
		return nil, noRecording(err)
	}
	s.log.InfoContext(ctx, "recording released", "call_id", in.ID, "user", by)
	return nil, nil
}

type deletionInput struct {
	ID     call.ID `path:"id" doc:"ULID"`
	Reason string  `query:"reason" required:"true" minLength:"1" maxLength:"500" doc:"Kept with the call"`
}

func (s *Server) deleteRecording(ctx context.Context, in *deletionInput) (*struct{}, error) {
	rec, err := s.sealed(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if h := rec.Recording.Hold; h != nil {
		return nil, huma.Error409Conflict("the recording is on hold, by " + h.By + ": " + h.Reason)
	}
	return nil, noRecording(s.recordings.RemoveRecording(ctx, in.ID, callerOf(ctx).name(), in.Reason))
}

type accessQuery struct {
	ID call.ID `path:"id" doc:"ULID"`
	Paging
}

// listAccesses also tells of recordings that are gone.
func (s *Server) listAccesses(ctx context.Context, q *accessQuery) (*listing[routing.Access], error) {
	if _, err := s.audible(ctx, q.ID); err != nil {
		return nil, err
	}
	items, next, err := s.accesses.Accesses(ctx, q.ID, q.page())
	if err != nil {
		return nil, err
	}
	for i := range items {
		if items[i].Ranges == nil {
			items[i].Ranges = []string{}
		}
	}
	return listed(items, next), nil
}
