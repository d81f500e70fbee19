package peer

import (
	"fmt"
	"math"
	"os"

	"github.com/go-audio/wav"
)

// Audio here is 16-bit linear PCM, mono, 8000 Hz, in frames of 20 ms.
const (
	sampleRate   = 8000
	frameSamples = 160
)

// Source is what a peer says: it fills one frame of 160 samples, the first of them being sample number at since it began
// to speak. A Source keeps no state, so any number of calls may share it.
type Source func(at int, frame []int16)

// Tone returns a sine of hz at -13 dBFS, a level well inside every codec.
func Tone(hz float64) Source {
	return func(at int, frame []int16) {
		for i := range frame {
			frame[i] = int16(7300 * math.Sin(2*math.Pi*hz*float64(at+i)/sampleRate))
		}
	}
}

// Silence returns digital silence: packets are sent, with nothing in them.
func Silence() Source { return func(_ int, frame []int16) { clear(frame) } }

// Samples returns a source that plays pcm, 8000 Hz, round and round.
func Samples(pcm []int16) Source {
	if len(pcm) == 0 {
		return Silence()
	}
	return func(at int, frame []int16) {
		for i := range frame {
			frame[i] = pcm[(at+i)%len(pcm)]
		}
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
