package media

import (
	"time"

	"tandem/media/codec"
)

const (
	// Sequence numbers this far ahead or behind belong to a sender that began
	// anew (RFC 3550 appendix A.1).
	maxDropout  = 3000
	maxMisorder = 100
)

// reception counts what came from one leg (RFC 3550 appendix A).
type reception struct {
	ssrc     uint32
	begun    bool
	base     uint32 // extended sequence numbers
	highest  uint32
	received uint64 // since base
	jitter   uint32 // scaled by 16
	transit  int32
	timed    bool
	strayed  bool // stray is the latest sequence number from nowhere near
	stray    uint16

	pastExpected, pastReceived uint64 // of streams before this one

	reportedExpected, reportedReceived uint64 // at the last RTCP report
}

// arrived takes a packet. began is true with the first packet of a new stream; ok
// is false for a sequence number far from the others, until the next one follows
// on it: one stray packet restarts nothing.
func (r *reception) arrived(now time.Duration, p *packet, audio bool) (began, ok bool) {
	ahead := int32(int16(p.seq - uint16(r.highest)))
	switch {
	case !r.begun || p.ssrc != r.ssrc:
		r.begin(p)
		began, ahead = true, 1
	case ahead < maxDropout && ahead > -maxMisorder:
		r.highest += uint32(max(ahead, 0))
	case r.strayed && p.seq == r.stray+1:
		r.begin(p)
		began, ahead = true, 1
	default:
		r.strayed, r.stray = true, p.seq
		return false, false
	}
	r.strayed = false
	r.received++
	if audio && ahead > 0 {
		r.time(now, p.timestamp)
	}
	return began, true
}

func (r *reception) begin(p *packet) {
	r.pastExpected, r.pastReceived = r.totals()
	r.begun, r.ssrc = true, p.ssrc
	r.base = 1<<16 | uint32(p.seq) // room below for packets that came before it
	r.highest, r.received, r.timed = r.base, 0, false
}

// time estimates interarrival jitter (RFC 3550 appendix A.8).
func (r *reception) time(now time.Duration, timestamp uint32) {
	transit := int32(uint32(int64(now*codec.Rate/time.Second)) - timestamp)
	change := transit - r.transit
	if change < 0 {
		change = -change
	}
	if r.timed && change >= 0 && change < codec.Rate {
		r.jitter += uint32(change) - (r.jitter+8)>>4
	}
	r.transit, r.timed = transit, true
}

func (r *reception) totals() (expected, received uint64) {
	if !r.begun {
		return r.pastExpected, r.pastReceived
	}
	return r.pastExpected + uint64(r.highest-r.base) + 1, r.pastReceived + r.received
}

// lost is never below zero: duplicates do not make up for losses elsewhere.
func (r *reception) lost() uint64 {
	expected, received := r.totals()
	return expected - min(received, expected)
}

// meanDeviation is the interarrival jitter.
func (r *reception) meanDeviation() time.Duration {
	return time.Duration(r.jitter>>4) * time.Second / codec.Rate
}
