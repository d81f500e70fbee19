package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tandem/call"
	"tandem/recording"
	"tandem/routing"
	"tandem/store/bolt"
)

const (
	// sweepTime is how often recordings past their retention are looked for.
	sweepTime = time.Hour
	// accessTime is how long it is remembered who used a recording.
	accessTime = 365 * 24 * time.Hour
	// forgetMost is how many accesses are forgotten in one transaction.
	forgetMost = 1000
)

// upkeep repairs recordings that a crash left open, and makes peaks that are
// missing; hourly it deletes recordings past their retention, and forgets who
// used them long ago.
func (d *Daemon) upkeep(ctx context.Context) error {
	if n, err := d.recorder.Repair(ctx); err != nil {
		d.log.Error("recordings could not be repaired", "error", err)
	} else if n > 0 {
		d.log.Warn("recordings were repaired", "recordings", n)
	}
	d.sweep(ctx)
	var drawing sync.WaitGroup
	defer drawing.Wait()
	drawing.Go(func() { d.draw(ctx) }) // may take hours, once
	tick := time.NewTicker(sweepTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		d.sweep(ctx)
	}
}

// draw makes the peaks that recordings lack.
func (d *Daemon) draw(ctx context.Context) {
	if n, err := d.recorder.RepairPeaks(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("peaks of recordings could not be made", "error", err)
	} else if n > 0 {
		d.log.Info("peaks of recordings were made", "recordings", n)
	}
}

// sweep deletes what has been kept for its time.
func (d *Daemon) sweep(ctx context.Context) {
	if gone, err := d.recorder.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
		d.log.Error("old recordings could not be deleted", "error", err)
	} else if len(gone) > 0 {
		d.log.Info("recordings past their retention were deleted", "recordings", len(gone))
	}
	for n := forgetMost; n == forgetMost; {
		var err error
		if n, err = d.store.ForgetAccesses(ctx, time.Now().Add(-accessTime), forgetMost); err != nil && ctx.Err() == nil {
			d.log.Error("old accesses to recordings could not be deleted", "error", err)
		}
	}
}

// ledger is the store as the recorder sees it.
type ledger struct{ store *bolt.Store }

// Playbook implements recording.Ledger.
func (l ledger) Playbook(ctx context.Context, id call.ID) (string, error) {
	rec, err := l.store.Call(ctx, id)
	if errors.Is(err, routing.ErrNotFound) {
		return "", nil
	}
	return rec.Playbook, err
}

// Drop implements recording.Ledger.
func (l ledger) Drop(ctx context.Context, id call.ID, by, why string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := l.store.DropRecording(ctx, id, routing.Deletion{By: by, At: time.Now().UTC(), Why: why})
	if errors.Is(err, routing.ErrNotFound) {
		return nil
	}
	if errors.Is(err, routing.ErrConflict) {
		return fmt.Errorf("%w: %w", recording.ErrHeld, err)
	}
	return err
}
