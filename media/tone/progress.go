package tone

import (
	"math"
	"strings"
	"time"

	"tandem/media/codec"
)

// Progress is what a call-progress tone tells the caller.
type Progress uint8

const (
	// Ringback says that the other side rings. It goes on until it is stopped.
	Ringback Progress = iota
	// Busy says that the other side is engaged.
	Busy
	// Congestion says that there is no way through.
	Congestion
)

const (
	// progressLevel is the level of each frequency: two together stay under the
	// -10 dBm0 or so that ITU-T E.180 asks of tones.
	progressLevel = -16
	// progressLength ends busy and congestion tones.
	progressLength = 10 * time.Second
	// rampSamples softens the edges of a cadence: 4 ms.
	rampSamples = 32
	// maxFrequencies that sound together.
	maxFrequencies = 4
)

// Pattern is a tone and its rhythm.
type Pattern struct {
	Hz      []float64 // sounding together
	Cadence []int     // milliseconds on, off, on, off, ..., then over again
	// Modulated: the second frequency modulates the first's amplitude instead of
	// sounding beside it.
	Modulated bool
}

// Tone returns a country's call-progress tone (ISO 3166-1 alpha-2); countries
// that the table lacks get 425 Hz in the common European rhythms. Ringback never
// ends, the others after ten seconds.
func Tone(country string, p Progress) Source {
	limit := int(progressLength.Milliseconds()) * codec.Rate / 1000
	if p == Ringback {
		limit = 0
	}
	return newCadence(PatternOf(country, p), limit)
}

// confirmation is two short beeps.
func confirmation() Pattern { return single(660, 150, 100) }

// Confirmed returns the tone that says that something was done: two beeps in
// half a second.
func Confirmed() Source { return newCadence(confirmation(), codec.Rate/2) }

// PatternOf returns the pattern that Tone plays.
func PatternOf(country string, p Progress) Pattern {
	plan, ok := planOf(strings.ToUpper(country))
	if !ok {
		plan = ituPlan()
	}
	switch p {
	case Busy:
		return plan.busy
	case Congestion:
		return plan.congestion
	case Ringback:
	}
	return plan.ringback
}

type cadence struct {
	oscillators [maxFrequencies]oscillator
	count       int
	modulated   bool
	steps       []int // samples on, off, ...
	step        int
	left        int // samples of the step to go
	gone        int // samples of the step behind
	limit       int // samples to go; 0 for ever
	limited     bool
}

func newCadence(p Pattern, limit int) *cadence {
	c := &cadence{limit: limit, limited: limit > 0, modulated: p.Modulated}
	for _, hz := range p.Hz[:min(len(p.Hz), maxFrequencies)] {
		c.oscillators[c.count] = newOscillator(hz, amplitude(progressLevel))
		c.count++
	}
	for _, ms := range p.Cadence {
		c.steps = append(c.steps, ms*codec.Rate/1000)
	}
	c.left = c.steps[0]
	return c
}

func (c *cadence) Next(dst *codec.Frame) bool {
	if c.limited && c.limit <= 0 {
		*dst = codec.Frame{}
		return false
	}
	c.limit -= len(dst)
	for i := range dst {
		dst[i] = int16(math.Round(c.sum() * c.envelope()))
	}
	for i := range c.count {
		c.oscillators[i].normalise()
	}
	return true
}

// sum lets the oscillators run on through the pauses, so that the phase is one.
func (c *cadence) sum() float64 {
	if c.modulated {
		carrier, modulator := c.oscillators[0].next(), c.oscillators[1].next()
		return carrier * (1 + modulator/c.oscillators[1].amplitude) / 2
	}
	var v float64
	for i := range c.count {
		v += c.oscillators[i].next()
	}
	return v
}

// envelope returns the loudness of the next sample, 0 to 1, and moves on.
func (c *cadence) envelope() float64 {
	gain := 0.0
	if c.step%2 == 0 {
		gain = min(1, float64(c.gone+1)/rampSamples, float64(c.left)/rampSamples)
	}
	c.gone++
	if c.left--; c.left <= 0 {
		c.step = (c.step + 1) % len(c.steps)
		c.left, c.gone = c.steps[c.step], 0
	}
	return gain
}
