package media

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media/tone"
)

// slowIO is a PacketIO on the clock of a test. To send takes as long as it is told;
// datagrams come without end, one in a millisecond, or not at all.
type slowIO struct {
	sending *atomic.Int64 // nanoseconds
	flooded *atomic.Bool
	wake    chan struct{}
}

func (s slowIO) Bind(netip.Addr, uint16) (Socket, error) { return s, nil }
func (s slowIO) Watch(Socket, Take) error                { return nil }
func (s slowIO) Close() error                            { return nil }

func (s slowIO) Poll(deadline time.Time) (int, error) {
	if s.flooded.Load() {
		time.Sleep(time.Millisecond)
		return 1, nil
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-s.wake:
	case <-timer.C:
	}
	return 0, nil
}

func (s slowIO) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s slowIO) Send(netip.AddrPort, []byte) error {
	time.Sleep(time.Duration(s.sending.Load()))
	return nil
}

// When ticks take too long, or datagrams leave a worker no rest, new calls are
// refused, and taken again within five seconds of the cause's end.
func TestOverloadBeginsAndEndsWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := slowIO{&atomic.Int64{}, &atomic.Bool{}, make(chan struct{}, 1)}
		causes := map[string]struct{ begin, end func() }{
			"slow ticks": {
				func() { io.sending.Store(int64(tickBudget + time.Millisecond)) },
				func() { io.sending.Store(0) },
			},
			"no rest": {func() { io.flooded.Store(true) }, func() { io.flooded.Store(false) }},
		}
		e := runSlow(t, io)
		time.Sleep(20 * time.Second)
		for name, cause := range causes {
			if e.Overloaded() {
				t.Errorf("%s: overloaded before", name)
			}
			cause.begin()
			time.Sleep(2 * time.Second)
			if !e.Overloaded() {
				t.Errorf("%s: not overloaded", name)
			}
			cause.end()
			time.Sleep(5 * time.Second)
			if e.Overloaded() {
				t.Errorf("%s: still overloaded five seconds later", name)
			}
		}
	})
}

// runSlow runs an engine with one leg that hears music, until the test ends.
func runSlow(t *testing.T, io slowIO) *Engine {
	e, err := New(Options{
		Lines: newInbox(), From: 24000, To: 24007, Workers: 1, Bind: netip.MustParseAddr("127.0.0.1"),
		Sounds:   map[call.Sound]tone.Clip{"music": clipOf(500, 50)},
		PacketIO: func() (PacketIO, error) { return io, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	spec := call.MediaSpec{Remote: offer("127.0.0.1", 4000, "8"), Source: "127.0.0.1"}
	if _, err := e.Open("call-1", spec); err != nil {
		t.Fatal(err)
	}
	e.Play("call-1", "music", true)
	return e
}
