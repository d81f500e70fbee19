package main

import (
	"math"

	"tandem/media/codec"
)

const (
	beatsPerMinute = 76
	beatsPerBar    = 4
)

// bar is one bar of the piece: a bass note, the chord over it and the melody in
// eighths, as MIDI note numbers; 0 rests.
type bar struct {
	bass   int
	chord  []int
	melody [8]int
}

// piece is eight bars in D major, an easy circle that ends where it begins.
func piece() []bar {
	return []bar{
		{38, []int{57, 62, 66, 69}, [8]int{78, 0, 74, 69, 73, 0, 69, 66}},
		{35, []int{57, 59, 62, 66}, [8]int{74, 0, 71, 66, 69, 0, 66, 62}},
		{43, []int{55, 59, 62, 66}, [8]int{71, 0, 74, 78, 76, 0, 74, 71}},
		{45, []int{57, 61, 64, 67}, [8]int{73, 0, 69, 73, 76, 0, 73, 69}},
		{42, []int{57, 61, 66, 69}, [8]int{78, 0, 76, 73, 74, 0, 73, 69}},
		{35, []int{57, 59, 62, 66}, [8]int{74, 0, 78, 74, 71, 0, 69, 66}},
		{40, []int{55, 59, 62, 67}, [8]int{71, 0, 67, 71, 74, 0, 76, 79}},
		{45, []int{55, 59, 62, 64}, [8]int{76, 0, 74, 71, 69, 0, 71, 73}},
	}
}

// loop is a buffer whose end is its beginning: what rings on at the end is heard
// at the start, so that the piece repeats without a seam.
type loop []float64

func (l loop) add(at int, v float64) { l[at%len(l)] += v }

// composeMusic plays the piece with a pad, a bass and plucked notes, and a soft
// echo over all.
func composeMusic() []float64 {
	beat := 60.0 / beatsPerMinute
	barSamples := int(math.Round(beat * beatsPerBar * codec.Rate))
	bars := piece()
	mix := make(loop, barSamples*len(bars))
	for n, b := range bars {
		start := n * barSamples
		length := beat * beatsPerBar
		for _, note := range b.chord {
			pad(mix, start, pitch(note), length, 0.16)
		}
		pluck(mix, start, pitch(b.bass+12), 2.2, 0.75)
		pluck(mix, start+barSamples*5/8, pitch(b.bass+12), 1.2, 0.4)
		for i, note := range b.melody {
			if note == 0 {
				continue
			}
			accent := 0.62
			if i%4 == 0 {
				accent = 0.85
			}
			pluck(mix, start+barSamples*i/8, pitch(note), 1.6, accent)
		}
		for i := range 4 {
			pluck(mix, start+barSamples*(2*i+1)/8, pitch(b.chord[i]), 1.1, 0.3)
		}
	}
	return echo(mix, int(0.75*beat*codec.Rate), 0.28)
}

// pitch returns a note's frequency in Hz, equal temperament on A at 440.
func pitch(note int) float64 { return 440 * math.Pow(2, float64(note-69)/12) }

// highest is the loudest partial that is played: the telephone carries no more.
const highest = 3300

// pluck adds a plucked string: partials that fade the faster the higher they are.
func pluck(out loop, start int, hz, seconds, gain float64) {
	for i := range int(seconds * codec.Rate) {
		t := float64(i) / codec.Rate
		var v float64
		for k := 1; k <= 6 && float64(k)*hz < highest; k++ {
			v += math.Sin(2*math.Pi*hz*float64(k)*t) * math.Exp(-t*(2.2+1.6*float64(k))) / math.Pow(float64(k), 1.4)
		}
		attack := min(1, t/0.006)
		release := min(1, (seconds-t)/0.1)
		out.add(start+i, v*gain*attack*release)
	}
}

// pad adds a slow, soft chord tone: two voices a little out of tune.
func pad(out loop, start int, hz, seconds, gain float64) {
	const attack, release = 0.7, 1.2
	for i := range int((seconds + release) * codec.Rate) {
		t := float64(i) / codec.Rate
		envelope := smooth(t/attack) * smooth((seconds+release-t)/release)
		v := math.Sin(2*math.Pi*hz*0.998*t) + math.Sin(2*math.Pi*hz*1.002*t) + 0.3*math.Sin(4*math.Pi*hz*t)
		out.add(start+i, v*gain*envelope)
	}
}

// smooth rises from 0 to 1 with level ends.
func smooth(x float64) float64 {
	x = min(max(x, 0), 1)
	return x * x * (3 - 2*x)
}

// echo adds repeats, each softer by gain, round the loop.
func echo(in loop, delay int, gain float64) loop {
	out := make(loop, len(in))
	level := 1.0
	for n := range 4 {
		for i, v := range in {
			out.add(i+n*delay, v*level)
		}
		level *= gain
	}
	return out
}
