package peer

import (
	"fmt"
	"math"
	"os"

	"github.com/go-audio/wav"
)

// Audio is 16-bit linear PCM, mono, 8000 Hz, in frames of 20 ms.
const (
	sampleRate   = 8000
	frameSamples = 160
)

// Source is what a peer says. Read fills one frame of 160 samples; it is called once every 20 ms by one goroutine.
type Source interface {
	Read(frame []int16)
}

// Tone returns a sine of hz at -13 dBFS, a level well inside every codec.
func Tone(hz float64) Source { return &tone{step: 2 * math.Pi * hz / sampleRate} }

type tone struct{ step, phase float64 }

func (t *tone) Read(frame []int16) {
	for i := range frame {
		frame[i] = int16(7300 * math.Sin(t.phase))
		t.phase = math.Mod(t.phase+t.step, 2*math.Pi)
	}
}

// Silence returns digital silence: packets are sent, with nothing in them.
func Silence() Source { return silence{} }

type silence struct{}

func (silence) Read(frame []int16) { clear(frame) }

// Samples returns a source that plays pcm, 8000 Hz, round and round.
func Samples(pcm []int16) Source { return &samples{pcm: pcm} }

type samples struct {
	pcm []int16
	at  int
}

func (s *samples) Read(frame []int16) {
	clear(frame)
	for i := range frame {
		if len(s.pcm) == 0 {
			return
		}
		frame[i] = s.pcm[s.at]
		s.at = (s.at + 1) % len(s.pcm)
	}
}

// WAV returns a source that plays a 16-bit mono file of 8000 Hz round and round.
func WAV(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read wav: %w", err)
	}
	defer f.Close()
	d := wav.NewDecoder(f)
	buf, err := d.FullPCMBuffer()
	if err != nil {
		return nil, fmt.Errorf("read wav %s: %w", path, err)
	}
	if d.SampleRate != sampleRate || d.NumChans != 1 || d.BitDepth != 16 {
		return nil, fmt.Errorf("read wav %s: %d Hz, %d channels, %d bits: want 8000, 1, 16", path, d.SampleRate, d.NumChans, d.BitDepth)
	}
	pcm := make([]int16, len(buf.Data))
	for i, s := range buf.Data {
		pcm[i] = int16(s)
	}
	return Samples(pcm), nil
}
