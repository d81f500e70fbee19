package peer

import (
	"context"
	"sync"
)

// watch is a lock with a bell: whoever changes what it guards rings, whoever waits for a condition is woken to look
// again. Unlike sync.Cond, waiting ends with a context.
type watch struct {
	sync.Mutex
	bell chan struct{}
}

// ring wakes all waiters. The lock must be held.
func (w *watch) ring() {
	if w.bell != nil {
		close(w.bell)
		w.bell = nil
	}
}

// until returns nil once holds reports true, its error when it has one, or the context's cause. holds is called with the
// lock held.
func (w *watch) until(ctx context.Context, holds func() (bool, error)) error {
	for {
		w.Lock()
		done, err := holds()
		if done || err != nil {
			w.Unlock()
			return err
		}
		if w.bell == nil {
			w.bell = make(chan struct{})
		}
		bell := w.bell
		w.Unlock()
		select {
		case <-bell:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
