package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"tandem/call"
	"tandem/routing"
)

const (
	mergeMax   = 10_000 // calls and tasks that a merge moves; the writer is busy for under a second
	mergeChain = 1_000  // merges that one ID is followed through
)

// MergeContacts implements routing.ContactStore. join runs in the writer's
// goroutine and may run more than once.
func (s *Store) MergeContacts(ctx context.Context, keep, gone string, join func(kept *routing.Contact, gone routing.Contact) error) (routing.Merged, error) {
	return update(ctx, s, func(t *txn) (routing.Merged, error) { return t.mergeContacts(keep, gone, join) })
}

func (t *txn) mergeContacts(keep, gone string, join func(*routing.Contact, routing.Contact) error) (routing.Merged, error) {
	was, err := t.contact(keep)
	if err != nil {
		return routing.Merged{}, err
	}
	other, err := t.contact(gone)
	if err != nil || was.ID == other.ID {
		return routing.Merged{Contact: was}, err
	}
	calls, tasks := t.indexed(indexContact, other.ID), t.indexed(indexTaskOf, other.ID)
	if n := len(calls) + len(tasks); n > mergeMax {
		return routing.Merged{}, fmt.Errorf("contact %s has %d calls and tasks, a merge moves %d at most; merge the other way round: %w", other.ID, n, mergeMax, routing.ErrConflict)
	}
	kept := was
	kept.Numbers = slices.Clone(was.Numbers)
	if err := join(&kept, other); err != nil {
		return routing.Merged{}, err
	}
	out := routing.Merged{Gone: other, Calls: len(calls)}
	if err := t.moveCalls(calls, was.ID); err != nil {
		return out, err
	}
	if out.Tasks, err = t.moveTasks(tasks, other.ID, was.ID); err != nil {
		return out, err
	}
	kept.ID = was.ID
	kept.LastNumber = t.lastNumber(was, other)
	out.Contact = kept
	return out, t.replace(other, was, kept)
}

// replace stores the contact that stays and forgets the one that goes.
func (t *txn) replace(gone, was, kept routing.Contact) error {
	if err := t.contacts.remove(t, gone); err != nil {
		return err
	}
	for _, number := range gone.Numbers {
		if err := t.delete(bucketNumbers, number); err != nil {
			return err
		}
	}
	if err := t.put(bucketMerged, gone.ID, []byte(kept.ID)); err != nil {
		return err
	}
	return t.putContact(&was, kept)
}

// contact returns a contact by its ID or by one that was merged into it.
func (t *txn) contact(id string) (routing.Contact, error) { return t.contacts.get(t, t.contactID(id)) }

// contactID follows merges to the ID that stands for this one today.
func (t *txn) contactID(id string) string {
	for range mergeChain {
		next := t.value(bucketMerged, id)
		if next == nil {
			break
		}
		id = string(next)
	}
	return id
}

// indexed returns the IDs of the records that share a key, oldest first, and
// one more than a merge may move at most.
func (t *txn) indexed(index, key string) (ids []string) {
	prefix := []byte(key + separator)
	c := t.bucket(index).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(ids) <= mergeMax; k, _ = c.Next() {
		ids = append(ids, string(k[len(prefix):]))
	}
	return ids
}

func (t *txn) moveCalls(ids []string, to string) error {
	for _, id := range ids {
		old, err := t.calls.get(t, id)
		if err != nil {
			t.report(t.calls.name, id, err)
			continue
		}
		rec := old
		rec.ContactID = to
		if err := t.calls.put(t, &old, rec); err != nil {
			return err
		}
	}
	return nil
}

// moveTasks gives tasks to another contact and returns those that were not
// done, and what became of them.
func (t *txn) moveTasks(ids []string, from, to string) (changed []routing.Task, err error) {
	extra, err := t.foldMissed(from, to)
	if err != nil {
		return nil, err
	}
	if extra != nil {
		changed = append(changed, *extra)
	}
	folded := string(t.value(bucketOpenMissed, from)) // what it stood for is the extended task's now
	if folded != "" {
		if err := t.delete(bucketOpenMissed, from); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		old, err := t.tasks.get(t, id)
		if err != nil {
			t.report(t.tasks.name, id, err)
			continue
		}
		task := old
		task.ContactID = to
		if extra != nil && id == folded {
			task.State = call.TaskDone
		}
		if err := t.putTask(&old, task); err != nil {
			return nil, err
		}
		if old.State != call.TaskDone {
			changed = append(changed, task)
		}
	}
	return changed, nil
}

// foldMissed adds the open Missed Call task of one contact to that of another
// and returns it; nil unless both have one.
func (t *txn) foldMissed(from, to string) (*routing.Task, error) {
	other, err := t.openMissed(from)
	if err != nil || other == nil {
		return nil, err
	}
	old, err := t.openMissed(to)
	if err != nil || old == nil {
		return nil, err
	}
	task := *old
	task.Count += other.Count
	if other.UpdatedAt.After(old.UpdatedAt) {
		task.CallID, task.UpdatedAt = other.CallID, other.UpdatedAt
	}
	if old.DueAt == nil || other.DueAt != nil && other.DueAt.Before(*old.DueAt) {
		task.DueAt = other.DueAt
	}
	if old.User == "" {
		task.User = other.User
	}
	return &task, t.putTask(old, task)
}

// lastNumber is the number of ours that either of two contacts called last. The
// calls of both are kept's by now.
func (t *txn) lastNumber(kept, gone routing.Contact) string {
	f := routing.CallFilter{Contact: kept.ID, Direction: call.Inbound, Page: routing.Page{Limit: 1}}
	if newest, _ := t.calls.list(t, callQuery(f)); len(newest) > 0 && newest[0].Number != "" {
		return newest[0].Number
	}
	if kept.LastNumber == "" {
		return gone.LastNumber
	}
	return kept.LastNumber
}

// remove deletes a record, its digest and its index entries.
func (tb table[T]) remove(t *txn, v T) error {
	id := tb.id(v)
	tb.live.drop(id)
	faults := []error{t.delete(tb.name, id), t.delete(tb.digests(), id)}
	for _, ix := range tb.indexes {
		if key := ix.key(v); key != "" {
			faults = append(faults, t.delete(ix.name, key+separator+id))
		}
	}
	return errors.Join(faults...)
}
