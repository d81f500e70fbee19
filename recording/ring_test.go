package recording

import (
	"sync"
	"testing"
)

// One producer and one consumer, as fast as they can: every frame arrives once,
// in order, and the gaps account for those that did not.
func TestRingAtSpeed(t *testing.T) {
	const frames = 200_000
	r := &ring{pool: blockPool()}
	var wg sync.WaitGroup
	wg.Go(func() {
		var c, p [frameSamples]int16
		for n := range int64(frames) {
			c[0], p[0] = int16(n), int16(n>>16)
			r.push(&c, &p)
		}
	})
	var at int64 // the frame that is due
	take := func() bool {
		s := r.next()
		if s == nil {
			return false
		}
		at += s.gap
		if s.contact[0] != int16(at) || s.person[0] != int16(at>>16) {
			t.Errorf("frame %d is %d, %d", at, s.contact[0], s.person[0])
		}
		at++
		r.release()
		return true
	}
	for at+r.gap.Load() < frames && !t.Failed() {
		take()
	}
	wg.Wait()
	for take() {
	}
	if at+r.gap.Load() != frames || r.frames() != frames || r.missed.Load() != r.gaps.Load() {
		t.Errorf("arrived at %d and %d, counted %d, missed %d of %d", at, r.gap.Load(), r.frames(), r.missed.Load(), r.gaps.Load())
	}
}

func TestRingSkip(t *testing.T) {
	r := &ring{pool: blockPool()}
	var c, p [frameSamples]int16
	r.skip(-4)
	r.skip(0)
	r.skip(3)
	r.push(&c, &p)
	if s := r.next(); s == nil || s.gap != 3 || r.frames() != 4 || r.missed.Load() != 0 {
		t.Errorf("slot %+v, %d frames, %d missed", s != nil, r.frames(), r.missed.Load())
	}
}

// A disk that keeps up costs two blocks, one that stalls as many as it takes, and
// what it took is given back.
func TestRingTakesMemoryAsItNeedsIt(t *testing.T) {
	r := &ring{pool: blockPool()}
	held := func() (n int) {
		for _, b := range r.blocks {
			if b != nil {
				n++
			}
		}
		return n
	}
	var c, p [frameSamples]int16
	drain := func() {
		for r.next() != nil {
			r.release()
		}
	}
	for n := range 10 * ringFrames {
		r.push(&c, &p)
		if n%blockFrames == 7 {
			if held() > 2 {
				t.Fatalf("%d blocks for %d frames", held(), blockFrames)
			}
			drain()
		}
	}
	for r.push(&c, &p) {
	}
	if n := held(); n < ringBlocks-1 {
		t.Errorf("%d blocks in a full ring", n)
	}
	drain()
	if n := held(); n > 1 {
		t.Errorf("%d blocks in an empty ring", n)
	}
}
