package call

import (
	"context"
	"time"
)

const (
	// saveAgain is how soon the result of a call is stored again that the
	// store did not take, at first; it doubles up to saveRarely.
	saveAgain  = time.Second
	saveRarely = 30 * time.Second
	// saveLimit bounds how long that goes on. Beyond it, and when the switch
	// stops, the next start gives the call its result.
	saveLimit = time.Hour
)

// save stores a change. The newest one that the store did not take is kept: it
// holds all that those before it said.
func (h *host) save(change Change) {
	h.unsaved = nil
	if err := h.store(change); err != nil {
		h.unsaved = &change
		h.ports.Meter.Stalled("save")
		h.log.Error("call could not be saved; it goes on", "error", err)
	}
}

func (h *host) store(change Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	return h.ports.Router.Save(ctx, change)
}

// insist has the result of an ended call stored that the store did not take,
// until it does or stop is closed. Nobody is on the line any more; a user who
// was assigned meanwhile is freed at once.
func (h *host) insist(stop <-chan struct{}) {
	pause, spent := saveAgain, time.Duration(0)
	again := time.NewTimer(pause)
	defer again.Stop()
	for h.unsaved != nil && spent < saveLimit {
		select {
		case in := <-h.mailbox:
			h.take(in)
			continue
		case <-stop:
			spent = saveLimit // once more, now
		case <-again.C:
			spent += pause
			pause = min(2*pause, saveRarely)
		}
		if h.store(*h.unsaved) == nil {
			h.unsaved = nil
			h.log.Info("the ended call is saved now")
		}
		again.Reset(pause)
	}
	if h.unsaved != nil {
		h.log.Error("the result of a call could not be saved; the next start gives it one")
	}
}
