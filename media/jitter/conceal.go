package jitter

const (
	// Bounds of the pitch period searched: 66 to 200 Hz, as in G.711 appendix I.
	minPitch = 40
	maxPitch = 120
	// pitchWindow is how much of the past is compared, 20 ms.
	pitchWindow = 160
	historySize = maxPitch*2 + pitchWindow
	// holdSamples are bridged at full level, then the level falls to nothing at fadeSamples.
	holdSamples = 80
	fadeSamples = 480
	// joinSamples is the overlap between bridge and what follows: 4 ms.
	joinSamples = 32
)

// concealer bridges losses by repeating the last pitch period, fading to silence
// within 60 ms.
type concealer struct {
	history [historySize]int16 // what was heard last, newest at the end
	period  [maxPitch]int16
	pitch   int
	next    int // place in period
	bridged int // samples of the loss so far; 0 when none is going on
	step    int32
	faded   bool // nothing to repeat
}

func (c *concealer) reset() { *c = concealer{faded: true} }

// heard takes samples that were received. The first ones after a bridge are
// blended with its continuation.
func (c *concealer) heard(samples []int16) {
	if c.bridged > 0 && !c.faded {
		n := min(joinSamples, len(samples))
		for i := range n {
			w := int32(i + 1)
			s := int32(c.sample())
			samples[i] = int16((s*int32(n+1-int(w)) + int32(samples[i])*w) / int32(n+1))
		}
	}
	c.bridged, c.faded = 0, false
	c.remember(samples)
}

// fill bridges a loss and tells whether there is anything to be heard.
func (c *concealer) fill(dst []int16) bool {
	if !c.faded && c.bridged == 0 {
		c.begin()
	}
	if c.faded {
		clear(dst)
		return false
	}
	for i := range dst {
		dst[i] = c.sample()
	}
	c.faded = c.bridged >= fadeSamples
	c.remember(dst)
	return true
}

// remember takes at most a frame.
func (c *concealer) remember(samples []int16) {
	copy(c.history[:], c.history[len(samples):])
	copy(c.history[historySize-len(samples):], samples)
}

// begin finds the pitch and prepares the period that is repeated. Its end is
// blended into the samples before its beginning, so that it joins onto itself.
func (c *concealer) begin() {
	c.pitch = c.findPitch()
	if c.pitch == 0 {
		c.faded = true
		return
	}
	past := c.history[historySize-2*c.pitch:]
	before, last := past[:c.pitch], past[c.pitch:]
	copy(c.period[:], last)
	overlap := c.pitch / 4
	for i := range overlap {
		at := c.pitch - overlap + i
		w := int32(i + 1)
		c.period[at] = int16((int32(last[at])*(int32(overlap)-w) + int32(before[at])*w) / int32(overlap))
	}
	c.next = 0
	// The first sample follows the last one heard rather than the one a period
	// before; the step between the two is spread over the join.
	c.step = int32(last[c.pitch-1]) - int32(before[c.pitch-1])
}

// sample returns the next sample of the bridge.
func (c *concealer) sample() int16 {
	if c.bridged >= fadeSamples {
		return 0
	}
	v := int32(c.period[c.next])
	if c.bridged < joinSamples {
		v += c.step * int32(joinSamples-c.bridged) / joinSamples
	}
	if c.bridged > holdSamples {
		v = v * int32(fadeSamples-c.bridged) / (fadeSamples - holdSamples)
	}
	c.next = (c.next + 1) % c.pitch
	c.bridged++
	return int16(min(max(v, -32768), 32767))
}

// findPitch returns the lag at which the latest 20 ms resemble the past most, by
// normalised cross-correlation; 0 when they are silent.
func (c *concealer) findPitch() int {
	now := c.history[historySize-pitchWindow:]
	var energy, best float64
	for _, s := range now {
		energy += float64(s) * float64(s)
	}
	if energy < pitchWindow {
		return 0
	}
	pitch := minPitch
	for lag := minPitch; lag <= maxPitch; lag++ {
		past := c.history[historySize-pitchWindow-lag:][:pitchWindow]
		var product, power float64
		// Every other sample is enough to find the peak.
		for i := 0; i < pitchWindow; i += 2 {
			product += float64(now[i]) * float64(past[i])
			power += float64(past[i]) * float64(past[i])
		}
		if product <= 0 || power == 0 {
			continue
		}
		if score := product * product / power; score > best {
			best, pitch = score, lag
		}
	}
	return pitch
}
