package jitter

// Bounds of RFC 3550 appendix A.1 within which a sequence number belongs to the
// stream that is being received.
const (
	maxDropout  = 3000
	maxMisorder = 100
	windowSize  = 64
)

// verdict says what a sequence number means.
type verdict uint8

const (
	newest    verdict = iota // after everything before it
	reordered                // earlier, and not seen yet
	duplicate                // seen
	odd                      // far from the others, and alone so far
	restarted                // the second in a row far from the others: the sender began anew
)

// order follows the sequence numbers of one stream: extended over wraps, with
// a window that remembers which of the latest have been seen.
type order struct {
	started  bool
	highest  uint32
	base     uint32
	window   uint64 // bit n: highest-n was seen
	counted  uint64 // packets since base
	received uint64
	missed   uint64 // of timelines before this one
	oddNext  uint32 // the sequence number after the last odd one, or beyond 16 bits
}

const noOdd = 1 << 16

func (o *order) accept(seq uint16) verdict {
	if !o.started {
		o.begin(seq)
		return newest
	}
	ahead := int32(int16(seq - uint16(o.highest)))
	switch {
	case ahead > 0 && ahead < maxDropout:
		o.highest += uint32(ahead)
		o.window = o.window<<ahead | 1
		o.count()
		return newest
	case ahead <= 0 && ahead > -windowSize:
		bit := uint64(1) << -ahead
		if o.window&bit != 0 {
			return duplicate
		}
		o.window |= bit
		o.count()
		return reordered
	case ahead <= 0 && ahead > -maxMisorder:
		o.count()
		return reordered
	case uint32(seq) == o.oddNext:
		o.restart()
		o.begin(seq)
		return restarted
	}
	o.oddNext = uint32(seq + 1)
	return odd
}

func (o *order) begin(seq uint16) {
	o.started, o.window, o.oddNext = true, 1, noOdd
	o.base, o.highest = uint32(seq), uint32(seq)
	o.counted = 0
	o.count()
}

func (o *order) count() {
	o.counted++
	o.received++
	o.oddNext = noOdd
}

// restart closes the account of the sequence numbers so far.
func (o *order) restart() {
	o.missed = o.lost()
	o.started = false
}

// lost is the number expected less the number received (RFC 3550 appendix A.3),
// never below zero.
func (o *order) lost() uint64 {
	if !o.started {
		return o.missed
	}
	expected := uint64(o.highest-o.base) + 1
	return o.missed + expected - min(o.counted, expected)
}
