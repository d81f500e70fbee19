package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// lane is the entries of one number. The time when it has to be looked at next
// is in one index, once a lane, so that a thousand calls of one number cost a
// claim no more than one.
type lane struct {
	Due   time.Time `json:"due"`             // of its next entry, or the lease's end
	Owner string    `json:"owner,omitempty"` // of the lease; empty: there is none
	Call  call.ID   `json:"call,omitempty"`  // that is leased
}

// entry returns the entry of a call, routing.ErrNotFound when there is none.
func (t *txn) entry(id call.ID) (crm.Entry, error) {
	raw := t.value(bucketEntries, string(id))
	if raw == nil {
		return crm.Entry{}, fmt.Errorf("call %.40q in the CRM's outbox: %w", id, routing.ErrNotFound)
	}
	e, err := decodeAs(raw, string(id), func(e crm.Entry) string { return string(e.CallID) })
	if err != nil {
		return e, fmt.Errorf("%s %s: %w", bucketEntries, id, err)
	}
	return e, nil
}

// dueKey is a time as a key that sorts.
func dueKey(at time.Time) string { return fmt.Sprintf("%016x", max(at.UnixNano(), 0)) }

// place is where an entry is in the indexes: at most one of them.
func place(e crm.Entry) (bucket, key string) {
	switch {
	case e.Failed:
		return bucketParked, string(e.CallID)
	case e.Phase == crm.PhaseLog:
		return bucketToLog, e.Lane() + separator + fmt.Sprintf("%016x", e.Seq)
	case e.Phase == crm.PhaseComplete:
		return bucketToComplete, e.Lane() + separator + dueKey(e.Due) + separator + string(e.CallID)
	}
	return "", ""
}

// putEntry stores an entry in the place of old, or as a new one when old is
// nil. schedule or free has to follow for its lane.
func (t *txn) putEntry(old *crm.Entry, e crm.Entry) error {
	if strings.Contains(e.Lane()+e.Provider, separator) {
		return fmt.Errorf("store: %s %s: NUL in %q", bucketEntries, e.CallID, e.Lane())
	}
	raw, err := encode(e)
	if err != nil {
		return err
	}
	t.bucket(bucketEntries).FillPercent = pageFill
	if err := t.put(bucketEntries, string(e.CallID), raw); err != nil {
		return err
	}
	bucket, key := place(e)
	if old != nil {
		wasIn, was := place(*old)
		if wasIn == bucket && was == key {
			return nil
		}
		if wasIn != "" {
			if err := t.delete(wasIn, was); err != nil {
				return err
			}
		}
	}
	if bucket == "" {
		return nil
	}
	return t.put(bucket, key, []byte(e.CallID))
}

func (t *txn) lane(name string) (lane, error) {
	raw := t.value(bucketLanes, name)
	if raw == nil {
		return lane{}, routing.ErrNotFound
	}
	return decode[lane](raw)
}

// putLane stores a lane in the place of what it was.
func (t *txn) putLane(name string, l lane) error {
	if err := t.dropLane(name); err != nil {
		return err
	}
	raw, err := encode(l)
	if err != nil {
		return err
	}
	if err := t.put(bucketLanes, name, raw); err != nil {
		return err
	}
	return t.put(bucketLaneDue, dueKey(l.Due)+separator+name, []byte{})
}

func (t *txn) dropLane(name string) error {
	was, err := t.lane(name)
	if errors.Is(err, routing.ErrNotFound) {
		return nil
	}
	if err != nil { // its place in the index is unknown; a claim finds it and drops it
		return t.delete(bucketLanes, name)
	}
	return errors.Join(t.delete(bucketLaneDue, dueKey(was.Due)+separator+name), t.delete(bucketLanes, name))
}

// schedule says when a lane has to be looked at, unless it is leased: then
// whoever has the lease frees it.
func (t *txn) schedule(name string) error {
	if l, err := t.lane(name); err == nil && l.Owner != "" {
		return nil
	}
	return t.free(name)
}

// free ends a lane's lease, if it has one, and says when to look at it next.
func (t *txn) free(name string) error {
	first, ok := t.first(bucketToLog, name)
	second, more := t.first(bucketToComplete, name)
	switch {
	case !ok && !more:
		return t.dropLane(name)
	case !ok || more && second.Due.Before(first.Due):
		first = second
	}
	return t.putLane(name, lane{Due: first.Due})
}

// first is the first entry of a lane in an index. Entries that cannot be read
// are passed over, and when writing, left out of the index for good.
func (t *txn) first(bucket, name string) (crm.Entry, bool) {
	prefix := []byte(name + separator)
	c := t.bucket(bucket).Cursor()
	for key, id := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, id = c.Seek(prefix) {
		e, err := t.entry(call.ID(id))
		if err == nil {
			return e, true
		}
		t.report(bucketEntries, string(id), err)
		if t.delete(bucket, string(key)) != nil {
			break
		}
	}
	return crm.Entry{}, false
}

// dueEntry is what is due in a lane: what the CRM does not show yet comes first.
func (t *txn) dueEntry(name string, c crm.Claim) (crm.Entry, bool) {
	for _, bucket := range []string{bucketToLog, bucketToComplete} {
		if e, ok := t.first(bucket, name); ok && (!e.Due.After(c.Now) || e.Due.After(c.Horizon)) {
			return e, true
		}
	}
	return crm.Entry{}, false
}

// dueLanes are the keys of the lanes that are to be looked at: those whose time
// has come, and those whose time is so far off that the clock must have been
// set back.
func (t *txn) dueLanes(now, horizon time.Time, limit int) (keys []string) {
	c := t.bucket(bucketLaneDue).Cursor()
	last := dueKey(now) + separator + "\xff"
	for key, _ := c.First(); key != nil && len(keys) < limit && string(key) <= last; key, _ = c.Next() {
		keys = append(keys, string(key))
	}
	beyond := []byte(dueKey(horizon) + separator + "\xff")
	for key, _ := c.Seek(beyond); key != nil && len(keys) < limit; key, _ = c.Next() {
		keys = append(keys, string(key))
	}
	return keys
}

// laneAt is the lane that a key of the index leads to. A key that is not the
// lane's own is deleted: what it came from was damaged.
func (t *txn) laneAt(key string) (name string, err error) {
	due, name, _ := strings.Cut(key, separator)
	l, err := t.lane(name)
	if err == nil && dueKey(l.Due) == due {
		return name, nil
	}
	if err != nil && !errors.Is(err, routing.ErrNotFound) {
		t.report(bucketLanes, name, err)
	}
	return "", errors.Join(t.delete(bucketLaneDue, key), t.schedule(name))
}

// leasedBy are the lanes that an owner has leased.
func (t *txn) leasedBy(owner string) (names []string) {
	_ = t.bucket(bucketLanes).ForEach(func(name, raw []byte) error { // it returns none
		if l, err := decode[lane](raw); err != nil || l.Owner == owner {
			names = append(names, string(name))
		}
		return nil
	})
	return names
}

// parked are the oldest of the calls whose entries failed.
func (t *txn) parked(limit int) (ids []call.ID) {
	c := t.bucket(bucketParked).Cursor()
	for key, _ := c.First(); key != nil && len(ids) < limit; key, _ = c.Next() {
		ids = append(ids, call.ID(key))
	}
	return ids
}

// sumUp counts the entries by walking the keys of the indexes: about a
// millisecond for ten thousand of them.
func (t *txn) sumUp() (sum crm.Sum) {
	oldest := ""
	var oldestID []byte
	sum.ToLog = t.countKeys(bucketToLog, func(key, id []byte) {
		_, seq, _ := strings.Cut(string(key), separator)
		if oldestID == nil || seq < oldest {
			oldest, oldestID = seq, slices.Clone(id)
		}
	})
	sum.ToComplete = t.countKeys(bucketToComplete, func([]byte, []byte) {})
	sum.Failed = t.countKeys(bucketParked, func([]byte, []byte) {})
	if e, err := t.entry(call.ID(oldestID)); err == nil {
		sum.Oldest = e.EndedAt
	}
	c := t.bucket(bucketParked).Cursor()
	for key, _ := c.Last(); key != nil && len(sum.Failures) < crm.MaxFailures; key, _ = c.Prev() {
		if e, err := t.entry(call.ID(key)); err == nil {
			sum.Failures = append(sum.Failures, e)
		}
	}
	return sum
}

func (t *txn) countKeys(bucket string, each func(key, id []byte)) (n int) {
	c := t.bucket(bucket).Cursor()
	for key, id := c.First(); key != nil; key, id = c.Next() {
		n++
		each(key, id)
	}
	return n
}
