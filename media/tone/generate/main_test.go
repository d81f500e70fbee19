package main

import (
	"os"
	"path/filepath"
	"testing"

	"tandem/media/codec"
	"tandem/media/tone"
)

func load(t *testing.T, path string) tone.Clip {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	clip, err := tone.LoadWAV(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return clip
}

// The committed music is what this program makes, but for the rounding of other
// processors.
func TestCommittedMusicIsOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hold.wav")
	if err := writeULaw(path, normalise(composeMusic(), -20)); err != nil {
		t.Fatal(err)
	}
	made, committed := load(t, path), load(t, "../clips/hold.wav")
	if len(made) != len(committed) {
		t.Fatalf("made %d samples, committed %d", len(made), len(committed))
	}
	difference := make([]int16, len(made))
	for i := range made {
		difference[i] = made[i] - committed[i]
	}
	if l := tone.Level(difference); l > -60 {
		t.Errorf("they differ by %.1f dBFS", l)
	}
}

func TestMusicStaysInTheTelephonesBand(t *testing.T) {
	music := normalise(composeMusic(), -20)
	if l := tone.Level(music); l < -20.5 || l > -19.5 {
		t.Errorf("level %.1f dBFS", l)
	}
	for hz := 3450.0; hz < 4000; hz += 50 {
		if p := tone.Power(music[:codec.Rate*4], hz); p > -60 {
			t.Errorf("%v Hz at %.1f dBFS", hz, p)
		}
	}
}

func TestEveryMessageIsCommitted(t *testing.T) {
	for name, m := range messages() {
		clip := load(t, filepath.Join("../clips", name+".wav"))
		// Speech at 140 words a minute gives each letter about 70 ms.
		perLetter := clip.Duration().Milliseconds() / int64(len(m.text))
		if perLetter < 45 || perLetter > 130 {
			t.Errorf("%s: %v for %d letters", name, clip.Duration(), len(m.text))
		}
	}
}
