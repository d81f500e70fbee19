package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Listening works on windows of 100 ms, each overlapping half of the one before: 800 samples resolve 10 Hz.
const (
	window = sampleRate / 10
	hop    = window / 2
)

// Levels of listening, in dBFS of a full-scale sine.
const (
	audible = -40 // a tone that is heard
	hint    = -46 // a tone that must not be there; G.711's own distortion stays below
	quiet   = -55 // silence, digital or coded
)

// dominance is the share of the power that makes a tone the one heard; it leaves room for others in a mix.
const dominance = 0.25

// HearsTone waits until the tone of hz is heard: loud, and a main part of the sound, in two windows running. Only what
// arrives from now on counts.
func (m *Media) HearsTone(ctx context.Context, hz float64) error {
	return m.listen(ctx, fmt.Sprintf("a tone of %g Hz", hz), 2*hop+hop, func(pcm []int16) (bool, error) {
		level, share := toneIn(pcm, hz)
		return level > audible && share > dominance, nil
	})
}

// HearsNoTone listens to the next span of audio and returns an error as soon as a trace of hz is in it. Choose hz away
// from the harmonics of the tones that may be heard, and 400 Hz from any that starts or stops meanwhile: a step in a
// sound has a little of everything.
func (m *Media) HearsNoTone(ctx context.Context, hz float64, span time.Duration) error {
	return m.listen(ctx, fmt.Sprintf("audio without %g Hz", hz), samplesIn(span), func(pcm []int16) (bool, error) {
		if level, _ := toneIn(pcm, hz); level > hint {
			return false, fmt.Errorf("hears %g Hz at %.0f dBFS", hz, level)
		}
		return true, nil
	})
}

// HearsMusic waits until something is heard of which none of the given tones is a main part.
func (m *Media) HearsMusic(ctx context.Context, not ...float64) error {
	return m.listen(ctx, "music", window+hop, func(pcm []int16) (bool, error) {
		if loudness(pcm) < audible {
			return false, nil
		}
		for _, hz := range not {
			if _, share := toneIn(pcm, hz); share > dominance {
				return false, nil
			}
		}
		return true, nil
	})
}

// HearsSilence waits until span of the audio received is silence. Without packets it hears nothing and keeps waiting.
func (m *Media) HearsSilence(ctx context.Context, span time.Duration) error {
	return m.listen(ctx, "silence", samplesIn(span), func(pcm []int16) (bool, error) {
		return loudness(pcm) < quiet, nil
	})
}

func samplesIn(d time.Duration) int { return int(d.Seconds() * sampleRate) }

// listen looks at windows of what arrives from now on until length samples running satisfied judge. A judge's error ends
// it.
func (m *Media) listen(ctx context.Context, what string, length int, judge func([]int16) (bool, error)) error {
	if len(m.in.capture) < 4*window {
		return errors.New("listening needs MediaOptions.Capture of at least 400ms")
	}
	m.watch.Lock()
	at := m.in.total
	m.watch.Unlock()
	start, heard := at, -math.MaxFloat64
	err := m.wait(ctx, what, func() (bool, error) {
		if behind := m.in.total - len(m.in.capture); at < behind {
			at, start = behind, behind
		}
		for at+window <= m.in.total {
			pcm := m.in.samples(at, at+window)
			heard = loudness(pcm)
			good, err := judge(pcm)
			if err != nil {
				return false, err
			}
			if good && at+window-start >= length {
				return true, nil
			}
			at += hop
			if !good {
				start = at
			}
		}
		return false, nil
	})
	if err == nil {
		return nil
	}
	s := m.Stats()
	return fmt.Errorf("%w (last heard: %.0f dBFS, %d packets, payload types %v)", err, heard, s.Packets, s.PayloadTypes)
}

// toneIn measures hz in pcm through a Hann window with Goertzel's recurrence: its level in dBFS and its share of all
// power, 0 to 1.
func toneIn(pcm []int16, hz float64) (level, share float64) {
	n := float64(len(pcm))
	k := 2 * math.Cos(2*math.Pi*hz/sampleRate)
	var s1, s2, power float64
	for i, s := range pcm {
		x := float64(s)
		power += x * x
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/n)
		s1, s2 = x*hann+k*s1-s2, s1
	}
	if power == 0 {
		return -120, 0
	}
	amplitude := 4 / n * math.Sqrt(max(0, s1*s1+s2*s2-k*s1*s2))
	level = 20 * math.Log10(max(amplitude, 1e-3)/32768)
	return level, min(1, amplitude*amplitude/2/(power/n))
}

// loudness is the level of pcm in dBFS, a full-scale sine being 0.
func loudness(pcm []int16) float64 {
	var power float64
	for _, s := range pcm {
		power += float64(s) * float64(s)
	}
	if power == 0 {
		return -120
	}
	return 20 * math.Log10(math.Sqrt(2*power/float64(len(pcm)))/32768)
}
