package bolt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/routing"
)

// accessLook is how many of a call's newest accesses are looked through for
// the one that a request goes on with.
const accessLook = 64

// LogAccess implements routing.AccessLog.
func (s *Store) LogAccess(ctx context.Context, a routing.Access) error {
	if a.ID == "" || a.CallID == "" || strings.Contains(a.ID+string(a.CallID), separator) {
		return fmt.Errorf("store: access %.40q to the recording of call %.40q: bad ID", a.ID, a.CallID)
	}
	a.At, a.Until, a.Requests = a.At.UTC(), a.At.UTC(), 1
	return change(ctx, s, func(t *txn) error {
		if before, found := t.goesOn(a); found {
			return t.putAccess(before)
		}
		if err := t.putAccess(a); err != nil {
			return err
		}
		return t.put(bucketAccessAge, a.ID, []byte(accessKey(a)))
	})
}

func accessKey(a routing.Access) string { return string(a.CallID) + separator + a.ID }

func (t *txn) putAccess(a routing.Access) error {
	raw, err := encode(a)
	if err != nil {
		return err
	}
	return t.put(bucketAccesses, accessKey(a), raw)
}

// goesOn returns the access that a request belongs to, with the request added;
// false when it is one of its own.
func (t *txn) goesOn(a routing.Access) (whole routing.Access, found bool) {
	t.walkAccesses(a.CallID, "", accessLook, func(before routing.Access) bool {
		if found = sameAccess(before, a); found {
			whole = before
		}
		return !found
	})
	if !found {
		return whole, false
	}
	whole.Requests++
	if a.At.After(whole.Until) {
		whole.Until = a.At
	}
	for _, r := range a.Ranges {
		if len(whole.Ranges) < routing.MaxAccessRanges && !slices.Contains(whole.Ranges, r) {
			whole.Ranges = append(whole.Ranges, r)
		}
	}
	return whole, true
}

// sameAccess reports whether a request goes on with an access.
func sameAccess(before, a routing.Access) bool {
	return before.User == a.User && before.Via == a.Via && before.From == a.From && before.Use == a.Use &&
		before.Layout == a.Layout && before.Channel == a.Channel &&
		a.At.Sub(before.Until) <= routing.AccessGap && before.At.Sub(a.At) <= routing.AccessGap
}

// walkAccesses visits up to limit of a call's accesses, newest first, those
// alone that are older than a cursor, until visit returns false.
func (t *txn) walkAccesses(id call.ID, cursor string, limit int, visit func(routing.Access) bool) {
	prefix := string(id) + separator
	c := t.bucket(bucketAccesses).Cursor()
	bound := prefix + "\xff"
	if cursor != "" {
		bound = prefix + cursor
	}
	key, raw := before(c, bound)
	for ; limit > 0 && strings.HasPrefix(string(key), prefix); limit-- {
		a, err := decode[routing.Access](raw)
		if err != nil {
			t.report(bucketAccesses, string(key), err)
		} else if !visit(a) {
			return
		}
		key, raw = c.Prev()
	}
}

// before puts a cursor on the last key below a bound.
func before(c *bbolt.Cursor, bound string) (key, value []byte) {
	if key, _ = c.Seek([]byte(bound)); key == nil {
		return c.Last()
	}
	return c.Prev()
}

// Accesses implements routing.AccessLog.
func (s *Store) Accesses(ctx context.Context, id call.ID, p routing.Page) (items []routing.Access, next string, err error) {
	limit := p.Limit
	if limit <= 0 {
		limit = pageDefault
	}
	limit = min(limit, pageMax)
	err = s.view(ctx, func(t *txn) error {
		t.walkAccesses(id, p.Cursor, limit+1, func(a routing.Access) bool {
			if len(items) == limit { // one more than fits: there is a next page
				next = items[limit-1].ID
				return false
			}
			items = append(items, a)
			return true
		})
		return nil
	})
	return items, next, err
}

// ForgetAccesses implements routing.AccessLog. An access's ID says when it began.
func (s *Store) ForgetAccesses(ctx context.Context, earlier time.Time, atMost int) (int, error) {
	bound := idPrefix(earlier)
	return update(ctx, s, func(t *txn) (int, error) {
		type row struct{ id, key string }
		var old []row
		c := t.bucket(bucketAccessAge).Cursor()
		for id, key := c.First(); id != nil && string(id) < bound && len(old) < atMost; id, key = c.Next() {
			old = append(old, row{string(id), string(key)})
		}
		for _, r := range old {
			if err := t.delete(bucketAccesses, r.key); err != nil {
				return 0, err
			}
			if err := t.delete(bucketAccessAge, r.id); err != nil {
				return 0, err
			}
		}
		return len(old), nil
	})
}
