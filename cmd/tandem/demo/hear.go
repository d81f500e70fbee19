package demo

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

// A passage is compared with a sound sample by sample: long enough to be found
// nowhere else, short enough to look for everywhere.
const (
	passage    = 800  // samples at 8000 Hz: 100 ms
	sameSound  = 0.95 // correlation; G.711 leaves more than 0.99 of a sound that is the same
	soundLevel = -45  // dBFS; a passage below is taken for silence and says nothing
)

// listenPackets is how much is heard between looks, in packets of 20 ms.
const listenPackets = 40

// recognise waits until what a call hears is a passage of a sound.
func recognise(ctx context.Context, call *peer.Call, what string, sound tone.Clip) error {
	ctx, cancel := during(ctx, call)
	defer cancel()
	best := 0.0
	for {
		if err := call.Media().WaitPackets(ctx, listenPackets); err != nil {
			return fmt.Errorf("%s is not heard (likeness at best %.2f): %w", what, best, errors.Join(err, context.Cause(ctx)))
		}
		best = max(best, likeness(loudest(call.Media().Heard()), sound))
		if best > sameSound {
			return nil
		}
	}
}

// loudest returns the loudest passage of the last packets heard, nil when that
// is silence.
func loudest(heard []int16) []int16 {
	heard = heard[max(0, len(heard)-listenPackets*160):]
	var found []int16
	level := float64(soundLevel)
	for at := 0; at+passage <= len(heard); at += passage / 2 {
		p := heard[at : at+passage]
		if l := tone.Level(p); l > level {
			found, level = p, l
		}
	}
	return found
}

// Every roughStep-th sample tells whether a place is worth a closer look; a
// prime, so that no common tone looks the same at each of them.
const (
	roughStep = 13
	roughly   = 0.8
)

// likeness is the highest correlation of a passage with any of a sound: 1 when
// it was cut from it, at whatever level. Places that are not even roughly alike
// count as 0.
func likeness(heard []int16, sound tone.Clip) float64 {
	best := 0.0
	for at := 0; len(heard) > 0 && at+len(heard) <= len(sound); at++ {
		there := sound[at : at+len(heard)]
		if correlation(heard, there, roughStep) > roughly {
			best = max(best, correlation(heard, there, 1))
		}
	}
	return best
}

// correlation compares every step-th sample of two passages of one length: 1
// when they differ in level alone, 0 when one is silent.
func correlation(a, b []int16, step int) float64 {
	var both, own, other int64
	for i := 0; i < len(a) && i < len(b); i += step {
		x, y := int64(a[i]), int64(b[i])
		both, own, other = both+x*y, own+x*x, other+y*y
	}
	if own == 0 || other == 0 {
		return 0
	}
	return float64(both) / math.Sqrt(float64(own)*float64(other))
}
