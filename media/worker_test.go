package media

import (
	"errors"
	"testing"
	"time"

	"tandem/media/codec"
)

// pile is a PacketIO with datagrams waiting.
type pile struct {
	idle
	polls, waiting int
	err            error
}

func (p *pile) Poll(time.Time) (int, error) {
	p.polls++
	n := min(p.waiting, 10)
	p.waiting -= n
	return n, p.err
}

func TestStallIsReadOutBeforeTheTicks(t *testing.T) {
	tests := map[string]struct {
		late           time.Duration
		waiting, polls int
	}{
		"in time":       {time.Millisecond, 50, 0},
		"late":          {30 * time.Millisecond, 25, 4},
		"late, nothing": {30 * time.Millisecond, 0, 1},
		"a flood":       {30 * time.Millisecond, 1 << 20, drains},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			io := &pile{waiting: tc.waiting}
			d := newDesk(t)
			d.w.io = io
			if err := d.w.drain(tc.late); err != nil || io.polls != tc.polls {
				t.Errorf("%d polls, want %d (%v)", io.polls, tc.polls, err)
			}
		})
	}
}

func TestBrokenIOEndsTheWorker(t *testing.T) {
	broken := errors.New("broken")
	d := newDesk(t)
	d.w.io = &pile{err: broken}
	if err := d.w.run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("run ended with %v", err)
	}
	if d.w.do(func(time.Duration) {}) || d.w.ask(func(time.Duration) {}) {
		t.Error("a stopped worker took a command")
	}
}

func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	d := newDesk(t)
	contact := d.leg(contactLeg, codec.PCMA)
	d.room().record(d.w, contactLeg, personLeg, &reel{full: true})
	d.advance(time.Second)
	d.untape()
	if n := d.w.counters.untaped.Load(); n != 50 {
		t.Errorf("%d frames counted of 50 that the tape dropped", n)
	}
	for range cap(d.notices) + 3 {
		contact.leg.play("message", clipOf(500, 0).Play(false), false)
		d.advance(tickLength)
	}
	if n := d.w.counters.untold.Load(); n != 3 {
		t.Errorf("%d events counted of 3 that were lost", n)
	}
}
