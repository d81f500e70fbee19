package tone

import (
	"math"

	"tandem/media/codec"
)

const (
	// cutoff of the low-pass filter in Hz: the telephone's band, with room below
	// the 4000 Hz above which a sample rate of 8000 would fold sound back.
	cutoff = 3700
	// lobes of the sinc on each side of its middle.
	lobes = 32
)

// resample brings mono samples from a rate in Hz, not below 8000, to 8000 Hz,
// through a sinc low-pass under a Blackman window.
func resample(in []int16, rate int) Clip {
	if rate == codec.Rate {
		return in
	}
	// Output n lies at input n*rate/8000; the fractions repeat, so each needs its
	// taps but once.
	divisor := gcd(rate, codec.Rate)
	up, down := codec.Rate/divisor, rate/divisor
	taps := make([][]float32, up)
	half := lobes * rate / (2 * cutoff)
	out := make(Clip, (len(in)*up+down-1)/down)
	for n := range out {
		at, phase := n*down/up, n*down%up
		if taps[phase] == nil {
			taps[phase] = sincTaps(half, float64(phase)/float64(up), rate)
		}
		out[n] = convolve(in, at-half, taps[phase])
	}
	return out
}

func convolve(in []int16, from int, taps []float32) int16 {
	to := min(from+len(taps), len(in))
	if from < 0 {
		taps, from = taps[-from:], 0
	}
	var sum float32
	for i, s := range in[from:max(to, from)] {
		sum += float32(s) * taps[i]
	}
	return int16(math.Round(float64(min(max(sum, math.MinInt16), math.MaxInt16))))
}

// sincTaps returns the filter for an output that lies a fraction of a sample
// after the input in the middle, scaled to let level through unchanged.
func sincTaps(half int, fraction float64, rate int) []float32 {
	taps := make([]float64, 2*half+2)
	width := float64(half) + 1
	var sum float64
	for i := range taps {
		x := float64(i-half) - fraction
		window := 0.42 + 0.5*math.Cos(math.Pi*x/width) + 0.08*math.Cos(2*math.Pi*x/width)
		taps[i] = sinc(2*cutoff*x/float64(rate)) * window
		sum += taps[i]
	}
	out := make([]float32, len(taps))
	for i, v := range taps {
		out[i] = float32(v / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
