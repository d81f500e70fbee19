package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Serve builds a switch and runs it as a service: SIGHUP takes on the
// configuration anew, the first SIGTERM or SIGINT drains, the second stops at
// once. It returns nil after an orderly stop.
func Serve(ctx context.Context, o Options) error {
	SpareProcessors()
	d, err := New(ctx, o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	go d.obey(ctx, signals, stop)
	return d.Run(ctx)
}

// obey follows signals until ctx ends.
func (d *Daemon) obey(ctx context.Context, signals <-chan os.Signal, stop func()) {
	draining := false
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
				_ = d.Reload(ctx) // logged and counted there
			case draining:
				d.log.Warn("stopping now")
				stop()
			default:
				draining = true
				d.Drain()
			}
		}
	}
}
