// Package mix owns who hears whom inside one call's room, sample by sample. It
// starts silent: a listener hears the speakers it has been given an edge to and
// nothing else, so a lost edge can silence somebody but never betray anybody.
package mix

import (
	"math"
	"math/bits"

	"tandem/media/codec"
)

// Seats is how many legs one room can hold.
const Seats = 8

// Edges says who hears whom: bit s of Edges[l] is set when listener l hears
// speaker s. The zero value is silence for all.
type Edges [Seats]uint8

// Add lets listener hear speaker. Nobody hears themselves, and seats outside the
// room do not exist; such edges are ignored.
func (e *Edges) Add(listener, speaker int) {
	if inRoom(listener) && inRoom(speaker) && listener != speaker {
		e[listener] |= 1 << speaker
	}
}

// Remove takes every edge from and to a seat away.
func (e *Edges) Remove(seat int) {
	if !inRoom(seat) {
		return
	}
	e[seat] = 0
	for l := range e {
		e[l] &^= 1 << seat
	}
}

// Hears tells whether listener hears speaker.
func (e *Edges) Hears(listener, speaker int) bool {
	return inRoom(listener) && inRoom(speaker) && e[listener]&(1<<speaker) != 0
}

func inRoom(seat int) bool { return seat >= 0 && seat < Seats }

// Mixer sums speakers for listeners. The zero value is a silent room. It has no
// lock: its owner is the one media worker of the room.
type Mixer struct {
	edges Edges
}

// Wire replaces all edges at once, so that no listener ever hears a state in
// between. An edge from a seat to itself is dropped.
func (m *Mixer) Wire(edges Edges) {
	for l := range edges {
		edges[l] &^= 1 << l
	}
	m.edges = edges
}

// Edges returns the wiring in force.
func (m *Mixer) Edges() Edges { return m.edges }

// Sole returns the one speaker that listener hears, if it hears exactly one; the
// speaker's packets can then be passed through untouched.
func (m *Mixer) Sole(listener int) (speaker int, ok bool) {
	if !inRoom(listener) || bits.OnesCount8(m.edges[listener]) != 1 {
		return 0, false
	}
	return bits.TrailingZeros8(m.edges[listener]), true
}

// Mix gives every listener l < len(out) the saturated sum of the speakers it
// hears in out[l]; inputs[s] is what seat s says in these 20 ms, nil for silence.
// It returns the listeners, as bits, that heard anything; the others' frames are
// zero. A sole voice is copied, so it arrives exactly as it was said.
func (m *Mixer) Mix(inputs []*codec.Frame, out []codec.Frame) (heard uint8) {
	var speaking uint8
	for s := range min(len(inputs), Seats) {
		if inputs[s] != nil {
			speaking |= 1 << s
		}
	}
	for l := range min(len(out), Seats) {
		audible := m.edges[l] & speaking
		switch bits.OnesCount8(audible) {
		case 0:
			out[l] = codec.Frame{}
			continue
		case 1:
			out[l] = *inputs[bits.TrailingZeros8(audible)]
		default:
			sum(&out[l], inputs, audible)
		}
		heard |= 1 << l
	}
	return heard
}

func sum(out *codec.Frame, inputs []*codec.Frame, audible uint8) {
	var acc [codec.FrameSamples]int32
	for ; audible != 0; audible &= audible - 1 {
		for i, s := range inputs[bits.TrailingZeros8(audible)] {
			acc[i] += int32(s)
		}
	}
	for i, v := range acc {
		out[i] = int16(min(max(v, math.MinInt16), math.MaxInt16))
	}
}
