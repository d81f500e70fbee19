package recording

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"tandem/call"
)

// How long the archive is left in peace after it failed: a random part of a
// span that doubles each time, from the first to the last of these.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// queue is the spool: recordings in the folder that are to be moved to the
// archive, the oldest first. It decides what is moved when, and does nothing
// itself.
type queue struct {
	list     []*waiting // by ID, which is by age
	bytes    int64
	failures int       // in a row, whichever recording it was
	rest     time.Time // until then nothing is begun
}

// waiting is a recording in the spool.
type waiting struct {
	id    call.ID
	size  int64     // bytes
	since time.Time // when the conversation ended
	tries int       // that failed
	due   time.Time // not to be tried before

	cancel func()        // not nil: it is being moved
	ended  chan struct{} // closed when that is over
}

func (q *queue) find(id call.ID) (int, bool) {
	return slices.BinarySearchFunc(q.list, id, func(w *waiting, id call.ID) int { return cmp.Compare(w.id, id) })
}

// add puts a recording into the spool; one that is there stays as it is.
func (q *queue) add(id call.ID, size int64, since time.Time) {
	at, there := q.find(id)
	if there {
		return
	}
	q.list = slices.Insert(q.list, at, &waiting{id: id, size: size, since: since})
	q.bytes += size
}

// remove takes a recording out of the spool; nil when it is not there.
func (q *queue) remove(id call.ID) *waiting {
	at, there := q.find(id)
	if !there {
		return nil
	}
	w := q.list[at]
	q.list = slices.Delete(q.list, at, at+1)
	q.bytes -= w.size
	return w
}

// holds reports whether this very entry is in the spool still.
func (q *queue) holds(w *waiting) bool {
	at, there := q.find(w.id)
	return there && q.list[at] == w
}

// next is the recording to be moved now: of those that failed least often, the
// oldest. Without one, again is when there may be; zero when that is not a
// matter of time. An archive that fails is tried with one recording at a time,
// each time another.
func (q *queue) next(now time.Time) (best *waiting, again time.Time) {
	if q.failures > 0 && slices.ContainsFunc(q.list, func(w *waiting) bool { return w.cancel != nil }) {
		return nil, time.Time{}
	}
	for _, w := range q.list {
		due := w.due
		if q.rest.After(due) {
			due = q.rest
		}
		switch {
		case w.cancel != nil:
		case due.After(now):
			if again.IsZero() || due.Before(again) {
				again = due
			}
		case w.tries == 0:
			return w, time.Time{}
		case best == nil || w.tries < best.tries:
			best = w
		}
	}
	if best != nil {
		again = time.Time{}
	}
	return best, again
}

// failed notes that a move failed: the recording is set aside for a while, and
// the whole archive left in peace, so that an outage costs a try a minute and
// one bad recording holds up no other.
func (q *queue) failed(w *waiting, now time.Time) {
	w.due = now.Add(pause(w.tries))
	q.rest = now.Add(pause(q.failures))
	w.tries++
	q.failures++
}

// succeeded notes that the archive works.
func (q *queue) succeeded() { q.failures, q.rest = 0, time.Time{} }

// renew empties the spool but for what is being moved, and forgets what went
// wrong: the archive is another one now.
func (q *queue) renew() {
	q.succeeded()
	q.list = slices.DeleteFunc(q.list, func(w *waiting) bool { return w.cancel == nil })
	q.bytes = 0
	for _, w := range q.list {
		q.bytes += w.size
	}
}

// pause is the time to wait after so many failures, with full jitter.
func pause(failures int) time.Duration {
	span := lastPause
	if failures < 6 {
		span = min(span, firstPause<<failures)
	}
	return rand.N(span)
}

// oldest is how long the oldest recording has waited.
func (q *queue) oldest(now time.Time) time.Duration {
	if len(q.list) == 0 {
		return 0
	}
	return now.Sub(q.list[0].since)
}
