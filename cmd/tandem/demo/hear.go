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

// likeness is the highest correlation of a passage with any of a sound: 1 when
// it was cut from it, at whatever level.
func likeness(heard []int16, sound tone.Clip) float64 {
	if len(heard) == 0 || len(sound) < len(heard) {
		return 0
	}
	own, there := energy(heard), energy(sound[:len(heard)])
	best := 0.0
	for at := 0; ; at++ {
		var dot int64
		for i, s := range sound[at : at+len(heard)] {
			dot += int64(s) * int64(heard[i])
		}
		if there > 0 {
			best = max(best, float64(dot)/math.Sqrt(float64(own)*float64(there)))
		}
		next := at + len(heard)
		if next == len(sound) {
			return best
		}
		there += square(sound[next]) - square(sound[at])
	}
}

func energy(pcm []int16) (sum int64) {
	for _, s := range pcm {
		sum += square(s)
	}
	return sum
}

func square(s int16) int64 { return int64(s) * int64(s) }
