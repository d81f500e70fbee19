package recording

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/call"
)

// Whatever happens in whatever order: of those that may be moved and failed
// least often the oldest comes first, never before its time, and the sums are
// right.
func TestQueue(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	var q queue
	size := map[call.ID]int64{}
	for step := range 20_000 {
		now = now.Add(rand.N(3 * time.Second))
		switch w, again := q.next(now); rand.IntN(6) {
		case 0, 1:
			id := call.NewID(now.Add(-rand.N(time.Hour)))
			size[id] = rand.Int64N(1000)
			q.add(id, size[id], now)
			q.add(id, 7777, now)
		case 2:
			if len(q.list) > 0 {
				id := q.list[rand.IntN(len(q.list))].id
				q.remove(id)
				delete(size, id)
			}
		case 3:
			if w == nil {
				break
			}
			w.cancel = func() {}
			if other, _ := q.next(now); other == w {
				t.Fatalf("step %d: moved twice at a time", step)
			}
			w.cancel = nil
			q.failed(w, now)
			if q.rest.Sub(now) > lastPause || w.due.Sub(now) > lastPause {
				t.Fatalf("step %d: rests for %v and %v", step, q.rest.Sub(now), w.due.Sub(now))
			}
		case 4:
			if w != nil {
				q.remove(w.id)
				delete(size, w.id)
				q.succeeded()
			}
		default:
			if w != nil && (w.due.After(now) || q.rest.After(now) || !again.IsZero()) {
				t.Fatalf("step %d: %+v is not due", step, w)
			}
			if w == nil && len(q.list) > 0 && !again.After(now) {
				t.Fatalf("step %d: nothing is due, and again at %v", step, again)
			}
			for _, other := range q.list {
				if w == nil || other == w {
					break
				}
				if !other.due.After(now) && other.tries <= w.tries {
					t.Fatalf("step %d: %s comes before %s", step, w.id, other.id)
				}
			}
		}
		var bytes int64
		for _, n := range size {
			bytes += n
		}
		sorted := slices.IsSortedFunc(q.list, func(a, b *waiting) int {
			if a.id < b.id {
				return -1
			}
			return 1
		})
		if q.bytes != bytes || len(q.list) != len(size) || !sorted {
			t.Fatalf("step %d: %d bytes in %d, want %d in %d, sorted %v", step, q.bytes, len(q.list), bytes, len(size), sorted)
		}
	}
}

// What failed lets what did not go first, however old it is.
func TestQueueIsNotHeldUp(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for range 100 {
		var q queue
		q.add(call.NewID(now), 1, now)
		bad, _ := q.next(now)
		for range 10 {
			q.failed(bad, now)
		}
		q.add(call.NewID(now.Add(time.Second)), 1, now)
		if w, _ := q.next(now.Add(lastPause)); w == bad || w == nil {
			t.Fatalf("%+v is next", w)
		}
	}
}

// An archive that fails is asked about once a minute, not once per recording,
// and the pauses spread over the whole span.
func TestQueueOutage(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	var q queue
	for range 1000 {
		q.add(call.NewID(now), 1, now)
	}
	tries := 0
	for end := now.Add(time.Hour); now.Before(end); {
		w, again := q.next(now)
		if w == nil {
			now = again
			continue
		}
		tries++
		q.failed(w, now)
	}
	if tries < 60 || tries > 300 {
		t.Errorf("%d tries in an hour", tries)
	}
	if q.oldest(now) < time.Hour {
		t.Errorf("the oldest has waited %v", q.oldest(now))
	}
	q.succeeded()
	if w, _ := q.next(now); w == nil {
		t.Error("the archive works, and nothing is moved")
	}
}
