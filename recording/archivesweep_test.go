package recording

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// Retention deletes in the archive too. While that is down, what is there is
// kept and said, and everything else is deleted.
func TestSweepArchive(t *testing.T) {
	a := newShelf()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	s := archived(t, a)
	var there []call.ID
	for n := range 3 {
		there = append(there, s.keep(t, now.AddDate(0, 0, -20-n), 5))
	}
	young := s.keep(t, now.AddDate(0, 0, -1), 5)
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	here := s.keep(t, now.AddDate(0, 0, -15), 5)
	if err := s.Apply(Settings{Archive: a, Retention: 7 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	asked := 0
	a.fail(func(op, _ string) error { asked++; return errOutage })
	gone, err := s.Sweep(t.Context(), now)
	if !slices.Equal(gone, []call.ID{here}) || !errors.Is(err, errOutage) || !strings.Contains(err.Error(), "3 recordings") {
		t.Errorf("swept %v, %v", gone, err)
	}
	if asked != 1 {
		t.Errorf("asked %d times in an outage", asked)
	}
	for _, id := range there {
		if a.holds(sealedPath(id)) == nil || !strings.Contains(string(s.get(t, notePath(id))), "# archived") {
			t.Errorf("%s is not known any more", id)
		}
	}
	a.fail(nil)
	gone, err = s.Sweep(t.Context(), now)
	if !slices.Equal(gone, there) || err != nil {
		t.Errorf("swept %v of %v, %v", gone, there, err)
	}
	if left := files(t, s.dir); len(a.files) != 2 || !slices.Equal(left, []string{string(young) + ".peaks", string(young) + ".sha256"}) {
		t.Errorf("left: %d there, here %v", len(a.files), left)
	}
}

// What is in another archive than the configured one is said, and keeps nothing
// else from being deleted.
func TestSweepElsewhere(t *testing.T) {
	old, a := newShelf(), newShelf()
	old.name = "old"
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	s := archived(t, old)
	s.moves(t)
	first := s.keep(t, now.AddDate(0, 0, -10), 5)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	if err := s.Apply(Settings{Enabled: true, Archive: a}); err != nil {
		t.Fatal(err)
	}
	second := s.keep(t, now.AddDate(0, 0, -20), 5)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	if err := s.Apply(Settings{Archive: a, Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	gone, err := s.Sweep(t.Context(), now)
	if !slices.Equal(gone, []call.ID{second}) || err == nil || !strings.Contains(err.Error(), "old") {
		t.Errorf("swept %v, %v", gone, err)
	}
	if err := s.Apply(Settings{Archive: old, Retention: time.Hour}); err != nil {
		t.Fatal(err)
	}
	gone, err = s.Sweep(t.Context(), now)
	if !slices.Equal(gone, []call.ID{first}) || err != nil || len(old.files)+len(a.files) != 0 {
		t.Errorf("swept %v, %v; %d and %d left", gone, err, len(old.files), len(a.files))
	}
}

// A crash after the archive's confirmation and before the file is deleted here:
// nothing is sent again.
func TestCutShortBeforeDelete(t *testing.T) {
	a := newShelf()
	s := archived(t, a)
	id := s.keep(t, time.Now(), 5)
	wav := s.get(t, sealedPath(id))
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	if err := os.WriteFile(filepath.Join(s.dir, sealedPath(id)), wav, 0o600); err != nil {
		t.Fatal(err)
	}
	anew := newStudio(t, func(o *Options) { o.Directory, o.Settings.Archive = s.dir, a })
	anew.moves(t)
	eventually(t, "it is deleted", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, sealedPath(id)))
		return err != nil && anew.waits() == 0
	})
	if len(a.puts) != 2 {
		t.Errorf("stored %v", a.puts)
	}
}

// What was sent and not confirmed is known to be there, and deleted with the
// rest.
func TestRemoveHalfMoved(t *testing.T) {
	a := newShelf()
	a.fail(func(op, name string) error {
		if op == "stat" && strings.HasSuffix(name, suffixSealed) {
			return errOutage
		}
		return nil
	})
	s := archived(t, a)
	id := s.keep(t, time.Now(), 5)
	stop := s.moves(t)
	eventually(t, "it is sent", func() bool { return a.holds(sealedPath(id)) != nil })
	stop()
	a.fail(nil)
	anew := newStudio(t, func(o *Options) { o.Directory, o.Settings.Archive = s.dir, a })
	if err := anew.Remove(t.Context(), id, "boss", ""); err != nil || len(a.files) != 0 || len(files(t, s.dir)) != 0 {
		t.Errorf("left: %d there, here %v, %v", len(a.files), files(t, s.dir), err)
	}
}
