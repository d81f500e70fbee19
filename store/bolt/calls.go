package bolt

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tandem/call"
	"tandem/routing"
)

// idSlack is how far a call's StartedAt may be from the time in its ID.
const idSlack = time.Minute

// Unfinished implements routing.Journal; the oldest call comes first.
func (s *Store) Unfinished(ctx context.Context) ([]call.Record, error) {
	var records []call.Record
	err := s.view(ctx, func(t *txn) error {
		q := query{index: indexActive, key: present, want: func(string) bool { return true }, page: routing.Page{Limit: pageMax}}
		for {
			items, next := t.calls.list(t, q)
			records = append(records, items...)
			if next == "" {
				slices.Reverse(records)
				return nil
			}
			q.page.Cursor = next
		}
	})
	return records, err
}

// Call implements routing.Journal.
func (s *Store) Call(ctx context.Context, id call.ID) (rec call.Record, err error) {
	err = s.view(ctx, func(t *txn) error {
		rec, err = t.calls.get(t, string(id))
		return err
	})
	return rec, err
}

// Calls implements routing.Journal. It walks the narrowest index that the
// filter allows and looks at no more than scanMax calls a page, so that a page
// of a very selective filter may be short or empty and still have a next one.
func (s *Store) Calls(ctx context.Context, f routing.CallFilter) (items []call.Record, next string, err error) {
	err = s.view(ctx, func(t *txn) error {
		f.Contact = t.contactID(f.Contact)
		items, next = t.calls.list(t, callQuery(f))
		return nil
	})
	return items, next, err
}

// callQuery says which index to walk, between which IDs.
func callQuery(f routing.CallFilter) query {
	q := query{page: f.Page, want: callMatcher(f)}
	switch {
	case f.Active != nil && *f.Active:
		q.index, q.key = indexActive, present
	case f.Contact != "":
		q.index, q.key = indexContact, f.Contact
	case f.User != "":
		q.index, q.key = indexUser, f.User
	case f.Held:
		q.index, q.key = indexHeld, present
	case f.Recorded && len(f.Playbooks) == 1:
		q.index, q.key = indexTaped, f.Playbooks[0]
	case f.Recorded:
		q.index, q.key = indexRecorded, present
	}
	if !f.From.IsZero() {
		q.above = idPrefix(f.From.Add(-idSlack))
	}
	if !f.Until.IsZero() {
		q.upTo = idPrefix(f.Until.Add(idSlack))
	}
	return q
}

// idPrefix is the part of a call's ID that says when it began.
func idPrefix(at time.Time) string {
	var id ulid.ULID
	ms := min(max(at.UnixMilli(), 0), int64(ulid.MaxTime()))
	if err := id.SetTime(uint64(ms)); err != nil { // cannot happen: within bounds
		return ""
	}
	return id.String()[:10]
}

// callMatcher compares a call's digest with the filter.
func callMatcher(f routing.CallFilter) func(string) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return func(digest string) bool {
		d := strings.Split(digest, digestMark)
		if len(d) != 7 {
			return false
		}
		nanos, err := strconv.ParseInt(d[5], 10, 64)
		started := time.Unix(0, nanos)
		return err == nil &&
			same(string(f.Direction), d[0]) && same(string(f.Result), d[1]) &&
			(f.Active == nil || *f.Active == (d[1] == "")) &&
			(len(f.Playbooks) == 0 || slices.Contains(f.Playbooks, d[2])) &&
			same(f.User, d[3]) && same(f.Contact, d[4]) &&
			(!f.Recorded || d[6] != "") && (!f.Held || d[6] == tapedHeld) &&
			(f.From.IsZero() || !started.Before(f.From)) &&
			(f.Until.IsZero() || started.Before(f.Until))
	}
}
