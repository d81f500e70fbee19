package jitter

import "tandem/media/codec"

// quietLevel is the mean magnitude below which a frame may be left out or
// repeated without being heard: about -50 dBFS.
const quietLevel = 100

// longAgo bounds how far the end of the last speech is remembered to lie back, so
// that days of silence never wrap into the future.
const longAgo = 60 * codec.Rate

// Get fills dst with the next 20 ms and says what they are. It is called once
// per tick, whether or not packets came.
func (b *Buffer) Get(dst *codec.Frame) State {
	if !b.anchored {
		*dst = codec.Frame{}
		return b.settle(dst, b.bridge(dst[:]), 0)
	}
	b.delay.tick()
	b.trim()
	if b.whole(b.pos) {
		return b.play(dst)
	}
	if b.worthWaiting() {
		b.slip(frame)
		return b.settle(dst, b.bridge(dst[:]), frame)
	}
	state, bridged := b.patch(dst)
	return b.settle(dst, state, bridged)
}

// worthWaiting tells whether a frame that is missing, while later ones are there,
// should be waited for: the delay is shorter than it should be, and a bridge is
// the one place where voice can be stretched without a seam.
func (b *Buffer) worthWaiting() bool {
	n, present := b.run(b.pos, frame)
	return !present && n == frame && b.held() > 0 && !b.idle && b.delay.tooLow(b.packet)
}

// settle does the accounts of a frame that was not all received.
func (b *Buffer) settle(dst *codec.Frame, state State, bridged int) State {
	if bridged > 0 && state == Concealed {
		b.stats.Concealed++
	}
	b.idle = state == Silence || state == ComfortNoise
	b.previous = *dst
	return state
}

// play takes a frame that was received whole, and slips by one frame where the
// buffer holds too much or too little and nobody will hear it.
func (b *Buffer) play(dst *codec.Frame) State {
	b.delay.observe(b.held() - frame)
	b.read(dst[:], b.pos)
	b.noise.yield(b.pos)
	switch {
	case b.delay.tooHigh(b.packet) && b.whole(b.pos+frame) && (quiet(dst) || b.delay.impatient()):
		var next codec.Frame
		b.read(next[:], b.pos+frame)
		crossfade(dst, &next)
		b.advance(2 * frame)
		b.slip(-frame)
	case b.delay.tooLow(b.packet) && !b.idle && quiet(dst) && quiet(&b.previous):
		// The frame before is played again, in place of this one, which follows.
		crossfade(dst, &b.previous)
		b.slip(frame)
	default:
		b.advance(frame)
	}
	b.conceal.heard(dst[:])
	b.idle = false
	b.previous = *dst
	return Voice
}

func (b *Buffer) slip(by int32) {
	b.delay.slipped(by)
	b.stats.Slipped++
}

// patch fills a frame of which part is missing: runs of what is there, bridges
// over what is not.
func (b *Buffer) patch(dst *codec.Frame) (state State, bridged int) {
	for n := 0; n < frame; {
		run, present := b.run(b.pos, frame-n)
		part := dst[n : n+run]
		now := Voice
		if present {
			b.read(part, b.pos)
			b.conceal.heard(part)
			b.noise.yield(b.pos)
		} else if now = b.bridge(part); now == Concealed {
			bridged += run
		}
		b.advance(int32(run))
		state = outweigh(state, now)
		n += run
	}
	return state, bridged
}

// outweigh picks the state that describes a frame of two parts.
func outweigh(a, b State) State {
	for _, s := range [...]State{Concealed, Voice, ComfortNoise} {
		if a == s || b == s {
			return s
		}
	}
	return Silence
}

// bridge fills samples that are not there.
func (b *Buffer) bridge(dst []int16) State {
	switch {
	case b.plain:
		clear(dst)
	case b.noise.covers(b.pos, b.anchored):
		b.noise.fill(dst)
		b.conceal.reset()
		return ComfortNoise
	case b.conceal.fill(dst):
		return Concealed
	}
	return Silence
}

// trim jumps over audio that has waited for longer than the longest delay, after
// the network held packets back or the ticks stood still.
func (b *Buffer) trim() {
	if b.held()-frame <= b.delay.max+max(b.packet, frame) {
		return
	}
	b.advance(b.held() - frame - b.delay.target)
	b.stats.Slipped++
	b.delay.begin()
}

// advance moves on and clears the places left behind.
func (b *Buffer) advance(n int32) {
	for n > 0 {
		i := b.pos & ringMask
		step := min(n, ringSamples-int32(i))
		clear(b.marks[i : i+uint32(step)])
		b.pos += uint32(step)
		n -= step
	}
	if b.held() < -longAgo {
		b.end = b.pos - longAgo
	}
}

// run returns for how many samples from a timestamp on, at most limit, what is
// there, or missing, goes on.
func (b *Buffer) run(at uint32, limit int) (n int, present bool) {
	present = b.marks[at&ringMask] != missing
	for n = 1; n < limit; n++ {
		if (b.marks[(at+uint32(n))&ringMask] != missing) != present {
			break
		}
	}
	return n, present
}

// whole tells whether all samples of the frame at a timestamp are there.
func (b *Buffer) whole(at uint32) bool {
	n, present := b.run(at, frame)
	return present && n == frame
}

// read decodes samples that are there, each in its packet's law.
func (b *Buffer) read(dst []int16, at uint32) {
	for len(dst) > 0 {
		i := int(at & ringMask)
		m, n := b.marks[i], 1
		for n < len(dst) && i+n < ringSamples && b.marks[i+n] == m {
			n++
		}
		law := codec.PCMU
		if m == alaw {
			law = codec.PCMA
		}
		codec.New(law).DecodeSamples(dst[:n], b.data[i:i+n])
		dst, at = dst[n:], at+uint32(n)
	}
}

func quiet(f *codec.Frame) bool {
	var sum int32
	for _, s := range f {
		sum += max(int32(s), -int32(s))
	}
	return sum < quietLevel*frame
}

// crossfade leads from a, which it overwrites, to b.
func crossfade(a, b *codec.Frame) {
	for i := range a {
		w := int32(i + 1)
		a[i] = int16((int32(a[i])*(frame-w) + int32(b[i])*w) / frame)
	}
}
