package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"tandem/call"
)

// loud is 20 ms of one sample between two others.
func loud(low, high int16) *[frameSamples]int16 {
	var f [frameSamples]int16
	f[3], f[159] = low, high
	return &f
}

func TestPeaks(t *testing.T) {
	s := newStudio(t, nil)
	rec := call.Record{ID: inbound().ID, Direction: call.Outbound}
	tape := s.begin(t, rec)
	tape.Push(loud(-32768, 32767), loud(-256, 512))
	tape.Push(loud(-255, 255), loud(0, 0))
	if _, err := s.Peaks(rec.ID, ""); !errors.Is(err, ErrLive) {
		t.Errorf("of a live call: %v", err)
	}
	s.finished(rec.ID)
	left := PeakChannel{Side: "contact", Min: []int8{-128, 0}, Max: []int8{127, 0}}
	right := PeakChannel{Side: "salesperson", Min: []int8{-1, 0}, Max: []int8{2, 0}}
	for layout, want := range map[Layout]Peaks{
		"":          {Samples: 320, SamplesPerPoint: 160, Left: left, Right: right},
		ContactLeft: {Samples: 320, SamplesPerPoint: 160, Left: left, Right: right},
		CallerLeft:  {Samples: 320, SamplesPerPoint: 160, Left: right, Right: left},
	} {
		if got, err := s.Peaks(rec.ID, layout); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("layout %q: %+v, %v", layout, got, err)
		}
	}
	if _, err := s.Peaks(rec.ID, "upside-down"); err == nil {
		t.Error("an unknown layout is taken")
	}
	for _, id := range []call.ID{"../x", "", call.NewID(time.Now())} {
		if _, err := s.Peaks(id, ""); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of %q: %v", id, err)
		}
	}
}

// TestPeaksOnceTold: whoever hears of a recording can draw it.
func TestPeaksOnceTold(t *testing.T) {
	var s *studio
	drawn := make(chan error, 1)
	s = newStudio(t, func(o *Options) {
		o.Done = func(id call.ID, _ call.Recording) error {
			_, err := s.Peaks(id, "")
			drawn <- err
			return nil
		}
	})
	rec := inbound()
	say(s.begin(t, rec), 0)
	s.Stop(rec.ID)
	if err := <-drawn; err != nil {
		t.Error(err)
	}
}

// TestPeaksAreMadeAgain: peaks that are missing or spoilt are made from the
// recording, by whoever wants them or by RepairPeaks.
func TestPeaksAreMadeAgain(t *testing.T) {
	s := newStudio(t, nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ids := []call.ID{s.keep(t, at, 100), s.keep(t, at.Add(time.Hour), 7000), s.keep(t, at.Add(2*time.Hour), 0)}
	for _, id := range ids {
		want, err := s.Peaks(id, "")
		if err != nil {
			t.Fatal(err)
		}
		if n := len(want.Left.Min); n > maxPeaks || n < min(1, int(want.Samples)) || want.points() != n {
			t.Errorf("%d points of %d samples", n, want.Samples)
		}
		kept := s.get(t, peaksPath(id))
		for _, spoilt := range [][]byte{nil, []byte("{"), bytes.Replace(kept, []byte(`"min":[`), []byte(`"min":[1,`), 1)} {
			s.put(t, peaksPath(id), spoilt)
			if got, err := s.Peaks(id, ""); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("made again of %q: %+v, %v", spoilt, got, err)
			}
		}
		if err := os.Remove(filepath.Join(s.dir, peaksPath(id))); err != nil {
			t.Fatal(err)
		}
		if n, err := s.RepairPeaks(t.Context()); n != 1 || err != nil || !bytes.Equal(s.get(t, peaksPath(id)), kept) {
			t.Errorf("repaired %d, %v", n, err)
		}
	}
	if n, err := s.RepairPeaks(t.Context()); n != 0 || err != nil {
		t.Errorf("nothing was missing: %d, %v", n, err)
	}
}

// TestPeakMeter: however the bytes come, the peaks are the same, and each is
// the least and the greatest of its stretch.
func TestPeakMeter(t *testing.T) {
	const frames = maxPeaks + 700 // two samples a point more than there are in a frame
	whole := sampleOf(frames, contact, person)
	m := newPeakMeter(int64(len(whole) - headerBytes))
	if _, err := m.Write(whole); err != nil {
		t.Fatal(err)
	}
	p := m.peaks
	if p.SamplesPerPoint != 216 || len(p.Left.Max) != 2000 {
		t.Fatalf("%d points of %d samples", len(p.Left.Max), p.SamplesPerPoint)
	}
	for point := range p.points() {
		var left, right []int8
		for i := int64(point) * p.SamplesPerPoint; i < min(int64(point+1)*p.SamplesPerPoint, p.Samples); i++ {
			left, right = append(left, int8(voice(i, contact)/256)), append(right, int8(voice(i, person)/256))
		}
		if p.Left.Min[point] != slices.Min(left) || p.Left.Max[point] != slices.Max(left) ||
			p.Right.Min[point] != slices.Min(right) || p.Right.Max[point] != slices.Max(right) {
			t.Fatalf("point %d differs", point)
		}
	}
	bytewise := newPeakMeter(int64(len(whole) - headerBytes))
	for i := range whole {
		if _, err := bytewise.Write(whole[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(bytewise.peaks, p) {
		t.Error("byte by byte they differ")
	}
}

// FuzzPeaks: whatever is in a file of peaks, it is refused or can be drawn.
func FuzzPeaks(f *testing.F) {
	m := newPeakMeter(2 * frameBytes)
	good, err := json.Marshal(peaksFile(m.peaks))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"samples":-1,"samples_per_point":160}`))
	f.Add([]byte(`{"samples":9223372036854775807,"samples_per_point":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parsePeaks(raw)
		if err != nil {
			return
		}
		if n := len(p.Left.Min); n > maxPeaks || len(p.Left.Max) != n || len(p.Right.Min) != n || len(p.Right.Max) != n ||
			int64(n)*p.SamplesPerPoint < p.Samples {
			t.Errorf("%d points of %d samples, %d each", n, p.Samples, p.SamplesPerPoint)
		}
	})
}
