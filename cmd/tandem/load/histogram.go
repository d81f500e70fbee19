//go:build linux

package main

import (
	"math/bits"
	"time"
)

// A histogram's buckets are 32 to a doubling: a percentile is at most 3 % above
// the truth. The first hold single microseconds.
const (
	perDoubling = 32
	doublings   = 24 // up to 32 µs * 2^24, nine minutes
)

// histogram counts durations without keeping them. The zero value is empty.
type histogram struct {
	counts [perDoubling * doublings]uint64
	total  uint64
	most   time.Duration
}

// observe counts one duration; a negative one is none at all.
func (h *histogram) observe(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
	h.most = max(h.most, d)
}

// bucketOf returns the bucket of a duration: its microseconds rounded up, cut to
// their six leading bits.
func bucketOf(d time.Duration) int {
	us := uint64(max(0, d)+time.Microsecond-1) / uint64(time.Microsecond)
	shift := max(0, bits.Len64(us)-6)
	i := shift*perDoubling + int(us>>shift)
	return min(i, perDoubling*doublings-1)
}

// bucketEnd is the longest duration of a bucket.
func bucketEnd(i int) time.Duration {
	shift := max(0, i/perDoubling-1)
	lead := uint64(i - shift*perDoubling)
	return time.Duration((lead+1)<<shift-1) * time.Microsecond
}

// percentile returns the duration that a share of all does not exceed, 0 when
// nothing was counted.
func (h *histogram) percentile(share float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(share*float64(h.total-1)) + 1
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(bucketEnd(i), h.most)
		}
	}
	return h.most
}
