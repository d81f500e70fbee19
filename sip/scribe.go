package sip

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"tandem/call"
)

const (
	scribeLanes   = 4   // writes in flight, so that the store can commit them together
	scribeBacklog = 512 // writes that may wait in a lane
	storeLimit    = 10 * time.Second
)

// scribe writes to the stores beside the call path. Bindings of one user keep
// their order; the store itself keeps that of dialogs. What binds a peer is
// sent only once the dialog that ends it after a crash is durable.
type scribe struct {
	a     *Agent
	slow  pace // of complaints about a slow disk
	lanes [scribeLanes]chan func(context.Context)
	wg    sync.WaitGroup

	mu     sync.RWMutex
	closed bool
}

func newScribe(a *Agent) *scribe {
	s := &scribe{a: a}
	for i := range s.lanes {
		lane := make(chan func(context.Context), scribeBacklog)
		s.lanes[i] = lane
		s.wg.Go(func() {
			for write := range lane {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(a.life), storeLimit)
				write(ctx)
				cancel()
			}
		})
	}
	return s
}

// write queues a write and never waits; false when the store is too far behind.
func (s *scribe) write(key string, f func(context.Context)) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash cannot fail
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	select {
	case s.lanes[h.Sum32()%scribeLanes] <- f:
		return true
	default:
		s.a.meter.reject(reasonStore)
		return false
	}
}

// stop writes what is queued and ends.
func (s *scribe) stop() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		for _, lane := range s.lanes {
			close(lane)
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// saveDialog stores a dialog and calls then, once: as soon as it is durable or
// failed to be stored, or after durableLimit, because no peer waits longer for
// a slow disk. Neither saveDialog nor then may wait.
func (s *scribe) saveDialog(d call.Dialog, then func()) {
	store := s.a.opt.Dialogs
	if store == nil {
		then()
		return
	}
	var once sync.Once
	overdue := time.AfterFunc(durableLimit, func() {
		once.Do(func() {
			s.overdue(d.Leg)
			then()
		})
	})
	store.SaveDialog(d, func() {
		overdue.Stop()
		once.Do(then)
	})
}

// overdue counts a dialog that is not durable in time, and says so.
func (s *scribe) overdue(leg call.LegID) {
	s.a.meter.unstored.Inc()
	if s.slow.take(time.Now(), time.Second) {
		s.a.log.Warn("the store is slow: calls go on before it has them",
			slog.String("call_id", string(leg.Call())), slog.String("leg_id", string(leg)))
	}
}

// deleteDialog forgets a dialog without waiting.
func (s *scribe) deleteDialog(leg call.LegID) {
	if store := s.a.opt.Dialogs; store != nil {
		store.DeleteDialog(leg)
	}
}

// saveBinding stores a binding, or deletes it; done is called once it is
// durable or failed.
func (s *scribe) saveBinding(b call.Binding, remove bool, done func()) {
	store := s.a.opt.Bindings
	if store == nil {
		done()
		return
	}
	queued := s.write(b.User, func(ctx context.Context) {
		defer done()
		var err error
		if remove {
			err = store.DeleteBinding(ctx, b)
		} else {
			err = store.SaveBinding(ctx, b)
		}
		if err != nil {
			s.a.log.Error("binding not stored", slog.String("user", b.User), slog.Any("err", err))
		}
	})
	if !queued {
		done()
	}
}
