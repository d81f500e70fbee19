package daemontest

import (
	"context"
	"sync"
	"testing"

	"tandem/cmd/tandem/daemon"
)

// Switch is a switch that runs in the test's process.
type Switch struct {
	*daemon.Daemon
	API  *Client
	Stop func() // ends it and waits; the end of the test does it too
}

// Run builds a switch and returns once it takes calls.
func Run(t testing.TB, o daemon.Options) *Switch {
	t.Helper()
	d, err := daemon.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	s := &Switch{Daemon: d, API: NewClient(t, d.Socket())}
	s.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the switch ended with: %v", err)
		}
	})
	t.Cleanup(s.Stop)
	Eventually(t, "the switch is ready", s.API.Ready)
	return s
}
