package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// portRest is how long a closed pair of ports is left alone: packets of the
// call that had it are still on their way.
const portRest = 30 * time.Second

// ErrNoPorts says that every pair of ports is in use or resting.
var ErrNoPorts = errors.New("no RTP ports left")

const portTaken time.Duration = 1<<63 - 1

// portPool hands out pairs of ports: an even one for RTP and the odd one after it
// for RTCP (RFC 3550 section 11). Its clock is its caller's.
type portPool struct {
	mu    sync.Mutex
	first uint16
	free  []time.Duration // by pair: when it may be used
	next  int
}

// newPortPool takes the range of ports, both ends included.
func newPortPool(from, to uint16) (*portPool, error) {
	first := int(from) + int(from)%2
	pairs := (int(to) - first + 1) / 2
	if from == 0 || pairs < 1 {
		return nil, fmt.Errorf("media: ports %d to %d hold no pair of an even and an odd port", from, to)
	}
	return &portPool{first: uint16(first), free: make([]time.Duration, pairs), next: rand.IntN(pairs)}, nil
}

// take returns the even port of a pair. Pairs are used in turn, from a random
// one on, so that the next port cannot be guessed from outside.
func (p *portPool) take(now time.Duration) (uint16, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.free {
		i := p.next
		p.next = (p.next + 1) % len(p.free)
		if p.free[i] <= now {
			p.free[i] = portTaken
			return p.first + uint16(2*i), nil
		}
	}
	return 0, fmt.Errorf("%w: %d pairs from port %d are in use or resting", ErrNoPorts, len(p.free), p.first)
}

// put gives a pair back; it rests before its next use.
func (p *portPool) put(now time.Duration, port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[(port-p.first)/2] = now + portRest
}

// jump goes on elsewhere in the range: whoever holds one port of it is likely to
// hold its neighbours.
func (p *portPool) jump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = rand.IntN(len(p.free))
}

// contains tells whether a port lies in the pool's range.
func (p *portPool) contains(port uint16) bool {
	return port >= p.first && int(port-p.first) < 2*len(p.free)
}
