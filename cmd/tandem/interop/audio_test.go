//go:build linux

package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"tandem/media/codec"
	"tandem/media/tone"
)

// The tones that people say, in Hz: far enough from each other's harmonics.
const (
	contactTone = 500
	anaTone     = 700
	luisTone    = 900
	outsideTone = 1150
)

// spoken is the level of these tones in dBFS.
const spoken = -12

// sine returns the samples of a tone.
func sine(hz float64, d time.Duration) (samples []int16) {
	source := tone.Sine(hz, spoken)
	var f codec.Frame
	for range d / (20 * time.Millisecond) {
		source.Next(&f)
		samples = append(samples, f[:]...)
	}
	return samples
}

// writeWAV writes a tone as 16-bit mono PCM at 8000 Hz.
func writeWAV(t *testing.T, path string, hz float64, d time.Duration) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	buffer := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: codec.Rate}, SourceBitDepth: 16}
	for _, s := range sine(hz, d) {
		buffer.Data = append(buffer.Data, int(s))
	}
	e := wav.NewEncoder(f, codec.Rate, 16, 1, 1)
	for _, step := range []func() error{func() error { return e.Write(buffer) }, e.Close, f.Close} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// holds fails unless the samples hold one tone and none of the others.
func holds(t *testing.T, what string, samples []int16, hz float64, others ...float64) {
	t.Helper()
	if len(samples) < codec.Rate/4 {
		t.Errorf("%s: %d samples only", what, len(samples))
		return
	}
	if p := tone.Power(samples, hz); p < spoken-6 {
		t.Errorf("%s: %.0f Hz at %.1f dB only", what, hz, p)
	}
	for _, other := range others {
		if p := tone.Power(samples, other); p > spoken-40 {
			t.Errorf("%s: holds %.0f Hz at %.1f dB", what, other, p)
		}
	}
}

// sox runs a program of the sox family and returns its output.
func sox(t *testing.T, program string, args ...string) (stdout, stderr []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, complaint.Bytes())
	}
	return stdout, complaint.Bytes()
}

// channel plays one channel of a file (1 is left) with sox and returns the
// middle half, away from the moments of connection and hang-up.
func channel(t *testing.T, file, number string) []int16 {
	t.Helper()
	raw, _ := sox(t, "sox", file, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-", "remix", number)
	samples := make([]int16, len(raw)/2)
	if _, err := binary.Decode(raw, binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	return samples[len(samples)/4 : len(samples)*3/4]
}
