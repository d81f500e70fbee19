package media

import (
	"time"

	"tandem/call"
)

// quality judges what came from a leg. A leg from which nothing came has none.
func (r *reception) quality(roundTrip time.Duration) call.Quality {
	expected, received := r.totals()
	if received == 0 {
		return call.Quality{}
	}
	loss := float64(r.lost()) / float64(expected)
	jitter := r.meanDeviation()
	return call.Quality{
		Loss:   loss,
		Jitter: float64(jitter) / float64(time.Millisecond),
		MOS:    opinion(loss, roundTrip/2+2*jitter+tickLength),
	}
}

// opinion estimates the mean opinion score of G.711 with loss concealment from
// the share of packets lost and the delay from mouth to ear, by the E-model
// (ITU-T G.107) with all else at its defaults.
func opinion(loss float64, delay time.Duration) float64 {
	const (
		best       = 93.2 // R without delay and loss
		robustness = 25.1 // Bpl of G.711 with concealment, ITU-T G.113 appendix I
		noticeable = 177.3
	)
	ms := float64(delay) / float64(time.Millisecond)
	r := best - 0.024*ms - 0.11*max(0, ms-noticeable)
	percent := 100 * loss
	r -= 95 * percent / (percent + robustness)
	r = min(max(r, 0), 100)
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
