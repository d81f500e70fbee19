package sip

import (
	"net/netip"
	"sync"
	"time"
)

// maxSources bounds how many sources are remembered.
const maxSources = 20_000

// bucket is a token bucket in one number: the time at which it is full again.
// Times count from the start of the guard, so that no clock step moves them.
type bucket time.Duration

// take takes a token, of which one comes back every so often and at most burst
// are kept.
func (b *bucket) take(now, every time.Duration, burst int) bool {
	full := max(time.Duration(*b), now)
	if full-now > every*time.Duration(burst-1) {
		return false
	}
	*b = bucket(full + every)
	return true
}

// recent is a table of bounded size. It keeps two generations: when the young
// one is full it becomes the old one, and what was not used since is forgotten.
type recent[V any] struct {
	half       int
	young, old map[netip.Addr]V
}

func newRecent[V any](size int) recent[V] {
	return recent[V]{half: size / 2, young: make(map[netip.Addr]V), old: make(map[netip.Addr]V)}
}

func (r *recent[V]) get(key netip.Addr) V {
	if v, ok := r.young[key]; ok {
		return v
	}
	return r.old[key]
}

func (r *recent[V]) put(key netip.Addr, v V) {
	if _, known := r.young[key]; !known && len(r.young) >= r.half {
		clear(r.old)
		r.young, r.old = r.old, r.young
	}
	r.young[key] = v
}

// rates limits what each source may send.
type rates struct {
	every time.Duration // between two requests, in the long run
	burst int

	mu      sync.Mutex
	sources recent[rate]
	refused bucket // INVITEs of strangers that are answered, all together
}

// rate is what one source has left: of requests, and of answers to a stranger.
type rate struct{ requests, answers bucket }

const (
	strangerShare = 5   // a stranger gets that part of the rate answered
	refusedRate   = 100 // INVITEs of strangers answered a second
)

func newRates(perSecond int) *rates {
	return &rates{every: time.Second / time.Duration(perSecond), burst: perSecond, sources: newRecent[rate](maxSources)}
}

// source is what an address counts as: the whole network that one subscriber
// gets, for IPv6.
func source(from netip.Addr) netip.Addr {
	if from.Is4() {
		return from
	}
	network, err := from.Prefix(64)
	if err != nil {
		return from
	}
	return network.Addr()
}

// request reports whether a source may send another request.
func (r *rates) request(from netip.Addr, now time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := source(from)
	left := r.sources.get(key)
	ok := left.requests.take(now, r.every, r.burst)
	r.sources.put(key, left)
	return ok
}

// answer reports whether a stranger may have an answer.
func (r *rates) answer(from netip.Addr, now time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := source(from)
	left := r.sources.get(key)
	ok := left.answers.take(now, r.every*strangerShare, max(1, r.burst/strangerShare))
	r.sources.put(key, left)
	return ok
}

// refusal reports whether another stranger's INVITE may be answered.
func (r *rates) refusal(now time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused.take(now, time.Second/refusedRate, refusedRate)
}
