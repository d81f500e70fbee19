package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"

	"tandem/routing"
)

const (
	pageDefault = 50
	pageMax     = 500
	// scanMax bounds how many digests one page looks at, some tens of
	// milliseconds. A page that reached it may hold fewer items than asked
	// for, or none, and its cursor goes on from there.
	scanMax = 100_000
)

// query is one page of a listing, newest first.
type query struct {
	index, key  string // the index to walk; empty: all records
	page        routing.Page
	above, upTo string // bounds of the IDs, above exclusive and upTo inclusive; empty: none
	want        func(digest string) bool
}

// list returns a page of records and the cursor of the next one, which is
// empty on the last page. A cursor is the ID of the last record looked at, so
// that new records never shift a page.
func (tb table[T]) list(t *txn, q query) (items []T, next string) {
	limit := q.page.Limit
	if limit <= 0 {
		limit = pageDefault
	}
	limit = min(limit, pageMax)
	items, last := make([]T, 0, min(limit, pageDefault)), ""
	walk := tb.walk(t, q)
	for scanned := 0; ; scanned++ {
		id, digest, ok := walk()
		if !ok {
			return items, ""
		}
		if scanned == scanMax {
			return items, last
		}
		if !q.want(digest) {
			last = id
			continue
		}
		if len(items) == limit { // one more than fits: there is a next page
			return items, last
		}
		last = id
		v, err := tb.get(t, id)
		if err != nil {
			t.report(tb.name, id, err)
			continue
		}
		items = append(items, v)
	}
}

// walk returns a function that steps through IDs and digests, newest first.
func (tb table[T]) walk(t *txn, q query) func() (id, digest string, ok bool) {
	digests := t.bucket(tb.digests())
	bucket, prefix := digests, []byte(nil)
	if q.index != "" {
		bucket, prefix = t.bucket(q.index), []byte(q.key+separator)
	}
	c := bucket.Cursor()
	key, value := seekLast(c, prefix, q)
	return func() (string, string, bool) {
		if key == nil || !bytes.HasPrefix(key, prefix) {
			return "", "", false
		}
		id := string(key[len(prefix):])
		if q.above != "" && id <= q.above {
			return "", "", false
		}
		if q.index != "" {
			value = digests.Get([]byte(id))
		}
		digest := string(value)
		key, value = c.Prev()
		return id, digest, true
	}
}

// seekLast puts the cursor on the newest key that the query may return.
func seekLast(c *bbolt.Cursor, prefix []byte, q query) (key, value []byte) {
	bound := append(bytes.Clone(prefix), 0xff) // above every ID
	if q.upTo != "" {
		bound = append(bytes.Clone(prefix), q.upTo+"\xff"...)
	}
	if after := append(bytes.Clone(prefix), q.page.Cursor...); q.page.Cursor != "" && bytes.Compare(after, bound) < 0 {
		bound = after
	}
	if key, _ = c.Seek(bound); key == nil {
		return c.Last()
	}
	return c.Prev()
}
