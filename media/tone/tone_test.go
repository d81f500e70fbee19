package tone

import (
	"math"
	"testing"
	"time"

	"tandem/media/codec"
)

func play(s Source, frames int) (out []int16) {
	var f codec.Frame
	for range frames {
		if !s.Next(&f) {
			break
		}
		out = append(out, f[:]...)
	}
	return out
}

func TestSineHasItsLevelAndNoOtherFrequency(t *testing.T) {
	for _, hz := range []float64{50, 425, 1000, 3400} {
		for _, level := range []float64{0, -10, -30} {
			samples := play(Sine(hz, level), 50)
			if got := Power(samples, hz); math.Abs(got-level) > 0.1 {
				t.Errorf("%v Hz at %v dBFS measures %.2f", hz, level, got)
			}
			if got := Level(samples); math.Abs(got-level) > 0.1 {
				t.Errorf("%v Hz at %v dBFS has level %.2f", hz, level, got)
			}
			for _, other := range []float64{hz + 20, hz * 1.1, 2950} {
				if got := Power(samples, other); got > level-30 {
					t.Errorf("%v Hz leaks %.1f dBFS to %v Hz", hz, got, other)
				}
			}
		}
	}
}

func TestSineKeepsItsPhaseForHours(t *testing.T) {
	s := Sine(400, -10)
	var f codec.Frame
	for range 50 * 3600 {
		s.Next(&f)
	}
	// 400 Hz fits its period of 20 samples into a frame, so every frame is the same.
	fresh := play(Sine(400, -10), 1)
	for i, v := range f {
		if distance(v, fresh[i]) > 2 {
			t.Fatalf("sample %d after an hour is %d, was %d", i, v, fresh[i])
		}
	}
}

func TestPowerOfNothing(t *testing.T) {
	if Power(nil, 400) != Floor || Level(nil) != Floor || Power(make([]int16, 800), 400) != Floor || Level(make([]int16, 8)) != Floor {
		t.Error("silence is not at the floor")
	}
}

func countries() []string {
	return []string{
		"ES", "US", "GB", "FR", "DE", "IT", "PT", "MX", "AR", "CO", "CL", "PE", "BR", "NL", "BE", "CH", "AT", "IE",
		"SE", "NO", "DK", "FI", "PL", "CZ", "AU", "NZ", "CA", "IN", "JP",
	}
}

func TestEveryCountryHasTones(t *testing.T) {
	for _, country := range countries() {
		if _, ok := planOf(country); !ok {
			t.Errorf("%s is not in the table", country)
		}
		for _, p := range []Progress{Ringback, Busy, Congestion} {
			pattern := PatternOf(country, p)
			if len(pattern.Hz) == 0 || len(pattern.Hz) > maxFrequencies || len(pattern.Cadence)%2 != 0 || pattern.Modulated && len(pattern.Hz) != 2 {
				t.Errorf("%s %d: %+v", country, p, pattern)
			}
		}
	}
	if _, ok := planOf("XX"); ok || PatternOf("XX", Busy).Hz[0] != 425 || PatternOf("es", Busy).Cadence[0] != 200 {
		t.Error("unknown countries or lower case are not handled")
	}
}

// Every tone is measured: on and off when its pattern says, at its frequencies.
func TestTonesFollowTheirPattern(t *testing.T) {
	for _, country := range append(countries(), "XX") {
		for _, p := range []Progress{Ringback, Busy, Congestion} {
			pattern := PatternOf(country, p)
			samples := play(Tone(country, p), 450)
			at := 0
			for i := 0; at < len(samples); i++ {
				n := pattern.Cadence[i%len(pattern.Cadence)] * codec.Rate / 1000
				part := samples[at:min(at+n, len(samples))]
				at += n
				if len(part) < n {
					break
				}
				checkPart(t, country, p, pattern, i%2 == 0, part)
			}
		}
	}
}

func checkPart(t *testing.T, country string, p Progress, pattern Pattern, on bool, part []int16) {
	t.Helper()
	if !on {
		if l := Level(part); l != Floor {
			t.Errorf("%s %d: a pause at %.1f dBFS", country, p, l)
		}
		return
	}
	sounding := pattern.Hz
	if pattern.Modulated {
		sounding = sounding[:1]
	}
	for _, hz := range sounding {
		if l := Power(part, hz); l < progressLevel-8 || l > progressLevel+2 {
			t.Errorf("%s %d: %v Hz at %.1f dBFS", country, p, hz, l)
		}
	}
	if l := Power(part, 900); l > progressLevel-25 {
		t.Errorf("%s %d: 900 Hz at %.1f dBFS", country, p, l)
	}
}

func TestRingbackGoesOnAndBusyEnds(t *testing.T) {
	if n := len(play(Tone("ES", Ringback), 6000)); n != 6000*codec.FrameSamples {
		t.Errorf("ringback ends after %d samples", n)
	}
	for _, p := range []Progress{Busy, Congestion} {
		s := Tone("ES", p)
		if n := len(play(s, 6000)); n != 10*codec.Rate {
			t.Errorf("tone %d lasts %d samples", p, n)
		}
		f := codec.Frame{1}
		if s.Next(&f) || f != (codec.Frame{}) {
			t.Errorf("tone %d is not silent after its end", p)
		}
	}
}

func TestConfirmationBeepsTwice(t *testing.T) {
	samples := play(Confirmed(), 100)
	if len(samples) != codec.Rate/2 {
		t.Fatalf("it lasts %d samples", len(samples))
	}
	const beep, pause = 150 * codec.Rate / 1000, 100 * codec.Rate / 1000
	for i, loud := range []bool{true, false, true, false} {
		from := i / 2 * (beep + pause)
		part := samples[from : from+beep]
		if !loud {
			part = samples[from+beep : from+beep+pause]
		}
		if got := Power(part, 660) > progressLevel-3; got != loud {
			t.Errorf("part %d: heard %v", i, got)
		}
	}
}

func TestTonesDoNotClick(t *testing.T) {
	samples := play(Tone("GB", Ringback), 200)
	limit := 2 * amplitude(progressLevel) * 2 * math.Pi * 450 / codec.Rate * 1.3
	for i := 1; i < len(samples); i++ {
		if step := float64(distance(samples[i], samples[i-1])); step > limit {
			t.Fatalf("a step of %.0f at sample %d, limit %.0f", step, i, limit)
		}
	}
}

func TestClipPlaysWholeAndLoopsWithoutAGap(t *testing.T) {
	for _, n := range []int{0, 1, 100, 160, 161, 1000} {
		clip := make(Clip, n)
		for i := range clip {
			clip[i] = int16(i + 1)
		}
		once := play(clip.Play(false), 100)
		if want := (n + codec.FrameSamples - 1) / codec.FrameSamples * codec.FrameSamples; len(once) != want {
			t.Errorf("%d samples play as %d", n, len(once))
		}
		for i, v := range once {
			if want := int16(i + 1); i < n && v != want || i >= n && v != 0 {
				t.Fatalf("%d samples: sample %d is %d", n, i, v)
			}
		}
		looped := play(clip.Play(true), 50)
		if n > 0 && len(looped) != 50*codec.FrameSamples || n == 0 && len(looped) > 0 {
			t.Errorf("%d samples loop as %d", n, len(looped))
		}
		for i, v := range looped {
			if want := int16(i%n + 1); v != want {
				t.Fatalf("%d samples looped: sample %d is %d, want %d", n, i, v, want)
			}
		}
	}
	if d := make(Clip, 12000).Duration(); d != 1500*time.Millisecond {
		t.Errorf("12000 samples last %v", d)
	}
}

func TestSourcesDoNotAllocate(t *testing.T) {
	var f codec.Frame
	for name, s := range map[string]Source{
		"sine": Sine(400, -10), "ringback": Tone("GB", Ringback), "modulated": Tone("JP", Ringback), "music": HoldMusic().Play(true),
	} {
		if n := testing.AllocsPerRun(200, func() { s.Next(&f) }); n != 0 {
			t.Errorf("%s: %v allocations per frame", name, n)
		}
	}
}

func BenchmarkRingback(b *testing.B) {
	s := Tone("US", Ringback)
	var f codec.Frame
	b.ReportAllocs()
	for b.Loop() {
		s.Next(&f)
	}
}

func BenchmarkMusic(b *testing.B) {
	s := HoldMusic().Play(true)
	var f codec.Frame
	b.ReportAllocs()
	for b.Loop() {
		s.Next(&f)
	}
}
