package tone

import (
	"testing"
	"time"

	"tandem/media/codec"
)

func TestBuiltInSoundsCanBeHeard(t *testing.T) {
	type bounds struct {
		shortest, longest time.Duration
		quietest, loudest float64
	}
	music := bounds{20 * time.Second, 30 * time.Second, -24, -16}
	speech := bounds{3 * time.Second, 8 * time.Second, -24, -12}
	sounds := map[string]bounds{"hold": music}
	for _, lang := range []string{"en", "es", "fr", "de", "it", "pt"} {
		sounds["closed_"+lang], sounds["unavailable_"+lang] = speech, speech
	}
	for name, b := range sounds {
		clip := clips()[name]
		if d := clip.Duration(); d < b.shortest || d > b.longest {
			t.Errorf("%s lasts %v", name, d)
		}
		if l := Level(clip); l < b.quietest || l > b.loudest {
			t.Errorf("%s is at %.1f dBFS", name, l)
		}
		// No second of silence: something is said or played all the time.
		for at := 0; at+codec.Rate <= len(clip); at += codec.Rate {
			if l := Level(clip[at : at+codec.Rate]); l < -45 {
				t.Errorf("%s is silent at %d s: %.1f dBFS", name, at/codec.Rate, l)
			}
		}
	}
	if len(clips()) != len(sounds) {
		t.Errorf("%d built-in sounds, want %d", len(clips()), len(sounds))
	}
}

func TestHoldMusicLoopsWithoutAClick(t *testing.T) {
	music := HoldMusic()
	var largest int
	for i := 1; i < len(music); i++ {
		largest = max(largest, distance(music[i], music[i-1]))
	}
	if seam := distance(music[0], music[len(music)-1]); seam > largest/2 {
		t.Errorf("the seam jumps by %d; within the music the largest step is %d", seam, largest)
	}
}

func distance(a, b int16) int { return max(int(a)-int(b), int(b)-int(a)) }

func TestMessagesSpeakTheCountrysLanguage(t *testing.T) {
	for country, lang := range map[string]string{
		"ES": "es", "es": "es", "MX": "es", "US": "en", "GB": "en", "FR": "fr", "DE": "de", "AT": "de", "IT": "it", "BR": "pt", "JP": "en", "": "en", "XX": "en",
	} {
		if got := Language(country); got != lang {
			t.Errorf("Language(%q) = %q, want %q", country, got, lang)
		}
	}
	if same(OfficeClosed("es"), OfficeClosed("en")) || same(OfficeClosed("es"), Unavailable("es")) {
		t.Error("two messages are the same")
	}
	if !same(OfficeClosed("ja"), OfficeClosed("en")) || !same(Unavailable(""), Unavailable("en")) {
		t.Error("an unknown language is not answered in English")
	}
	if !same(Unavailable("DE"), Unavailable("de")) {
		t.Error("the case of the language matters")
	}
}

func same(a, b Clip) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }
