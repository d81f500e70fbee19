package sip

import (
	"net/netip"
	"sync"
	"time"
)

// samplesPerSecond bounds the log of all sources together: with 120 characters
// of a message, each of which may be escaped twice, a flood writes less than
// 1 MB a minute.
const samplesPerSecond = 15

// samples decides which refused messages are logged: one a second of each
// source, and not too many of all.
type samples struct {
	mu   sync.Mutex
	each recent[bucket]
	all  bucket
}

func newSamples() *samples { return &samples{each: newRecent[bucket](maxSources)} }

// take reports whether a message of that source may be logged.
func (s *samples) take(from netip.Addr, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := source(from)
	left := s.each.get(key)
	if !left.take(now, sampleEvery, 1) || !s.all.take(now, time.Second/samplesPerSecond, samplesPerSecond) {
		return false
	}
	s.each.put(key, left)
	return true
}
