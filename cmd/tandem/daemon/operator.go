package daemon

import (
	"context"

	"tandem/web"
)

// Drain refuses new calls from now on and ends Run when the live ones are over
// or have had their time. It returns at once.
func (d *Daemon) Drain() {
	d.draining.Do(func() {
		d.exchange.StopArrivals()
		close(d.drain)
	})
}

// Ready returns nil when the switch takes calls, else why not.
func (d *Daemon) Ready() error {
	if err := d.store.Healthy(); err != nil {
		return err
	}
	return d.exchange.Ready()
}

// Backup writes a consistent copy of the store to a new file.
func (d *Daemon) Backup(ctx context.Context, path string) error { return d.store.BackupTo(ctx, path) }

// Status is the switch at a glance.
func (d *Daemon) Status() web.Status {
	s := web.Status{
		Version: d.opts.Version, StartedAt: d.started, Config: d.opts.Config,
		Calls: len(d.exchange.Active()), Registrations: len(d.sip.Registrations()),
	}
	if err := d.Ready(); err != nil {
		s.Reason = err.Error()
	} else {
		s.Ready = true
	}
	select {
	case <-d.drain:
		s.Draining = true
	default:
	}
	for _, q := range d.floor.Queues() {
		s.Waiting += q.Calls
	}
	for _, u := range d.floor.Users() {
		s.Users++
		if u.Available() {
			s.Available++
		}
	}
	for _, t := range d.config().Trunks {
		s.Trunks++
		if d.sip.TrunkUp(t.Name) {
			s.TrunksUp++
		}
	}
	return s
}
