package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// settle is how long a watch waits for more changes before it shows them.
const settle = 200 * time.Millisecond

// watch shows something, and again after each event of a call, until the
// switch goes away or the user interrupts.
func (c *cli) watch(ctx context.Context, sw *client, show func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := sw.send(ctx, "GET", "/events", nil, "", nil) //nolint:bodyclose // it is closed below, while a goroutine reads it
	if err != nil {
		return err
	}
	defer res.Body.Close()
	changed := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() { ended <- followCalls(res.Body, changed) }()
	for {
		c.clearScreen()
		if err := show(); err != nil {
			return whenInterrupted(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return whenInterrupted(ctx, fmt.Errorf("the switch went away: %w", err))
		case <-changed:
		}
		select { // more may follow at once
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
	}
}

// whenInterrupted returns no error when it was the user who ended the watch.
func whenInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the user has seen enough: no failure
	}
	return err
}

// followCalls notes each event about a call, until the stream ends.
func followCalls(stream io.Reader, changed chan<- struct{}) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "event: ")
		if !ok || !strings.HasPrefix(name, "call.") && name != "reset" {
			continue
		}
		select {
		case changed <- struct{}{}:
		default: // a look is due already
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("its stream of events ended")
}

// clearScreen makes room on a terminal; elsewhere one look follows another.
func (c *cli) clearScreen() {
	if f, ok := c.out.(*os.File); ok && c.output == "table" && term.IsTerminal(int(f.Fd())) {
		_, _ = fmt.Fprint(c.out, "\033[H\033[2J")
	}
}
