package jitter

import (
	"time"

	"tandem/media/codec"
)

const (
	// jitterShare is how many mean deviations the delay covers.
	jitterShare = 3
	// lateStep is added to the delay for a packet that came too late, and taken
	// back again after calm of lateDecay ticks.
	lateStep  = frame / 2
	lateDecay = 250
	// levelWeight is the number of ticks over which the fill level is averaged.
	levelWeight = 32
	// patience is how many ticks a level that is too high may wait for a quiet
	// frame to be left out: 5 s.
	patience = 250
)

// delay decides how long audio is held back: from the jitter that RFC 3550
// appendix A.8 estimates, and from packets that were late all the same. All
// lengths are in samples.
type delay struct {
	min, max, target int32

	jitter  uint32 // scaled by 16
	transit int32
	known   bool // transit holds the last packet's

	late    int32 // added for late packets
	calm    int   // ticks since the last of them
	level   float64
	waiting int
}

func (d *delay) init(low, high int32) {
	d.min, d.max = wholeFrames(low), max(wholeFrames(low), high/frame*frame)
	d.aim()
}

// wholeFrames rounds up, so that packets and frames stay in step.
func wholeFrames(n int32) int32 { return (n + frame - 1) / frame * frame }

// restart forgets the sender's clock, which a new stream does not share.
func (d *delay) restart() { d.known = false }

// arrived takes a packet's arrival and timestamp into the estimate.
func (d *delay) arrived(at time.Duration, timestamp uint32) {
	transit := int32(uint32(at*codec.Rate/time.Second) - timestamp)
	change := transit - d.transit
	first := !d.known
	d.transit, d.known = transit, true
	if change < 0 {
		change = -change
	}
	if first || change < 0 || change > codec.Rate {
		return // a jump of the sender's clock says nothing about the network
	}
	d.jitter += uint32(change) - (d.jitter+8)>>4
	d.aim()
}

func (d *delay) jitterTicks() uint32 { return d.jitter >> 4 }

func (d *delay) missedTime() {
	d.late = min(d.late+lateStep, d.max)
	d.calm = 0
	d.aim()
}

// tick lets the allowance for late packets fade.
func (d *delay) tick() {
	if d.late == 0 {
		return
	}
	if d.calm++; d.calm >= lateDecay {
		d.calm = 0
		d.late -= lateStep
		d.aim()
	}
}

func (d *delay) aim() {
	want := wholeFrames(jitterShare*int32(d.jitterTicks()) + d.late)
	d.target = min(max(want, d.min), d.max)
}

// observe averages how much is left in the buffer after a frame was taken.
func (d *delay) observe(left int32) {
	d.level += (float64(left) - d.level) / levelWeight
}

// begin starts the average anew, at the level that an anchored stream has.
func (d *delay) begin() { d.level, d.waiting = float64(d.target), 0 }

// tooLow and tooHigh are far enough apart that one frame more or less, which is
// what a slip makes, never leads from one to the other.
// Packets shorter than a frame leave less behind, longer ones more.
func (d *delay) tooLow(packet int32) bool {
	return d.level < float64(d.target/2-(frame-min(packet, frame)))
}

func (d *delay) tooHigh(packet int32) bool {
	if d.level <= float64(d.target+max(packet, frame)) {
		d.waiting = 0
		return false
	}
	d.waiting++
	return true
}

// impatient tells that no quiet frame came by for too long.
func (d *delay) impatient() bool { return d.waiting > patience }

func (d *delay) slipped(by int32) {
	d.level += float64(by)
	d.waiting = 0
}
