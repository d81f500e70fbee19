package recording

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no directory":                     {},
		"unknown layout":                   {Directory: "x", Settings: Settings{Layout: "left"}},
		"negative retention":               {Directory: "x", Settings: Settings{Retention: -1}},
		"negative retention of a playbook": {Directory: "x", Settings: Settings{Playbooks: map[string]time.Duration{"sales": -1}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// While recording is off nothing is ever written, not even a folder.
func TestDisabled(t *testing.T) {
	s := newStudio(t, func(o *Options) { o.Settings.Enabled = false })
	rec := inbound()
	if _, err := s.Start(rec); !errors.Is(err, ErrDisabled) {
		t.Errorf("start: %v", err)
	}
	s.Stop(rec.ID)
	if _, err := s.Open(rec.ID, PlayOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if n, err := s.Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("repair: %d, %v", n, err)
	}
	if list, err := s.List(t.Context(), 10, ""); len(list) != 0 || err != nil {
		t.Errorf("list: %v, %v", list, err)
	}
	if r := s.verified(t, nil, nil); len(r.Faults) != 0 || r.Checked != 0 {
		t.Errorf("verify: %+v", r)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	if err := s.Apply(Settings{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	s.begin(t, rec)
	s.end(rec.ID)
}

func TestStartAndStop(t *testing.T) {
	s := newStudio(t, nil)
	rec := inbound()
	tape := s.begin(t, rec)
	if again := s.begin(t, rec); again != tape {
		t.Error("a call has two tapes")
	}
	say(tape, 0)
	got := s.end(rec.ID)
	s.Stop(rec.ID)
	s.Stop("unknown")
	if got.URL != "/api/v1/calls/"+string(rec.ID)+"/recording" || got.Seconds != 0.02 || len(got.SHA256) != 64 {
		t.Errorf("told of %+v", got)
	}
	for _, id := range []call.ID{"", "../../etc/passwd", "01J/../../x", call.ID(strings.Repeat("A", 26) + "/")} {
		if _, err := s.Start(call.Record{ID: id}); err == nil {
			t.Errorf("started for %q", id)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(inbound()); err == nil {
		t.Error("started after Close")
	}
	// A recording is not begun anew over the one that is there.
	other := newStudio(t, func(o *Options) { o.Directory = s.dir })
	before, err := os.ReadFile(filepath.Join(s.dir, sealedPath(rec.ID)))
	if err != nil {
		t.Fatal(err)
	}
	say(other.begin(t, rec), 5)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(s.dir, sealedPath(rec.ID)))
	if err != nil || string(after) != string(before) {
		t.Errorf("a sealed recording was overwritten: %v", err)
	}
}

func TestPrivateOnDisk(t *testing.T) {
	s := newStudio(t, nil)
	rec := inbound()
	s.begin(t, rec)
	s.end(rec.ID)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var files int
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || files != 3 {
		t.Errorf("%d files, %v", files, err)
	}
	if want := "2026/03/02/" + string(rec.ID) + ".wav"; sealedPath(rec.ID) != want {
		t.Errorf("path %s, want %s", sealedPath(rec.ID), want)
	}
}

// Close seals what is being recorded.
func TestCloseSeals(t *testing.T) {
	s := newStudio(t, nil)
	rec := inbound()
	tape := s.begin(t, rec)
	for n := range int64(75) {
		say(tape, n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-s.told; got.Seconds != 1.5 {
		t.Errorf("told of %+v", got)
	}
	listen(t, filepath.Join(s.dir, sealedPath(rec.ID)), 75, func(int64) bool { return false })
}

// keep makes a sealed recording of a call that began at a time.
func (s *studio) keep(t *testing.T, at time.Time, frames int64) call.ID {
	t.Helper()
	rec := call.Record{ID: call.NewID(at), Direction: call.Inbound}
	tape := s.begin(t, rec)
	for n := range frames {
		say(tape, n)
	}
	s.finished(rec.ID)
	return rec.ID
}

// finished stops a recording and returns when nothing more is done to it.
func (s *studio) finished(id call.ID) {
	s.end(id)
	for s.isLive(id) { // told, and about to note it
		runtime.Gosched()
	}
}
