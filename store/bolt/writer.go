package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	maxBatch    = 512              // verbs that share a commit at most
	beatEvery   = time.Second      // how often the store says that it is alive
	purgeEvery  = time.Minute      // how often expired bindings are deleted
	commitLimit = 10 * time.Second // a commit that takes longer is a fault
)

// op is one verb on its way through the writer.
type op struct {
	run  func(*txn) error
	over func() error // why nobody waits any more, nil while somebody does
	done chan error   // gets the outcome; has room for it
}

// update has the writer carry out run and returns once that is durable. run
// may be carried out more than once, for its batch may have to be repeated.
// When ctx ends first, the outcome is unknown.
func update[T any](ctx context.Context, s *Store, run func(*txn) (T, error)) (T, error) {
	var none, out T
	o := &op{over: ctx.Err, done: make(chan error, 1)}
	o.run = func(t *txn) (err error) {
		out, err = run(t)
		return err
	}
	select {
	case s.queue <- o:
	case <-ctx.Done():
		return none, fmt.Errorf("store: waiting for the writer: %w", ctx.Err())
	case <-s.done:
		return none, ErrClosed
	}
	select {
	case err := <-o.done:
		if err != nil {
			return none, err
		}
		return out, nil
	case <-ctx.Done():
		return none, fmt.Errorf("store: waiting for the commit: %w", ctx.Err())
	case <-s.done:
	}
	select { // the writer may have ended right after it answered
	case err := <-o.done:
		if err != nil {
			return none, err
		}
		return out, nil
	default:
		return none, ErrClosed
	}
}

// change is update for verbs that return nothing but an error.
func change(ctx context.Context, s *Store, run func(*txn) error) error {
	_, err := update(ctx, s, func(t *txn) (struct{}, error) { return struct{}{}, run(t) })
	return err
}

// write is the one writer. While a commit is on its way, verbs gather in the
// queue; the next commit takes them all. An idle writer commits at once.
func (s *Store) write() {
	defer close(s.done)
	defer func() { tell(s.behind.shut().stored) }() // came too late to be stored
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	beaten, purged := time.Now(), time.Now()
	for {
		var batch []*op
		stop := false
		select {
		case o := <-s.queue:
			batch = append(batch, o)
		case <-s.wake:
		case <-beat.C:
		case <-s.closing:
			stop = true
		}
		batch = s.gather(batch)
		now := time.Now()
		if now.Sub(beaten) >= beatEvery || stop {
			batch, beaten = append(batch, mark(now, stop && len(s.queue) == 0)), now
		}
		if now.Sub(purged) >= purgeEvery {
			batch, purged = append(batch, purge(now)), now
		}
		s.settleAll(batch)
		if stop && len(s.queue) == 0 {
			return
		}
	}
}

// gather adds what waits in the queue.
func (s *Store) gather(batch []*op) []*op {
	for len(batch) < maxBatch {
		select {
		case o := <-s.queue:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// settleAll settles a batch together with the write-behind work, and tells who
// waits for that.
func (s *Store) settleAll(batch []*op) {
	work := s.behind.take()
	if len(work.dialogs) > 0 {
		batch = append(batch, saveDialogs(work.dialogs))
	}
	if err := s.settle(batch); err != nil {
		s.behind.restore(work)
	}
	tell(work.stored)
}

// settle carries out a batch in one transaction and tells everybody how it
// went. A verb that fails before it wrote anything is left out; when it had
// written, the others are carried out anew without it. The error is that of
// the commit, which all of them share.
func (s *Store) settle(batch []*op) error {
	for len(batch) > 0 {
		tx, err := s.db.Begin(true)
		if err != nil {
			s.fail(batch, err)
			return err
		}
		t := &txn{Tx: tx, schema: &s.schema, writing: true, report: s.reportBad}
		rest, whole := t.runAll(batch)
		if !whole {
			batch = rest
			_ = tx.Rollback() // of a writing transaction: cannot fail
			s.schema.forget()
			continue
		}
		if t.wrote == 0 {
			_ = tx.Rollback()
			finish(rest, nil)
			return nil
		}
		if err := s.commitTimed(t); err != nil {
			s.schema.forget()
			s.fail(rest, err)
			return err
		}
		finish(rest, nil)
		return nil
	}
	return nil
}

// runAll carries out the verbs and returns those that went well. whole is false
// when a failed verb left half its writes behind.
func (t *txn) runAll(batch []*op) (rest []*op, whole bool) {
	rest = make([]*op, 0, len(batch))
	for i, o := range batch {
		before := t.wrote
		err := o.try(t)
		if err == nil {
			rest = append(rest, o)
			continue
		}
		o.finish(err)
		if t.wrote != before {
			return append(rest, batch[i+1:]...), false
		}
	}
	return rest, true
}

// try runs the verb. Callers hand in functions of their own, and one that
// panics must not take down the writer of everybody else.
func (o *op) try(t *txn) (err error) {
	defer func() {
		if r := recover(); r != nil {
			t.wrote++ // nobody knows what it did
			err = fmt.Errorf("store: verb panicked: %v", r)
		}
	}()
	if o.over != nil && o.over() != nil {
		return o.over()
	}
	return o.run(t)
}

func (o *op) finish(err error) {
	if o.done != nil {
		o.done <- err
	}
}

func finish(batch []*op, err error) {
	for _, o := range batch {
		o.finish(err)
	}
}

// commitTimed commits, measures and remembers whether the disk takes writes.
func (s *Store) commitTimed(t *txn) error {
	started := time.Now()
	s.committing.Store(started.UnixNano())
	err := s.commit(t.Tx)
	s.committing.Store(0)
	s.metrics.commit.Observe(time.Since(started).Seconds())
	if err == nil && s.failure.Swap(nil) != nil {
		s.log.Info("store writes again", "path", s.path)
	}
	return err
}

// fail tells everybody that the commit failed. The writer goes on: the next
// batch may find space on the disk again.
func (s *Store) fail(batch []*op, err error) {
	err = fmt.Errorf("store %s: commit: %w", s.path, err)
	s.metrics.failures.Inc()
	if s.failure.Swap(&err) == nil {
		s.log.Error("store cannot write", "path", s.path, "error", err)
	}
	finish(batch, err)
}

// Healthy returns why the store cannot be relied on: the newest commit failed,
// or one takes far too long. Nil when all is well.
func (s *Store) Healthy() error {
	select {
	case <-s.done:
		return ErrClosed
	default:
	}
	if err := s.failure.Load(); err != nil {
		return *err
	}
	since := s.committing.Load()
	if since == 0 {
		return nil
	}
	if took := time.Since(time.Unix(0, since)); took > commitLimit {
		return errors.New("store: a commit has been under way for " + took.Round(time.Second).String())
	}
	return nil
}

// mark is the heartbeat; the last one says whether the stop is clean.
func mark(at time.Time, clean bool) *op {
	return &op{run: func(t *txn) error {
		t.wrote++
		return writeMarks(t.Tx, at, clean)
	}}
}
