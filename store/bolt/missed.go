package bolt

import (
	"encoding/binary"
	"errors"

	"tandem/call"
	"tandem/routing"
)

// missed makes the Missed Call task of a call, or adds the call to the
// contact's open one; once per call. Withheld callers have no contact, so each
// gets a task of its own.
func (t *txn) missed(c routing.Closing) (task *routing.Task, created bool, err error) {
	rec := c.Change.Record
	if !c.Change.MissedTask || t.value(bucketMissed, string(rec.ID)) != nil {
		return nil, false, nil
	}
	at := savedAt(rec)
	old, err := t.openMissed(rec.ContactID)
	if err != nil {
		return nil, false, err
	}
	if old != nil {
		next := *old
		next.Count++
		next.CallID, next.UpdatedAt = rec.ID, at
		task = &next
	} else {
		task = &routing.Task{
			ID: string(call.NewID(at)), Kind: routing.TaskMissedCall, State: call.TaskOpen,
			Count: 1, ContactID: rec.ContactID, CallID: rec.ID,
			User: t.assignee(c), Playbook: rec.Playbook, CreatedAt: at, UpdatedAt: at,
		}
		if !c.Due.IsZero() {
			due := c.Due.UTC()
			task.DueAt = &due
		}
	}
	if err := t.putTask(old, *task); err != nil {
		return nil, false, err
	}
	return task, old == nil, t.put(bucketMissed, string(rec.ID), []byte(task.ID))
}

// openMissed returns the contact's open Missed Call task, nil when it has none.
func (t *txn) openMissed(contact string) (*routing.Task, error) {
	id := t.value(bucketOpenMissed, contact)
	if id == nil {
		return nil, nil
	}
	task, err := t.tasks.get(t, string(id))
	if err != nil {
		return nil, err
	}
	return &task, nil
}

// assignee is whose task a missed call is: the user named, else the least
// loaded; the first of equals.
func (t *txn) assignee(c routing.Closing) string {
	if c.User != "" || len(c.Least) == 0 {
		return c.User
	}
	least := c.Least[0]
	for _, user := range c.Least[1:] {
		if t.load(user) < t.load(least) {
			least = user
		}
	}
	return least
}

// flag raises the contact's follow-up flag for a missed call and lowers it
// when a call with the contact was completed. It returns the contact when that
// changed something.
func (t *txn) flag(ch call.Change) (*routing.Contact, error) {
	if ch.MissedTask {
		return t.setFollowUp(ch.Record.ContactID, true)
	}
	if ch.Record.Result == call.ResultCompleted {
		return t.setFollowUp(ch.Record.ContactID, false)
	}
	return nil, nil
}

func (t *txn) setFollowUp(contact string, up bool) (*routing.Contact, error) {
	if contact == "" {
		return nil, nil
	}
	old, err := t.contact(contact)
	if errors.Is(err, routing.ErrNotFound) {
		return nil, nil
	}
	if err != nil || old.FollowUp == up {
		return nil, err
	}
	c := old
	c.FollowUp = up
	return &c, t.putContact(&old, c)
}

// putTask stores a task and keeps the books that hang on it: how much each
// user has to do, and which Missed Call task of a contact is open.
func (t *txn) putTask(old *routing.Task, task routing.Task) error {
	if err := t.tasks.put(t, old, task); err != nil {
		return err
	}
	if err := t.moveLoad(old, task); err != nil {
		return err
	}
	return t.noteMissed(task)
}

// moveLoad counts a task for whoever has to do it now.
func (t *txn) moveLoad(old *routing.Task, task routing.Task) error {
	was, is := "", ""
	if old != nil && old.State != call.TaskDone {
		was = old.User
	}
	if task.State != call.TaskDone {
		is = task.User
	}
	if was == is {
		return nil
	}
	if err := t.addLoad(was, -1); err != nil {
		return err
	}
	return t.addLoad(is, +1)
}

// noteMissed keeps at most one open Missed Call task per contact in the books.
func (t *txn) noteMissed(task routing.Task) error {
	if task.Kind != routing.TaskMissedCall || task.ContactID == "" {
		return nil
	}
	open := string(t.value(bucketOpenMissed, task.ContactID))
	switch {
	case task.State == call.TaskOpen && open == "":
		return t.put(bucketOpenMissed, task.ContactID, []byte(task.ID))
	case task.State != call.TaskOpen && open == task.ID:
		return t.delete(bucketOpenMissed, task.ContactID)
	}
	return nil
}

// load is how many tasks of a user are not done.
func (t *txn) load(user string) int64 {
	raw := t.value(bucketLoad, user)
	if len(raw) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw)) // written by addLoad, never above the number of tasks
}

func (t *txn) addLoad(user string, n int64) error {
	if user == "" {
		return nil
	}
	load := max(t.load(user)+n, 0)
	return t.put(bucketLoad, user, binary.BigEndian.AppendUint64(nil, uint64(load)))
}
