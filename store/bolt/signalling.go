package bolt

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"tandem/call"
)

// SaveBinding stores a phone's registered address, in place of an earlier one
// of the same user and contact URI, and returns once it is durable.
func (s *Store) SaveBinding(ctx context.Context, b call.Binding) error {
	key, err := bindingKey(b.User, b.ContactURI)
	if err != nil {
		return err
	}
	return keep(ctx, s, bucketBindings, key, b)
}

// DeleteBinding forgets a registered address; an unknown one is no error.
func (s *Store) DeleteBinding(ctx context.Context, b call.Binding) error {
	key, err := bindingKey(b.User, b.ContactURI)
	if err != nil {
		return err
	}
	return change(ctx, s, func(t *txn) error {
		if t.value(bucketBindings, key) == nil {
			return nil
		}
		return t.delete(bucketBindings, key)
	})
}

// Bindings returns the registered addresses that have not expired, by user.
func (s *Store) Bindings(ctx context.Context) ([]call.Binding, error) {
	bindings, err := all[call.Binding](ctx, s, bucketBindings)
	now := time.Now()
	live := bindings[:0]
	for _, b := range bindings {
		if b.Expires.After(now) {
			live = append(live, b)
		}
	}
	return live, err
}

func bindingKey(user, uri string) (string, error) {
	if user == "" || strings.Contains(user, separator) || len(user)+len(uri) > 8192 {
		return "", fmt.Errorf("store: binding of user %.40q: bad user or address", user)
	}
	return user + separator + uri, nil
}

// purge deletes the bindings that have expired.
func purge(now time.Time) *op {
	return &op{run: func(t *txn) error {
		var gone []string
		err := t.bucket(bucketBindings).ForEach(func(key, raw []byte) error {
			if b, err := decode[call.Binding](raw); err == nil && !b.Expires.After(now) {
				gone = append(gone, string(key))
			}
			return nil
		})
		for _, key := range gone {
			if err := t.delete(bucketBindings, key); err != nil {
				return err
			}
		}
		return err
	}}
}

// behind is what the writer stores without anybody waiting in a verb: the newest
// state of each dialog, so it holds no more than there are live legs, and whom
// to tell once that is done.
type behind struct {
	mu     sync.Mutex
	late   late
	closed bool // the writer has ended
}

// late is work on its way to one commit.
type late struct {
	dialogs map[call.LegID]*call.Dialog // nil: delete
	stored  []func()
}

// SaveDialog has the dialog stored with the next commit; it never waits. stored
// is called once, when that commit, with this state of the dialog or a later
// one, is durable or has failed; it must not wait. It may be nil.
func (s *Store) SaveDialog(d call.Dialog, stored func()) { s.later(d.Leg, &d, stored) }

// DeleteDialog has the dialog of a leg forgotten soon; it never waits.
func (s *Store) DeleteDialog(leg call.LegID) { s.later(leg, nil, nil) }

func (s *Store) later(leg call.LegID, d *call.Dialog, stored func()) {
	if !s.behind.add(leg, d, stored) {
		if stored != nil {
			stored()
		}
		return
	}
	select {
	case s.wake <- struct{}{}:
	default: // the writer knows already
	}
}

// add takes work; false when nobody carries it out any more.
func (b *behind) add(leg call.LegID, d *call.Dialog, stored func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	if b.late.dialogs == nil {
		b.late.dialogs = make(map[call.LegID]*call.Dialog)
	}
	b.late.dialogs[leg] = d
	if stored != nil {
		b.late.stored = append(b.late.stored, stored)
	}
	return true
}

// take hands the waiting work over.
func (b *behind) take() late {
	b.mu.Lock()
	defer b.mu.Unlock()
	work := b.late
	b.late = late{}
	return work
}

// restore puts back work whose commit failed, but for what has changed since.
// Who waited for it has been told.
func (b *behind) restore(work late) {
	if len(work.dialogs) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(work.dialogs, b.late.dialogs)
	b.late.dialogs = work.dialogs
}

// shut takes no more work and returns what is left.
func (b *behind) shut() late {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.take()
}

// tell calls what waits for a commit.
func tell(stored []func()) {
	for _, f := range stored {
		f()
	}
}

// saveDialogs stores and deletes dialogs. One that cannot be stored is left
// out: it must not keep the others from the disk.
func saveDialogs(dialogs map[call.LegID]*call.Dialog) *op {
	return &op{run: func(t *txn) error {
		for leg, d := range dialogs {
			if err := t.saveDialog(string(leg), d); err != nil {
				t.report(bucketDialogs, string(leg), err)
			}
		}
		return nil
	}}
}

func (t *txn) saveDialog(leg string, d *call.Dialog) error {
	if d == nil && t.value(bucketDialogs, leg) == nil {
		return nil
	}
	if d == nil {
		return t.delete(bucketDialogs, leg)
	}
	raw, err := encode(d)
	if err != nil {
		return err
	}
	return t.put(bucketDialogs, leg, raw)
}

// Dialogs returns the dialogs that were stored and not deleted. What is still
// on its way to the disk counts.
func (s *Store) Dialogs(ctx context.Context) ([]call.Dialog, error) {
	if err := change(ctx, s, func(*txn) error { return nil }); err != nil {
		return nil, err
	}
	return all[call.Dialog](ctx, s, bucketDialogs)
}
