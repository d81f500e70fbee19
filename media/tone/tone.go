// Package tone owns the sounds that the switch makes itself: call-progress tones
// of each country, test tones and their detector, audio files read from disk, and
// the built-in music and messages.
//
// The music is this project's own work under its licence; the messages are
// synthetic speech. clips/README.md says how they are made.
package tone

//go:generate go run ./generate -out clips

import (
	"math"

	"tandem/media/codec"
)

// Source gives frames one after the other, one per 20 ms tick. Next fills dst
// whole and returns false, with dst silent, once nothing is left. No Source
// allocates in Next; each belongs to one goroutine.
type Source interface {
	Next(dst *codec.Frame) bool
}

// fullScale is the amplitude of a sine at 0 dBFS.
const fullScale = math.MaxInt16

func amplitude(dBFS float64) float64 { return fullScale * math.Pow(10, dBFS/20) }

// oscillator makes a sine by rotating a phasor: no table, no drift to speak of,
// and the phase goes on from frame to frame.
type oscillator struct {
	sin, cos         float64
	stepSin, stepCos float64
	amplitude        float64
}

func newOscillator(hz, amplitude float64) oscillator {
	step := 2 * math.Pi * hz / codec.Rate
	return oscillator{cos: 1, stepSin: math.Sin(step), stepCos: math.Cos(step), amplitude: amplitude}
}

func (o *oscillator) next() float64 {
	v := o.sin * o.amplitude
	o.sin, o.cos = o.sin*o.stepCos+o.cos*o.stepSin, o.cos*o.stepCos-o.sin*o.stepSin
	return v
}

// normalise takes out what rounding did to the phasor's length; once a frame is plenty.
func (o *oscillator) normalise() {
	length := math.Hypot(o.sin, o.cos)
	o.sin, o.cos = o.sin/length, o.cos/length
}

type sine struct{ oscillator }

// Sine returns an endless pure tone of a frequency in Hz, at most 4000, and a
// level in dBFS (0 is the loudest sine there is).
func Sine(hz, dBFS float64) Source {
	return &sine{newOscillator(hz, amplitude(min(dBFS, 0)))}
}

func (s *sine) Next(dst *codec.Frame) bool {
	for i := range dst {
		dst[i] = int16(math.Round(s.next()))
	}
	s.normalise()
	return true
}
