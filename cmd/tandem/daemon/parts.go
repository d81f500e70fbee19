package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// parts are the running pieces of the switch. Each is stopped before those
// that were started before it.
type parts struct {
	stack  []part
	failed chan error // the first part that ended by itself
}

type part struct {
	name string
	stop func() error
}

func newParts() *parts { return &parts{failed: make(chan error, 1)} }

// start runs a piece in a goroutine of its own until stop is called. A piece
// that returns before is fatal for all.
func (p *parts) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var once sync.Once
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = run(ctx)
		if ctx.Err() == nil {
			select {
			case p.failed <- fmt.Errorf("%s stopped by itself: %w", name, orUnexpected(err)):
			default:
			}
		}
	}()
	p.add(name, func() error {
		once.Do(cancel)
		<-done
		return err
	})
}

// orUnexpected makes an error of a piece that returned without one.
func orUnexpected(err error) error {
	if err == nil {
		return errors.New("no reason given")
	}
	return err
}

// add remembers what is to be stopped.
func (p *parts) add(name string, stop func() error) {
	p.stack = append(p.stack, part{name: name, stop: stop})
}

// stop stops everything in reverse order and returns all errors.
func (p *parts) stop() error {
	var errs []error
	for len(p.stack) > 0 {
		last := p.stack[len(p.stack)-1]
		p.stack = p.stack[:len(p.stack)-1]
		if err := last.stop(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}
