package jitter

import "math"

const (
	// noiseOrder is how many reflection coefficients are used.
	noiseOrder = 10
	// maxReflection keeps the filter stable whatever the sender writes.
	maxReflection = 0.98
	// noiseLimit is the loudest comfort noise played, -30 dBov: a description is
	// not a way to make somebody deaf.
	noiseLimit = 30
)

// noise makes comfort noise from its description (RFC 3389 section 3): a level
// and, optionally, the reflection coefficients of its spectrum.
type noise struct {
	active  bool
	since   uint32 // timestamp from which on it holds
	gain    float64
	order   int
	reflect [noiseOrder]float64
	state   [noiseOrder + 1]float64
	seed    uint32
}

func (n *noise) describe(payload []byte, timestamp uint32) {
	if len(payload) == 0 {
		return
	}
	level := max(int(payload[0]&0x7F), noiseLimit)
	// White noise that is uniform over ±a has the power a²/3.
	n.gain = math.Sqrt(3) * math.MaxInt16 * math.Pow(10, -float64(level)/20)
	n.order = min(len(payload)-1, noiseOrder)
	for i := range n.order {
		k := 258 * (float64(payload[1+i]) - 127) / 32768
		k = min(max(k, -maxReflection), maxReflection)
		n.reflect[i] = k
		n.gain *= math.Sqrt(1 - k*k) // what the resonances will add
	}
	if !n.active {
		n.state = [noiseOrder + 1]float64{}
	}
	if n.seed == 0 {
		n.seed = 0x9E3779B9
	}
	n.active, n.since = true, timestamp
}

// covers tells whether noise holds at a timestamp, or at all where no audio has
// set a timeline yet.
func (n *noise) covers(at uint32, timeline bool) bool {
	return n.active && (!timeline || int32(at-n.since) >= 0)
}

// yield ends the noise where speech of its time or later is played.
func (n *noise) yield(at uint32) {
	if n.covers(at, true) {
		n.active = false
	}
}

// fill runs white noise through the all-pole lattice of the coefficients.
func (n *noise) fill(dst []int16) {
	for i := range dst {
		n.seed ^= n.seed << 13
		n.seed ^= n.seed >> 17
		n.seed ^= n.seed << 5
		v := n.gain * (float64(n.seed)/(1<<31) - 1)
		for m := n.order - 1; m >= 0; m-- {
			v -= n.reflect[m] * n.state[m]
			n.state[m+1] = n.state[m] + n.reflect[m]*v
		}
		n.state[0] = v
		dst[i] = int16(min(max(v, math.MinInt16), math.MaxInt16))
	}
}
