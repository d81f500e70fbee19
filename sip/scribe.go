package sip

import (
	"log/slog"
	"sync"
	"time"

	"tandem/call"
)

// scribe writes to the stores beside the call path; the store keeps the order of
// dialogs. What binds a peer is sent only once the dialog that ends it after a
// crash is durable.
type scribe struct {
	a        *Agent
	slow     pace // of complaints about a slow disk
	bindings *ledger
}

func newScribe(a *Agent) *scribe { return &scribe{a: a, bindings: newLedger(a)} }

// stop writes what is queued and ends.
func (s *scribe) stop() { s.bindings.stop() }

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
