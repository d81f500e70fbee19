package bolt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tandem/call"
	"tandem/routing"
)

// The marks that a recording leaves in its call's trail.
const (
	markHeld     = "recording_held"
	markReleased = "recording_released"
	markDeleted  = "recording_deleted"
)

// HoldRecording implements routing.Shelf.
func (s *Store) HoldRecording(ctx context.Context, id call.ID, h call.LegalHold) (call.Record, error) {
	return s.changeRecording(ctx, id, func(r *call.Record) error {
		if was := r.Recording.Hold; was != nil && was.By == h.By && was.Reason == h.Reason {
			return nil
		}
		r.Recording.Hold = &h
		trace(r, call.Mark{At: h.At, What: markHeld, User: h.By, Why: h.Reason})
		return nil
	})
}

// ReleaseRecording implements routing.Shelf.
func (s *Store) ReleaseRecording(ctx context.Context, id call.ID, by string, at time.Time) (call.Record, error) {
	return s.changeRecording(ctx, id, func(r *call.Record) error {
		if r.Recording.Hold == nil {
			return nil
		}
		trace(r, call.Mark{At: at, What: markReleased, User: by, Why: "was held: " + r.Recording.Hold.Reason})
		r.Recording.Hold = nil
		return nil
	})
}

// changeRecording is changeCall for the recording of a call that has ended.
// What change gets shares nothing with the record as it was.
func (s *Store) changeRecording(ctx context.Context, id call.ID, change func(*call.Record) error) (call.Record, error) {
	return s.changeCall(ctx, id, nil, func(r *call.Record) error {
		if r.Result == call.ResultNone {
			return fmt.Errorf("call %s goes on: %w", id, routing.ErrConflict)
		}
		if r.Recording == nil {
			return fmt.Errorf("recording of call %s: %w", id, routing.ErrNotFound)
		}
		recording := *r.Recording
		r.Recording = &recording
		return change(r)
	})
}

// DropRecording implements routing.Shelf.
func (s *Store) DropRecording(ctx context.Context, id call.ID, d routing.Deletion) error {
	return change(ctx, s, func(t *txn) error {
		old, err := t.calls.get(t, string(id))
		switch {
		case err != nil:
			return err
		case old.Result == call.ResultNone:
			return fmt.Errorf("call %s goes on: %w", id, routing.ErrConflict)
		case old.Recording == nil:
			return nil
		case old.Recording.Hold != nil:
			return fmt.Errorf("recording of call %s is on hold, by %s: %s: %w", id, old.Recording.Hold.By, old.Recording.Hold.Reason, routing.ErrConflict)
		}
		rec := old
		rec.Recording = nil
		trace(&rec, call.Mark{At: d.At, What: markDeleted, User: d.By, Why: d.Why})
		return t.calls.put(t, &old, rec)
	})
}

// trace adds a step to a call's trail; the trail as it was stays whole.
func trace(r *call.Record, m call.Mark) {
	m.At = m.At.UTC()
	r.Trail = append(slices.Clip(r.Trail), m)
}
