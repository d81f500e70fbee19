package tone

import (
	"math"

	"tandem/media/codec"
)

// Floor is the level returned for silence, in dBFS.
const Floor = -120.0

// Power returns the level of one frequency in Hz within samples at 8000 Hz, in
// dBFS: a sine of full scale is 0, silence is Floor. It is Goertzel's filter; two
// frequencies are told apart when they differ by more than 8000/len(samples) Hz.
func Power(samples []int16, hz float64) float64 {
	if len(samples) == 0 {
		return Floor
	}
	w := 2 * math.Pi * hz / codec.Rate
	coefficient := 2 * math.Cos(w)
	var s1, s2 float64
	for _, v := range samples {
		s1, s2 = float64(v)+coefficient*s1-s2, s1
	}
	squared := s1*s1 + s2*s2 - coefficient*s1*s2
	return decibels(2 * math.Sqrt(max(squared, 0)) / float64(len(samples)))
}

// Level returns the level of all of the samples in dBFS, on the same scale: the
// sine that carries as much power.
func Level(samples []int16) float64 {
	if len(samples) == 0 {
		return Floor
	}
	var sum float64
	for _, v := range samples {
		sum += float64(v) * float64(v)
	}
	return decibels(math.Sqrt(2 * sum / float64(len(samples))))
}

func decibels(amplitude float64) float64 {
	if amplitude <= 0 {
		return Floor
	}
	return max(20*math.Log10(amplitude/fullScale), Floor)
}
