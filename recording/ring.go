package recording

import (
	"sync"
	"sync/atomic"
)

const (
	// ringFrames is how long the disk may stall before audio is lost: 5 s.
	ringFrames = 256
	// blockFrames is how much memory is taken at a time: with a disk that keeps up a
	// ring needs little.
	blockFrames = 16
	// ringBlocks is one more than is in use, so that the block that is filled next
	// has been read to its end.
	ringBlocks = ringFrames/blockFrames + 1
)

// slot is 20 ms of both sides.
type slot struct {
	gap             int64 // frames of silence before this one
	contact, person [frameSamples]int16
}

// block holds no pointers, so nobody has to look through it.
type block [blockFrames]slot

// blockPool lends blocks to all rings; the tick allocates one only when more of
// them than ever lately are in use.
func blockPool() *sync.Pool { return &sync.Pool{New: func() any { return new(block) }} }

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

	pool   *sync.Pool         // of blocks
	blocks [ringBlocks]*block // nil where nothing waits
}

// slot returns where a frame is.
func (r *ring) slot(frame int64) (b **block, i int64) {
	return &r.blocks[frame/blockFrames%ringBlocks], frame % blockFrames
}

// push takes a frame; false when it did not fit.
func (r *ring) push(contact, person *[frameSamples]int16) bool {
	head := r.head.Load()
	if head-r.tail.Load() == ringFrames {
		r.missed.Store(r.missed.Load() + 1)
		r.skip(1)
		return false
	}
	b, i := r.slot(head)
	if *b == nil {
		*b = r.pool.Get().(*block)
	}
	s := &(*b)[i]
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
	b, i := r.slot(tail)
	return &(*b)[i]
}

// release gives the oldest frame back, and its block with the last one of it.
func (r *ring) release() {
	tail := r.tail.Load()
	if b, i := r.slot(tail); i == blockFrames-1 {
		r.pool.Put(*b)
		*b = nil
	}
	r.tail.Store(tail + 1)
}

// frames is how long the conversation was, as the producer saw it.
func (r *ring) frames() int64 { return r.head.Load() + r.gaps.Load() }
