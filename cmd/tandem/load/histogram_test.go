//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want time.Duration // end of its bucket
	}{
		{-time.Second, 0}, {0, 0}, {1, time.Microsecond}, {time.Microsecond, time.Microsecond},
		{63 * time.Microsecond, 63 * time.Microsecond}, {64 * time.Microsecond, 65 * time.Microsecond},
		{65 * time.Microsecond, 65 * time.Microsecond}, {66 * time.Microsecond, 67 * time.Microsecond},
		{128 * time.Microsecond, 131 * time.Microsecond},
	} {
		if got := bucketEnd(bucketOf(tt.d)); got != tt.want {
			t.Errorf("%v is counted as %v, want %v", tt.d, got, tt.want)
		}
	}
	for i := 1; i < perDoubling*doublings; i++ {
		if bucketEnd(i) <= bucketEnd(i-1) {
			t.Fatalf("bucket %d ends at %v, the one before at %v", i, bucketEnd(i), bucketEnd(i-1))
		}
		if got := bucketOf(bucketEnd(i)); got != i {
			t.Fatalf("the end of bucket %d lies in bucket %d", i, got)
		}
	}
	if got := bucketOf(1 << 62); got != perDoubling*doublings-1 {
		t.Errorf("a century lies in bucket %d", got)
	}
}

// A percentile is never below the true one and at most one bucket above it.
func TestPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var h histogram
		all := make([]time.Duration, 1+random.IntN(2000))
		for i := range all {
			all[i] = time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
			h.observe(all[i])
		}
		slices.Sort(all)
		for _, share := range []float64{0, 0.5, 0.9, 0.99, 1} {
			truth := all[int(share*float64(len(all)-1))]
			got := h.percentile(share)
			if got < truth || float64(got) > float64(truth)*1.04+float64(2*time.Microsecond) {
				t.Errorf("percentile %v of %d: %v, want %v", share, len(all), got, truth)
			}
		}
		if h.percentile(1) != all[len(all)-1] {
			t.Errorf("most %v, want %v", h.percentile(1), all[len(all)-1])
		}
	}
	if got := new(histogram).percentile(0.5); got != 0 {
		t.Errorf("percentile of nothing: %v", got)
	}
}
