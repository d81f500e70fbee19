package demo

import (
	"fmt"
	"time"

	"tandem/cmd/tandem/peer"
)

// stall is a pause between packets that only a machine that stood still makes:
// the switch sends every 20 ms and makes up for two frames that came late. What
// is longer it leaves out, and its timestamps say so (RFC 3550 5.1: they tell
// when a sample was taken, not how many there were).
const stall = 60 * time.Millisecond

// unbroken checks that all a caller heard, beginning with what is named, came
// as one stream.
func (d *day) unbroken(call *peer.Call, who caller, first string) error {
	s := call.Media().Stats()
	if err := oneStream(s); err != nil {
		return fmt.Errorf("the stream to %s from %s to goodbye: %w", who.name, first, err)
	}
	d.screen.step(who.name, "had one unbroken stream from %s to goodbye: %d packets, %d lost, %d SSRC, jitter %.1f ms",
		first, s.Packets, s.Lost, len(s.SSRCs), float64(s.Jitter.Microseconds())/1000)
	if s.TimestampJumps > 0 {
		d.screen.step("", "this machine stood still for up to %d ms: %d gaps in time", s.MaxGap.Milliseconds(), s.TimestampJumps)
	}
	return nil
}

// oneStream returns nil when everything received is one stream without losses,
// but for what a stalled machine left out.
func oneStream(s peer.Stats) error {
	if s.MaxGap > stall {
		s.TimestampJumps = 0
	}
	return s.Unbroken()
}
