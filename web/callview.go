package web

import (
	"context"
	"errors"
	"time"

	"tandem/call"
	"tandem/routing"
)

// Call is a call as the API shows it: the record without its trail, which
// /calls/{id}/explain shows, and without nulls where lists belong.
type Call struct {
	call.Record
	Coaches []string                `json:"coaches" nullable:"false"`
	Quality map[string]call.Quality `json:"quality" doc:"By role: what was received from contact and salesperson"`
	Trail   []call.Mark             `json:"trail,omitempty" hidden:"true"`
}

// shown returns a record as the API shows it to the caller.
func (s *Server) shown(ctx context.Context, rec call.Record) Call {
	if !s.seesCoaches(callerOf(ctx)) {
		rec.Coaches, rec.Coachings = nil, nil
	}
	rec.StartedAt = rec.StartedAt.UTC()
	rec.AnsweredAt = utc(rec.AnsweredAt)
	rec.EndedAt = utc(rec.EndedAt)
	if rec.Recording != nil && rec.Recording.URL == "" {
		r := *rec.Recording
		r.URL = s.publicURL + apiPrefix + "/calls/" + string(rec.ID) + "/recording"
		rec.Recording = &r
	}
	c := Call{Record: rec, Coaches: rec.Coaches, Quality: rec.Quality}
	if c.Coaches == nil {
		c.Coaches = []string{}
	}
	if c.Quality == nil {
		c.Quality = map[string]call.Quality{}
	}
	return c
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// find returns a call: as the exchange has it while it is alive, with what
// others wrote about it in the store.
func (s *Server) find(ctx context.Context, id call.ID) (call.Record, error) {
	if !call.ValidID(string(id)) {
		return call.Record{}, notFound("call")
	}
	live, alive := s.lines.Live(id)
	stored, err := s.calls.Call(ctx, id)
	switch {
	case errors.Is(err, routing.ErrNotFound) && alive:
		return live, nil
	case errors.Is(err, routing.ErrNotFound):
		return call.Record{}, notFound("call")
	case err != nil:
		return call.Record{}, err
	case alive:
		return latest(live, stored), nil
	}
	return stored, nil
}

// visible is find for a caller: what is not theirs is not there.
func (s *Server) visible(ctx context.Context, id call.ID) (call.Record, error) {
	rec, err := s.find(ctx, id)
	if err != nil {
		return call.Record{}, err
	}
	if !s.seesCall(callerOf(ctx), rec) {
		return call.Record{}, notFound("call")
	}
	return rec, nil
}

// latest returns a live record with what only the stored one says: the
// annotations, and whose call it is since contacts were merged. A stored result
// is the last word: the exchange shows it later than it is stored.
func latest(live, stored call.Record) call.Record {
	if stored.Result != call.ResultNone {
		return stored
	}
	live.Recording = stored.Recording
	live.Notes = stored.Notes
	live.Disposition = stored.Disposition
	live.CRM = stored.CRM
	if stored.ContactID != "" {
		live.ContactID = stored.ContactID
	}
	return live
}
