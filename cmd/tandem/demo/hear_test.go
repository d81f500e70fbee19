package demo

import (
	"math"
	"testing"

	"tandem/media/tone"
)

// heardAs returns samples as they are after G.711.
func heardAs(pcm []int16) []int16 {
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = s &^ 0xf // as coarse as the law's steps at usual levels
	}
	return out
}

func TestLikeness(t *testing.T) {
	music, closed, missed := tone.HoldMusic(), tone.OfficeClosed("es"), tone.Unavailable("es")
	beep := make([]int16, passage)
	for i := range beep {
		beep[i] = int16(7300 * math.Sin(2*math.Pi*500*float64(i)/8000))
	}
	for _, c := range []struct {
		name  string
		heard []int16
		sound tone.Clip
		same  bool
	}{
		{"music", heardAs(music[8000 : 8000+passage]), music, true},
		{"the end of the music", heardAs(music[len(music)-passage:]), music, true},
		{"the message, loudest part", heardAs(loudest(closed[:16000])), closed, true},
		{"the other message", heardAs(loudest(missed[:16000])), closed, false},
		{"music for the message", heardAs(music[8000 : 8000+passage]), closed, false},
		{"somebody's tone for music", heardAs(beep), music, false},
		{"silence", make([]int16, passage), music, false},
		{"nothing", nil, music, false},
		{"more than the sound", beep, tone.Clip(beep[:100]), false},
	} {
		if got := likeness(c.heard, c.sound); (got > sameSound) != c.same {
			t.Errorf("%s: likeness %.3f", c.name, got)
		}
	}
}

func TestLoudest(t *testing.T) {
	if got := loudest(make([]int16, 8000)); got != nil {
		t.Error("silence has a loudest passage")
	}
	pcm := make([]int16, 8000)
	for i := 4000; i < 4800; i++ {
		pcm[i] = 5000
	}
	got := loudest(pcm)
	if len(got) != passage || got[0] != 5000 || got[passage-1] != 5000 {
		t.Error("the loudest passage is not found")
	}
}
