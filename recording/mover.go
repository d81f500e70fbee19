package recording

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/call"
)

const (
	// movers is how many recordings are moved at a time.
	movers = 2
	// hopeless is when a recording whose file is damaged is looked at again.
	hopeless = time.Hour
	// partingTime is how long the end of Move waits for an archive that does not
	// even take a no.
	partingTime = 5 * time.Second
)

// errMoving says that the recording is on its way to an archive that does not
// let go of it.
var errMoving = errors.New("it is on its way to the archive, which does not answer")

// spool is what waits to be moved to the archive, and whether that goes well.
// The library's lock does not cover it.
type spool struct {
	wake chan struct{} // what waits may have changed

	mu    sync.Mutex
	queue queue
	scan  bool      // the folder has to be looked through for what waits
	down  time.Time // since when the archive fails; zero: it does not
}

// changed makes Move look again.
func (s *spool) changed() {
	select {
	case s.wake <- struct{}{}:
	default: // it will anyway
	}
}

// renew is called when the archive or the command is another one: what waits is
// found anew, and tried at once.
func (s *spool) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.renew()
	s.scan = true
	s.changed()
}

// moved is how a move ended.
type moved struct {
	w       *waiting
	archive Archive
	sent    bool // not only found there
	err     error
}

// Move runs the command on recordings once they are sealed and moves them to
// the archive, the oldest first, until ctx ends. What the archive refuses stays
// in the folder and is tried again for ever; nothing is deleted here before the
// archive has confirmed its length and SHA-256. What a crash cut short is begun
// again. Without archive and command it waits for some.
func (l *Library) Move(ctx context.Context) error {
	if err := l.clearWork(); err != nil {
		l.log.Error("what a command left behind could not be deleted", "error", err)
	}
	ended := make(chan moved, movers)
	running := 0
	for {
		l.findWaiting(ctx)
		var again <-chan time.Time
		for running < movers {
			begun, at := l.begin(ctx, ended)
			if !begun {
				again = until(at)
				break
			}
			running++
		}
		select {
		case <-ctx.Done():
			l.part(running, ended)
			return nil
		case m := <-ended:
			running--
			l.settle(ctx, m)
		case <-l.spool.wake:
		case <-again:
		}
	}
}

// until is a channel that tells of a moment; nil, which never does, for none.
func until(at time.Time) <-chan time.Time {
	if at.IsZero() {
		return nil
	}
	return time.After(time.Until(at))
}

// part waits for the moves that are told to end.
func (l *Library) part(running int, ended <-chan moved) {
	enough := time.After(partingTime)
	for ; running > 0; running-- {
		select {
		case <-ended:
		case <-enough:
			l.log.Warn("the archive does not answer; what it was given is looked at again after the next start")
			return
		}
	}
}

// begin starts to move the oldest recording that may be moved. Without one, at
// is when there may be.
func (l *Library) begin(ctx context.Context, ended chan<- moved) (begun bool, at time.Time) {
	s := l.current()
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	w, at := l.spool.queue.next(time.Now())
	if w == nil {
		return false, at
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	w.cancel, w.ended = cancel, gone
	go func() {
		sent, err := l.carry(ctx, w.id, s)
		cancel()
		close(gone)
		ended <- moved{w: w, archive: s.Archive, sent: sent, err: err}
	}()
	return true, time.Time{}
}

// settle takes note of how a move ended.
func (l *Library) settle(ctx context.Context, m moved) {
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	q := &l.spool.queue
	m.w.cancel = nil
	switch {
	case ctx.Err() != nil, !q.holds(m.w): // the end, or it was withdrawn
	case m.err == nil:
		q.remove(m.w.id)
		q.succeeded()
		l.recovered(m)
	case errors.Is(m.err, errDamaged):
		m.w.due = time.Now().Add(hopeless)
		l.metrics.uploads.WithLabelValues("damaged").Inc()
		l.log.Error("recording is damaged on disk and not archived; restore its file from a backup", "call_id", string(m.w.id), "error", m.err)
	default:
		l.refused(m)
		q.failed(m.w, time.Now())
	}
}

// refused says once per outage that the archive fails. The caller holds the
// spool's lock.
func (l *Library) refused(m moved) {
	l.metrics.uploads.WithLabelValues("failed").Inc()
	if !l.spool.down.IsZero() || m.w.tries > 0 {
		return
	}
	l.spool.down = time.Now()
	l.log.Error("recordings cannot be archived: they stay in the recordings folder and are tried again", "archive", place(m.archive),
		"call_id", string(m.w.id), "waiting", len(l.spool.queue.list), "error", m.err)
}

// recovered counts a recording that is in the archive, and says when that is the
// end of an outage. The caller holds the spool's lock.
func (l *Library) recovered(m moved) {
	if m.archive == nil {
		return
	}
	outcome := "present"
	if m.sent {
		outcome = "stored"
	}
	l.metrics.uploads.WithLabelValues(outcome).Inc()
	if l.spool.down.IsZero() {
		return
	}
	l.log.Warn("recordings are archived again", "archive", place(m.archive), "waiting", len(l.spool.queue.list),
		"outage", time.Since(l.spool.down).Round(time.Second))
	l.spool.down = time.Time{}
}

func place(a Archive) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// withdraw takes a recording out of the spool and ends its move. errMoving when
// the archive does not let go of it.
func (l *Library) withdraw(id call.ID) error {
	l.spool.mu.Lock()
	w := l.spool.queue.remove(id)
	if w == nil || w.cancel == nil {
		l.spool.mu.Unlock()
		return nil
	}
	w.cancel()
	ended := w.ended
	l.spool.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-time.After(partingTime):
		return errMoving
	}
}

// isMoving reports whether a recording is being moved now.
func (l *Library) isMoving(id call.ID) bool {
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	at, there := l.spool.queue.find(id)
	return there && l.spool.queue.list[at].cancel != nil
}

// enqueue puts a recording that was just sealed into the spool, when anything is
// to be done with it.
func (l *Library) enqueue(root *os.Root, id call.ID, n note) {
	s := l.current()
	if s.Archive == nil && (s.Command == nil || !n.pending) {
		return
	}
	info, err := root.Stat(sealedPath(id))
	if err != nil {
		return // removed already
	}
	l.spool.mu.Lock()
	defer l.spool.mu.Unlock()
	length := time.Duration(seconds(wholeSamples(info.Size())) * float64(time.Second))
	l.spool.queue.add(id, info.Size(), began(id).Add(length))
	l.spool.changed()
}

// findWaiting looks through the folder for what waits, when that is not known.
func (l *Library) findWaiting(ctx context.Context) {
	l.spool.mu.Lock()
	scan := l.spool.scan
	l.spool.scan = false
	l.spool.mu.Unlock()
	s := l.current()
	if !scan || s.Archive == nil && s.Command == nil {
		return
	}
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var ids []call.ID
	if err == nil {
		err = walk(ctx, root, func(f found) error {
			if f.sealed {
				ids = append(ids, f.id)
			}
			return nil
		})
	}
	for _, id := range slices.Backward(ids) {
		if n := readNote(root, id); n.sum != "" { // or Repair tells of it first
			l.enqueue(root, id, n)
		}
	}
	if err != nil && ctx.Err() == nil {
		l.log.Error("recordings folder cannot be looked through for what is to be archived; a reload tries again", "error", err)
	}
}

// clearWork deletes the folders of commands that a crash cut short.
func (l *Library) clearWork() error {
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	inside, err := names(root, ".")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range inside {
		if strings.HasPrefix(name, workPrefix) {
			errs = append(errs, root.RemoveAll(path.Clean(name)))
		}
	}
	return errors.Join(errs...)
}
