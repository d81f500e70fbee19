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

// contactMemory is how long the CRM's contact of a number is taken for granted:
// people give numbers to others there, too.
const contactMemory = 7 * 24 * time.Hour

// enqueue puts a call that has just ended into the outbox and returns what its
// record says of that.
func (t *txn) enqueue(rec call.Record, provider string) (*call.Sync, error) {
	seq, err := t.bucket(bucketEntries).NextSequence()
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", bucketEntries, err)
	}
	e := crm.NewEntry(rec, provider, seq)
	if err := t.putEntry(nil, e); err != nil {
		return nil, err
	}
	sync := e.Sync()
	return &sync, t.schedule(e.Lane())
}

// follow changes the entry of a call, if it has one.
func (t *txn) follow(id call.ID, change func(crm.Entry, time.Time) crm.Entry) error {
	old, err := t.entry(id)
	if errors.Is(err, routing.ErrNotFound) {
		return nil
	}
	if err != nil { // the call is more than its way into the CRM
		t.report(bucketEntries, string(id), err)
		return nil
	}
	e := change(old, time.Now())
	if err := t.putEntry(&old, e); err != nil {
		return err
	}
	return t.schedule(e.Lane())
}

// ClaimEntries implements crm.Outbox. The writer is not asked when nothing is due.
func (s *Store) ClaimEntries(ctx context.Context, c crm.Claim) ([]crm.Job, error) {
	idle := false
	err := s.view(ctx, func(t *txn) error {
		idle = len(t.dueLanes(c.Now, c.Horizon, 1)) == 0
		return nil
	})
	if err != nil || idle {
		return nil, err
	}
	return update(ctx, s, func(t *txn) ([]crm.Job, error) { return t.claim(c) })
}

func (t *txn) claim(c crm.Claim) (jobs []crm.Job, err error) {
	for _, key := range t.dueLanes(c.Now, c.Horizon, c.Limit) {
		name, err := t.laneAt(key)
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		job, err := t.claimLane(name, c)
		if err != nil {
			return nil, err
		}
		if job != nil {
			jobs = append(jobs, *job)
		}
	}
	return jobs, nil
}

// claimLane leases what is due in a lane; nil when there is nothing after all.
func (t *txn) claimLane(name string, c crm.Claim) (*crm.Job, error) {
	e, ok := t.dueEntry(name, c)
	if !ok {
		return nil, t.free(name) // a record of it was damaged
	}
	was := e
	if e.Refs.Contact == "" && e.Phase == crm.PhaseLog {
		e.Refs.Contact = t.crmContact(e, c.Now)
	}
	if e.Refs != was.Refs {
		if err := t.putEntry(&was, e); err != nil {
			return nil, err
		}
	}
	job, err := t.job(e)
	if err != nil {
		t.report(t.calls.name, string(e.CallID), err)
		failed := e
		failed.Failed, failed.Error = true, "the call's record is damaged"
		return nil, errors.Join(t.putEntry(&e, failed), t.free(name))
	}
	return &job, t.putLane(name, lane{Due: c.Until, Owner: c.Owner, Call: e.CallID})
}

// job is an entry with what there is to tell.
func (t *txn) job(e crm.Entry) (crm.Job, error) {
	rec, err := t.calls.get(t, string(e.CallID))
	if err != nil {
		return crm.Job{}, err
	}
	job := crm.Job{Entry: e, Record: rec}
	if rec.ContactID != "" {
		if c, err := t.contact(rec.ContactID); err == nil {
			job.Name = c.Name
		}
	}
	return job, nil
}

// ChangeEntry implements crm.Outbox.
func (s *Store) ChangeEntry(ctx context.Context, c crm.Change) (crm.Job, error) {
	return update(ctx, s, func(t *txn) (crm.Job, error) { return t.changeEntry(c) })
}

func (t *txn) changeEntry(c crm.Change) (crm.Job, error) {
	old, err := t.entry(c.CallID)
	if err != nil {
		return crm.Job{}, err
	}
	name := old.Lane()
	if l, err := t.lane(name); err != nil || l.Owner == "" || l.Owner != c.Owner || l.Call != c.CallID {
		return crm.Job{}, fmt.Errorf("call %s: %w", c.CallID, crm.ErrLeaseLost)
	}
	e := c.Apply(old)
	if err := t.noteContact(old, e, c.Now); err != nil {
		return crm.Job{}, err
	}
	if err := t.putEntry(&old, e); err != nil {
		return crm.Job{}, err
	}
	if !c.Until.IsZero() && e.Active() && !e.Due.After(c.Now) {
		err = t.putLane(name, lane{Due: c.Until, Owner: c.Owner, Call: e.CallID})
	} else {
		err = t.free(name)
	}
	if err != nil {
		return crm.Job{}, err
	}
	return t.tellCall(e)
}

// tellCall has the call's record say how its entry does.
func (t *txn) tellCall(e crm.Entry) (crm.Job, error) {
	job, err := t.job(e)
	if err != nil {
		return job, err
	}
	old, sync := job.Record, e.Sync()
	if old.CRM != nil && *old.CRM == sync {
		return job, nil
	}
	job.Record.CRM = &sync
	return job, t.calls.put(t, &old, job.Record)
}

// ReleaseEntries implements crm.Outbox.
func (s *Store) ReleaseEntries(ctx context.Context, owner string) error {
	return change(ctx, s, func(t *txn) error {
		for _, name := range t.leasedBy(owner) {
			if err := t.free(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// RetryEntries implements crm.Outbox.
func (s *Store) RetryEntries(ctx context.Context, ids []call.ID, again func(crm.Entry) crm.Entry) (int, error) {
	return update(ctx, s, func(t *txn) (int, error) {
		list := ids
		if len(list) == 0 {
			list = t.parked(crm.MaxRetries)
		}
		for _, id := range list {
			if err := t.retry(id, again); err != nil {
				return 0, err
			}
		}
		return len(list), nil
	})
}

func (t *txn) retry(id call.ID, again func(crm.Entry) crm.Entry) error {
	old, err := t.entry(id)
	if err != nil {
		return err
	}
	e := again(old)
	if err := t.putEntry(&old, e); err != nil {
		return err
	}
	if err := t.schedule(e.Lane()); err != nil {
		return err
	}
	if _, err := t.tellCall(e); err != nil {
		t.report(t.calls.name, string(id), err)
	}
	return nil
}

// SumUpEntries implements crm.Outbox.
func (s *Store) SumUpEntries(ctx context.Context) (sum crm.Sum, err error) {
	err = s.view(ctx, func(t *txn) error {
		sum = t.sumUp()
		return nil
	})
	return sum, err
}

// remembered is the CRM's contact of a number.
type remembered struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

func contactKey(e crm.Entry) string { return e.Provider + separator + e.Number }

// crmContact is the contact that is remembered for an entry, or empty.
func (t *txn) crmContact(e crm.Entry, now time.Time) string {
	if e.Number == "" {
		return ""
	}
	raw := t.value(bucketCRMContacts, contactKey(e))
	if raw == nil {
		return ""
	}
	c, err := decode[remembered](raw)
	if age := now.Sub(c.At); err != nil || age > contactMemory || age < -contactMemory {
		return ""
	}
	return c.ID
}

// noteContact remembers the contact that an entry learned, or forgets the one
// that it lost.
func (t *txn) noteContact(was, is crm.Entry, now time.Time) error {
	if is.Number == "" || was.Refs.Contact == is.Refs.Contact {
		return nil
	}
	if is.Refs.Contact == "" {
		return t.delete(bucketCRMContacts, contactKey(is))
	}
	raw, err := encode(remembered{ID: is.Refs.Contact, At: now.UTC()})
	if err != nil {
		return err
	}
	return t.put(bucketCRMContacts, contactKey(is), raw)
}
