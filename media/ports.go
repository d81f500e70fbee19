package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// portRest is how long a closed pair of ports is left alone at least: packets of
// the call that had it are still on their way, and the latch of a new call is open
// only to the address that its peer announces. As the pair that rested longest is
// always the next, most rest for minutes: a range of 5000 pairs that serves a call
// a second, for more than forty.
const portRest = 2 * time.Second

// ErrNoPorts says that every pair of ports is in use or has just been closed.
var ErrNoPorts = errors.New("no RTP ports left")

// portPool hands out pairs of ports: an even one for RTP and the odd one after it
// for RTCP (RFC 3550 section 11). Its clock is its caller's.
type portPool struct {
	mu    sync.Mutex
	first uint16
	pairs int

	free []restingPair // a ring; the one that rested longest is at head
	head int
	left int // how many of free hold a pair
}

// restingPair is a pair of ports that nobody uses.
type restingPair struct {
	port  uint16
	until time.Duration // rests
}

// newPortPool takes the range of ports, both ends included. The order is drawn by
// lot, so that the next port cannot be guessed from outside, and so that ports of
// our range that others hold do not follow on each other.
func newPortPool(from, to uint16) (*portPool, error) {
	first := int(from) + int(from)%2
	pairs := (int(to) - first + 1) / 2
	if from == 0 || pairs < 1 {
		return nil, fmt.Errorf("media: ports %d to %d hold no pair of an even and an odd port", from, to)
	}
	p := &portPool{first: uint16(first), pairs: pairs, free: make([]restingPair, pairs), left: pairs}
	for i, n := range rand.Perm(pairs) {
		p.free[i].port = uint16(first + 2*n)
	}
	return p, nil
}

// take returns the even port of the pair that rested longest.
func (p *portPool) take(now time.Duration) (uint16, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 || p.free[p.head].until > now {
		return 0, fmt.Errorf("%w: %d of %d pairs from port %d are in use, the others were just closed",
			ErrNoPorts, p.pairs-p.left, p.pairs, p.first)
	}
	port := p.free[p.head].port
	p.head = (p.head + 1) % p.pairs
	p.left--
	return port, nil
}

// put gives a pair back that others know of; its next use is as far off as can be.
func (p *portPool) put(now time.Duration, port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[(p.head+p.left)%p.pairs] = restingPair{port, now + portRest}
	p.left++
}

// putUnused gives a pair back that nobody was told of: it may be the next again.
func (p *portPool) putUnused(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.head = (p.head + p.pairs - 1) % p.pairs
	p.free[p.head] = restingPair{port: port}
	p.left++
}

// contains tells whether a port lies in the pool's range.
func (p *portPool) contains(port uint16) bool {
	return port >= p.first && int(port-p.first) < 2*p.pairs
}
