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

// behind is what the writer stores without anybody waiting: the newest state
// of each dialog, so it holds no more than there are live legs.
type behind struct {
	mu      sync.Mutex
	dialogs map[call.LegID]*call.Dialog // nil: delete
}

// SaveDialog has the dialog stored soon; it never waits.
func (s *Store) SaveDialog(d call.Dialog) { s.later(d.Leg, &d) }

// DeleteDialog has the dialog of a leg forgotten soon; it never waits.
func (s *Store) DeleteDialog(leg call.LegID) { s.later(leg, nil) }

func (s *Store) later(leg call.LegID, d *call.Dialog) {
	s.behind.mu.Lock()
	s.behind.dialogs[leg] = d
	s.behind.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // the writer knows already
	}
}

// take hands the waiting work over.
func (b *behind) take() map[call.LegID]*call.Dialog {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dialogs) == 0 {
		return nil
	}
	late := b.dialogs
	b.dialogs = make(map[call.LegID]*call.Dialog)
	return late
}

// restore puts back work whose commit failed, but for what has changed since.
func (b *behind) restore(late map[call.LegID]*call.Dialog) {
	if len(late) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(late, b.dialogs)
	b.dialogs = late
}

// saveDialogs stores and deletes dialogs. One that cannot be stored is left
// out: it must not keep the others from the disk.
func saveDialogs(late map[call.LegID]*call.Dialog) *op {
	return &op{run: func(t *txn) error {
		for leg, d := range late {
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
