package call

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"
)

// stepped returns the time as the clock shows it after somebody has set it by
// whole seconds: the wall reading moves, the monotonic one does not. The
// standard library has no way to make such a time, so this knows its layout.
func stepped(t *testing.T, at time.Time, seconds int64) time.Time {
	t.Helper()
	const nanosecondBits = 30 // of the first word; the seconds lie above
	moved := at
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(seconds << nanosecondBits)
	if moved.Sub(at) != 0 || moved.Unix()-at.Unix() != seconds {
		t.Skip("times are laid out in another way here")
	}
	return moved
}

// TestClockSteps replays every transcript under a clock that is set by up to an
// hour between any two inputs: not a duration and not a timer differs.
func TestClockSteps(t *testing.T) {
	files, err := filepath.Glob("testdata/calls/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newStage()
			s.began = time.Now()
			s.clock = func(at time.Time) time.Time { return stepped(t, at, rng.Int64N(7200)-3600) }
			got, err := s.replay(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the clock shows in the call:\n%s", diff(string(want), got))
			}
		})
	}
}

// A caller's place in the queue is that of the arrival, whatever the clock
// said then.
func TestQueueUnderClockSteps(t *testing.T) {
	s := newStage()
	now := time.Now()
	request := func(at time.Time) (r Request) {
		s.m, s.at = NewMachine(), at
		in, err := parseInput("arrival", nil)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := parseInput("planned", nil)
		if err != nil {
			t.Fatal(err)
		}
		pending := []Input{in, planned}
		for len(pending) > 0 {
			fx, err := s.m.Step(at, pending[0])
			if err != nil {
				t.Fatal(err)
			}
			pending = pending[1:]
			for _, f := range fx {
				if seek, ok := f.(Seek); ok {
					r = seek.Request
				}
				pending = append(pending, s.result(f)...)
			}
		}
		return r
	}
	first, second := request(now), request(stepped(t, now.Add(time.Second), -3600))
	if waited := second.Arrived.Sub(first.Arrived); waited != time.Second {
		t.Errorf("the second caller arrived %s after the first", waited)
	}
}
