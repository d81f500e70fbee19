package recording

import "sync/atomic"

// ringFrames is how long the disk may stall before audio is lost: 5 s.
const ringFrames = 256

// slot is 20 ms of both sides.
type slot struct {
	gap             int64 // frames of silence before this one
	contact, person [frameSamples]int16
}

// ring carries frames from one producer, the media tick, to one consumer, the
// writer, without locks. A frame that does not fit, or that the tick itself
// lost, is a gap: it is carried by the next frame that fits, so that it becomes
// silence in its own place.
type ring struct {
	head atomic.Int64 // frames pushed; the producer's
	_    [56]byte     // head and tail on cache lines of their own
	tail atomic.Int64 // frames taken; the consumer's
	_    [56]byte

	// The producer's, read by the consumer.
	gap    atomic.Int64 // frames of silence since the last push
	gaps   atomic.Int64 // frames of silence in all
	missed atomic.Int64 // those among them that did not fit

	slots [ringFrames]slot
}

// push takes a frame; false when it did not fit.
func (r *ring) push(contact, person *[frameSamples]int16) bool {
	head := r.head.Load()
	if head-r.tail.Load() == ringFrames {
		r.missed.Store(r.missed.Load() + 1)
		r.skip(1)
		return false
	}
	s := &r.slots[head%ringFrames]
	s.contact, s.person, s.gap = *contact, *person, r.gap.Load()
	r.gap.Store(0)
	r.head.Store(head + 1)
	return true
}

// skip stands for frames that never came.
func (r *ring) skip(frames int) {
	if frames <= 0 {
		return
	}
	r.gap.Store(r.gap.Load() + int64(frames))
	r.gaps.Store(r.gaps.Load() + int64(frames))
}

// next returns the oldest frame, nil when there is none; it is the consumer's
// until it calls release.
func (r *ring) next() *slot {
	tail := r.tail.Load()
	if tail == r.head.Load() {
		return nil
	}
	return &r.slots[tail%ringFrames]
}

func (r *ring) release() { r.tail.Store(r.tail.Load() + 1) }

// frames is how long the conversation was, as the producer saw it.
func (r *ring) frames() int64 { return r.head.Load() + r.gaps.Load() }
