package recording

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// put writes a file into the studio's folder.
func (s *studio) put(t *testing.T, path string, raw []byte) {
	t.Helper()
	path = filepath.Join(s.dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, raw, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (s *studio) get(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What a crash left is sealed with all that it has, whatever its header says.
func TestRepair(t *testing.T) {
	whole := sampleOf(60, contact, person)
	stale := append(header{channels: 2, data: 50 * frameBytes}.encode(), whole[headerBytes:]...)
	for name, test := range map[string]struct{ raw, want []byte }{
		"stale header":           {stale, whole},
		"cut in a sample":        {stale[:headerBytes+30*frameBytes+3], sampleOf(30, contact, person)},
		"header of zeros":        {append(make([]byte, headerBytes), whole[headerBytes:]...), whole},
		"cut in the header":      {stale[:20], sampleOf(0, contact, person)},
		"empty":                  {nil, sampleOf(0, contact, person)},
		"nothing to be repaired": {whole, whole},
	} {
		s := newStudio(t, nil)
		id := inbound().ID
		s.put(t, partPath(id), test.raw)
		n, err := s.Repair(t.Context())
		if n != 1 || err != nil {
			t.Fatalf("%s: repaired %d, %v", name, n, err)
		}
		if got := s.get(t, sealedPath(id)); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(test.want))
		}
		if got := <-s.told; got.Seconds != seconds(int64(len(test.want)-headerBytes)) || got.URL == "" {
			t.Errorf("%s: told of %+v", name, got)
		}
		if n, err := s.Repair(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: repaired again: %d, %v", name, n, err)
		}
		if r := s.verified(t, nil, nil); len(r.Faults) != 0 || r.Checked != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A recording is told of until somebody takes note.
func TestRepairTellsAgain(t *testing.T) {
	deaf := errors.New("store is down")
	s := newStudio(t, func(o *Options) { o.Done = func(call.ID, call.Recording) error { return deaf } })
	rec := inbound()
	rec.Direction = call.Outbound
	if err := s.Apply(Settings{Enabled: true, Layout: CallerLeft}); err != nil {
		t.Fatal(err)
	}
	say(s.begin(t, rec), 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Repair(t.Context()); !errors.Is(err, deaf) {
		t.Errorf("repair: %v", err)
	}
	hearing := newStudio(t, func(o *Options) { o.Directory = s.dir })
	if n, err := hearing.Repair(t.Context()); n != 1 || err != nil {
		t.Errorf("repaired %d, %v", n, err)
	}
	got := <-hearing.told
	want := "# direction outbound\n# left person\n" + got.SHA256 + " *" + string(rec.ID) + ".wav\n"
	if note := string(s.get(t, notePath(rec.ID))); note != want || got.Seconds != 0.02 {
		t.Errorf("note %q, told of %+v", note, got)
	}
}

// Recordings in progress are left alone, and so is what is not ours.
func TestRepairLeavesAlone(t *testing.T) {
	s := newStudio(t, nil)
	rec := inbound()
	tape := s.begin(t, rec)
	strange := []string{
		"notes.txt", "2026/03/readme", "2026/03/02/x.wav.part", "2026/03/99/" + string(rec.ID) + ".wav.part",
		"2026/03/01/" + string(inbound().ID) + ".wav.part", "lost+found/a/b/c",
	}
	for _, path := range strange {
		s.put(t, path, []byte("strange"))
	}
	if n, err := s.Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("repaired %d, %v", n, err)
	}
	say(tape, 0)
	if got := s.end(rec.ID); got.Seconds != 0.02 {
		t.Errorf("told of %+v", got)
	}
	for _, path := range strange {
		if string(s.get(t, path)) != "strange" {
			t.Errorf("%s was changed", path)
		}
	}
}

func TestVerify(t *testing.T) {
	s := newStudio(t, nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	id := s.keep(t, at, 10)
	good, note := s.get(t, sealedPath(id)), s.get(t, notePath(id))
	bent := bytes.Clone(good)
	bent[1000]++
	for name, test := range map[string]struct {
		wav, note []byte
		kept      Kept
		problem   string
	}{
		"good":           {good, note, nil, ""},
		"a bit":          {bent, note, nil, "beside the file"},
		"cut":            {good[:2000], note, nil, "header says"},
		"longer":         {append(bytes.Clone(good), 0, 0, 0, 0), note, nil, "header says"},
		"no header":      {good[:40], note, nil, "not a recording"},
		"empty":          {nil, note, nil, "not a recording"},
		"no note":        {good, nil, nil, "no checksum"},
		"stored only":    {good, nil, Kept{string(id): string(note[len(note)-99:][:64])}, "call's record"},
		"stored differs": {good, note, Kept{string(id): "ab"}, "call's record"},
		"not stored":     {good, note, Kept{}, ""},
	} {
		s.put(t, sealedPath(id), test.wav)
		s.put(t, notePath(id), test.note)
		r := s.verified(t, test.kept, nil)
		if r.Checked != 1 {
			t.Fatalf("%s: checked %d", name, r.Checked)
		}
		faults := r.Faults
		if test.problem == "" {
			if len(faults) != 0 {
				t.Errorf("%s: %+v", name, faults)
			}
			continue
		}
		if len(faults) != 1 || !strings.Contains(faults[0].Problem, test.problem) || faults[0].ID != id || faults[0].Kind != FaultDamaged || faults[0].Path != sealedPath(id) {
			t.Errorf("%s: %+v", name, faults)
		}
	}
}

// TestVerifyAgainstCalls: what a call names and what is there have to agree;
// what is still being written is no fault.
func TestVerifyAgainstCalls(t *testing.T) {
	s := newStudio(t, nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	known, orphan, fresh := s.keep(t, at, 10), s.keep(t, at.Add(time.Minute), 10), s.keep(t, at.Add(2*time.Minute), 10)
	missing, unsealed, live := call.NewID(at), call.NewID(at.Add(time.Hour)), call.NewID(at.Add(2*time.Hour))
	s.put(t, partPath(unsealed), []byte("RIFF"))
	s.put(t, partPath(live), []byte("RIFF"))
	long := time.Now().Add(-time.Hour)
	for _, path := range []string{sealedPath(known), sealedPath(orphan), partPath(unsealed)} {
		if err := os.Chtimes(filepath.Join(s.dir, path), long, long); err != nil {
			t.Fatal(err)
		}
	}
	kept := Kept{string(known): readNoteOf(t, s, known).sum, string(missing): "ab", "../x": "ab"}
	r := s.verified(t, kept, nil)
	if r.Checked != 3 {
		t.Fatalf("checked %d", r.Checked)
	}
	var got []string
	for _, f := range r.Faults {
		got = append(got, string(f.Kind)+" "+f.Path)
	}
	want := []string{"unsealed " + partPath(unsealed), "orphan " + sealedPath(orphan), "missing " + sealedPath(missing)}
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q; %s was just sealed", got, want, fresh)
	}
	r, err := Verify(t.Context(), filepath.Join(s.dir, "nowhere"), kept, nil)
	if err != nil || r.Checked != 0 || len(r.Faults) != 2 || r.Faults[1].Kind != FaultMissing {
		t.Errorf("without a folder: %+v, %v", r, err)
	}
}

func readNoteOf(t *testing.T, s *studio, id call.ID) note {
	t.Helper()
	return parseNote(bytes.NewReader(s.get(t, notePath(id))))
}
