package crm

import (
	"context"
	"time"

	"tandem/call"
)

// Status is how the CRM does, for people.
type Status struct {
	Sum
	Provider string // empty: none
	Stop     Stop
	Until    time.Time // when one request finds out whether a stop is over
	Error    string    // what failed last, or empty
	ErrorAt  time.Time
}

// Status returns how it goes.
func (w *Worker) Status(ctx context.Context) (Status, error) {
	sum, err := w.Outbox.SumUpEntries(ctx)
	if err != nil {
		return Status{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{Sum: sum, Stop: w.gate.stop, Until: w.gate.until.UTC(), Error: w.problem, ErrorAt: w.at}
	if w.settings.Vendor != nil {
		s.Provider = w.settings.Vendor.Name()
	}
	return s, nil
}

// Retry tries the entries of calls at once, or when none is named all that
// failed, and whatever stopped the worker. It returns how many entries there
// were.
func (w *Worker) Retry(ctx context.Context, ids []call.ID) (int, error) {
	w.mu.Lock()
	set := w.settings
	w.mu.Unlock()
	again := func(e Entry) Entry {
		if set.Vendor == nil {
			return e.Again(e.Provider, time.Now())
		}
		return e.Again(set.Vendor.Name(), time.Now())
	}
	total := 0
	for {
		n, err := w.Outbox.RetryEntries(ctx, ids, again)
		total += n
		if err != nil {
			return total, err
		}
		if n == 0 || len(ids) > 0 {
			w.reopen()
			return total, nil
		}
	}
}

// reopen tries the CRM at once, whatever stopped the worker.
func (w *Worker) reopen() {
	w.mu.Lock()
	w.gate.until = time.Time{}
	w.mu.Unlock()
	w.poke()
}
