package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// Admit implements routing.Journal. IDs that the admission leaves empty are
// made here; a call that is stored already is routing.ErrConflict.
func (s *Store) Admit(ctx context.Context, a routing.Admission) (routing.Admitted, error) {
	return update(ctx, s, func(t *txn) (routing.Admitted, error) { return t.admit(a) })
}

func (t *txn) admit(a routing.Admission) (routing.Admitted, error) {
	var out routing.Admitted
	if t.value(t.calls.name, string(a.Record.ID)) != nil {
		return out, fmt.Errorf("call %s: %w", a.Record.ID, routing.ErrConflict)
	}
	out.Record, out.Task = a.Record, a.Task
	if a.Caller != nil && a.Record.From != "" {
		contact, created, err := t.caller(a)
		if err != nil {
			return out, err
		}
		out.Contact, out.Created = &contact, created
		out.Record.ContactID = contact.ID
	}
	out.Task = callTask(a.Task, out.Record)
	out.Record.TaskID = out.Task.ID
	if err := t.putTask(nil, out.Task); err != nil {
		return out, err
	}
	return out, t.calls.put(t, nil, out.Record)
}

// Place implements routing.Journal; a call that is stored already is
// routing.ErrConflict.
func (s *Store) Place(ctx context.Context, p routing.Placing) (routing.Placed, error) {
	return update(ctx, s, func(t *txn) (routing.Placed, error) { return t.place(p) })
}

func (t *txn) place(p routing.Placing) (routing.Placed, error) {
	out := routing.Placed{Record: p.Record}
	if t.value(t.calls.name, string(p.Record.ID)) != nil {
		return out, fmt.Errorf("call %s: %w", p.Record.ID, routing.ErrConflict)
	}
	if p.Callee != nil {
		c, err := t.contactByNumber(p.Record.To)
		if errors.Is(err, routing.ErrNotFound) {
			c, out.Created = *p.Callee, true
			err = t.createContact(c)
		}
		if err != nil {
			return out, err
		}
		out.Contact, out.Record.ContactID = &c, c.ID
	}
	return out, t.calls.put(t, nil, out.Record)
}

// caller finds the contact of an arriving call or creates it, and notes which
// of our numbers it called.
func (t *txn) caller(a routing.Admission) (c routing.Contact, created bool, err error) {
	c, err = t.contactByNumber(a.Record.From)
	if err == nil {
		if a.Record.Number == "" || c.LastNumber == a.Record.Number {
			return c, false, nil
		}
		was := c
		c.LastNumber = a.Record.Number
		return c, false, t.putContact(&was, c)
	}
	if !errors.Is(err, routing.ErrNotFound) {
		return c, false, err
	}
	c = *a.Caller
	if c.ID == "" {
		c.ID = string(call.NewID(a.Record.StartedAt))
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = a.Record.StartedAt
	}
	c.Numbers = []string{a.Record.From}
	c.LastNumber = a.Record.Number
	return c, true, t.createContact(c)
}

// callTask completes the Inbound Call task of a call.
func callTask(task routing.Task, rec call.Record) routing.Task {
	if task.ID == "" {
		task.ID = string(call.NewID(rec.StartedAt))
	}
	if task.Kind == "" {
		task.Kind = routing.TaskInboundCall
	}
	if task.State == "" {
		task.State = call.TaskOpen
	}
	if task.Playbook == "" {
		task.Playbook = rec.Playbook
	}
	if task.CreatedAt.IsZero() {
		task.CreatedAt = rec.StartedAt
	}
	if task.UpdatedAt.IsZero() {
		task.UpdatedAt = task.CreatedAt
	}
	task.CallID, task.ContactID = rec.ID, rec.ContactID
	return task
}

// SaveCall implements routing.Journal. A call that was never admitted (an
// outbound one) is stored as new. A call that has ended refuses any other
// result with routing.ErrConflict.
func (s *Store) SaveCall(ctx context.Context, c routing.Closing) (routing.Closed, error) {
	if c.Change.Record.ID == "" {
		return routing.Closed{}, errors.New("store: a call without an ID")
	}
	return update(ctx, s, func(t *txn) (routing.Closed, error) { return t.saveCall(c) })
}

func (t *txn) saveCall(c routing.Closing) (routing.Closed, error) {
	var out routing.Closed
	rec := c.Change.Record
	old, err := t.calls.get(t, string(rec.ID))
	if err != nil && !errors.Is(err, routing.ErrNotFound) {
		return out, err
	}
	var was *call.Record
	if err == nil {
		was = &old
		if old.Result != call.ResultNone && old.Result != rec.Result {
			return out, fmt.Errorf("call %s has ended as %s, not %q: %w", rec.ID, old.Result, rec.Result, routing.ErrConflict)
		}
		if old.Result != call.ResultNone {
			return out, nil
		}
		rec = merge(old, rec)
	}
	rec.ContactID = t.contactID(rec.ContactID) // a live call does not hear of merges
	c.Change.Record = rec
	if out.Task, err = t.advanceTask(c.Change); err != nil {
		return out, err
	}
	if out.Missed, out.Created, err = t.missed(c); err != nil {
		return out, err
	}
	if out.Contact, err = t.flag(c.Change); err != nil {
		return out, err
	}
	if rec.Result != call.ResultNone && c.CRM != "" {
		if rec.CRM, err = t.enqueue(rec, c.CRM); err != nil {
			return out, err
		}
	}
	return out, t.calls.put(t, was, rec)
}

// merge keeps what others wrote about the call, and what the call itself had
// said and now leaves out.
func merge(old, rec call.Record) call.Record {
	rec.Recording, rec.CRM = old.Recording, old.CRM
	rec.Notes, rec.Disposition = old.Notes, old.Disposition
	if rec.ContactID == "" {
		rec.ContactID = old.ContactID
	}
	if rec.TaskID == "" {
		rec.TaskID = old.TaskID
	}
	if len(rec.Coaches) == 0 {
		rec.Coaches = old.Coaches
	}
	if len(rec.Quality) == 0 {
		rec.Quality = old.Quality
	}
	return rec
}

// advanceTask takes the call's own task along. A task that is done stays done,
// and an Inbound Call task belongs to whoever has the call.
func (t *txn) advanceTask(ch call.Change) (*routing.Task, error) {
	if ch.Record.TaskID == "" {
		return nil, nil
	}
	old, err := t.tasks.get(t, ch.Record.TaskID)
	if errors.Is(err, routing.ErrNotFound) || (err == nil && old.State == call.TaskDone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	task := old
	if ch.Task != "" {
		task.State = ch.Task
	}
	if task.Kind == routing.TaskInboundCall && ch.Record.User != "" {
		task.User = ch.Record.User
	}
	if task.State == old.State && task.User == old.User {
		return nil, nil
	}
	task.UpdatedAt = savedAt(ch.Record)
	return &task, t.putTask(&old, task)
}

// savedAt is when what a record says came about: its end, or now.
func savedAt(rec call.Record) time.Time {
	if rec.EndedAt != nil {
		return rec.EndedAt.UTC()
	}
	return time.Now().UTC()
}

// Note implements routing.Annotations.
func (s *Store) Note(ctx context.Context, id call.ID, notes, disposition *string) (call.Record, error) {
	return s.changeCall(ctx, id, crm.Entry.Edited, func(r *call.Record) error {
		if notes != nil {
			r.Notes = *notes
		}
		if disposition != nil {
			r.Disposition = *disposition
		}
		return nil
	})
}

// SetRecording implements routing.Annotations.
func (s *Store) SetRecording(ctx context.Context, id call.ID, rec call.Recording) error {
	_, err := s.changeCall(ctx, id, crm.Entry.Recorded, func(r *call.Record) error {
		if r.Recording != nil {
			rec.Hold = r.Recording.Hold
		}
		r.Recording = &rec
		return nil
	})
	return err
}

// changeCall changes what others write about a call, and has its entry in the
// outbox follow, if follow is not nil. An error from change is returned and
// nothing is stored.
func (s *Store) changeCall(ctx context.Context, id call.ID, follow func(crm.Entry, time.Time) crm.Entry, change func(*call.Record) error) (call.Record, error) {
	return update(ctx, s, func(t *txn) (call.Record, error) {
		old, err := t.calls.get(t, string(id))
		if err != nil {
			return old, err
		}
		rec := old
		if err := change(&rec); err != nil {
			return old, err
		}
		if follow != nil {
			if err := t.follow(id, follow); err != nil {
				return old, err
			}
		}
		return rec, t.calls.put(t, &old, rec)
	})
}
