package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/call"
)

// drainTime is how long live calls may go on once a drain was asked for.
const drainTime = 30 * time.Second

// reconcileTime is how often calls are looked for that are stored without a
// result and that nobody hosts.
const reconcileTime = time.Minute

// Run serves until ctx ends or a drain is over, then stops everything in
// reverse order: calls that are still live are ended with BYE and have their
// result stored, recordings are sealed, the store is closed.
func (d *Daemon) Run(ctx context.Context) error {
	p := newParts()
	p.add("store", d.store.Close)
	if err := d.recover(ctx); err != nil {
		return errors.Join(err, d.abandon())
	}
	left, err := d.store.Dialogs(ctx)
	if err != nil {
		return errors.Join(err, d.abandon())
	}
	p.add("recordings", d.recorder.Close)
	p.start("archive", d.recorder.Move)
	p.start("recordings upkeep", d.upkeep)
	p.start("backups", d.backups.Run)
	p.start("crm", d.crm.Run)
	p.start("media", d.media.Run)
	p.start("floor", func(ctx context.Context) error { return d.floor.Run(ctx, d.exchange) })
	p.start("sip", d.sip.Run)
	p.start("exchange", func(ctx context.Context) error { return d.exchange.Run(ctx, d.ports()) })
	p.start("reconciliation", d.reconcile)
	p.start("http", func(ctx context.Context) error { return d.web.Run(ctx, d.http, d.socket) })
	d.log.Info("serving", "version", d.opts.Version, "sip", d.SIPAddrs(), "http", d.HTTPAddr().String(), "socket", d.Socket())
	if len(left) > 0 {
		d.log.Warn("ending dialogs that were left behind", "dialogs", len(left))
		p.start("sweep", func(ctx context.Context) error { d.sip.Sweep(ctx, left); <-ctx.Done(); return nil })
	}
	err = d.wait(ctx, p)
	return errors.Join(err, p.stop())
}

// wait returns when the switch is to stop: at once when ctx ended, after the
// live calls when a drain was asked for, with an error when a part failed.
func (d *Daemon) wait(ctx context.Context, p *parts) error {
	select {
	case err := <-p.failed:
		return err
	case <-ctx.Done():
		return nil
	case <-d.drain:
	}
	d.log.Info("draining", "calls", len(d.exchange.Active()), "at_most", drainTime)
	drainCtx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if err := d.exchange.Drain(drainCtx); err != nil {
		d.log.Warn("calls are ended by the drain", "calls", len(d.exchange.Active()))
	}
	return nil
}

// ports are what carries out what calls decide.
func (d *Daemon) ports() call.Ports {
	return call.Ports{
		Signalling: d.sip, Transfers: d.sip, Media: d.media, Room: d.media, Recorder: d.recorder,
		Router: d.router, Floor: d.floor, Coaches: d.floor, Events: d.bus, Meter: newMeter(d.registry),
	}
}

// recover gives the calls that a crash interrupted their result and their
// tasks, before anything new is promised.
func (d *Daemon) recover(ctx context.Context) error {
	alive, err := d.store.Alive(ctx)
	if err != nil {
		return fmt.Errorf("last sign of life: %w", err)
	}
	n, err := d.router.Recover(ctx, alive)
	if err != nil {
		return fmt.Errorf("interrupted calls: %w", err)
	}
	if n > 0 {
		d.log.Warn("calls that were interrupted have their result now", "calls", n, "alive", alive)
	}
	return nil
}

// reconcile gives calls their result that were turned away by a store which was
// too slow, and stored by it after all.
func (d *Daemon) reconcile(ctx context.Context) error {
	tick := time.NewTicker(reconcileTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			n, err := d.router.Reconcile(ctx, d.exchange.Hosts, now)
			if err != nil && ctx.Err() == nil {
				d.log.Error("calls without a result could not be ended", "error", err)
			}
			if n > 0 {
				d.log.Warn("calls that were turned away and stored after all have their result now", "calls", n)
			}
		}
	}
}
