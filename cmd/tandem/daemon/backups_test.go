package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/store/bolt"
)

// shelf is backups of a store that is not there, and what became of them.
type shelf struct {
	*backups
	log    bytes.Buffer
	copied []time.Time
	fail   error // of copies
	bad    error // what the look at a copy finds
}

func newShelf(dir string) *shelf {
	s := &shelf{}
	s.backups = newBackups(dir, nil, slog.New(slog.NewTextHandler(&s.log, nil)), prometheus.NewRegistry())
	s.copy = func(_ context.Context, path string) error {
		s.copied = append(s.copied, time.Now())
		if s.fail != nil {
			return s.fail
		}
		return os.WriteFile(path, []byte("a copy"), 0o600)
	}
	s.check = func(string) error { return s.bad }
	return s
}

// during runs the backups for a time.
func (s *shelf) during(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func (s *shelf) kept(t *testing.T) []bolt.BackupFile {
	t.Helper()
	list, err := bolt.Backups(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A backup comes soon after the first start, then hourly; a day of them is kept.
func TestBackupHourly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(dir)
		began := time.Now()
		s.during(t, 30*time.Hour+time.Minute)
		if len(s.copied) != 31 {
			t.Fatalf("%d backups in 30 hours", len(s.copied))
		}
		for i, at := range s.copied {
			if want := began.Add(backupDelay + time.Duration(i)*time.Hour); !at.Equal(want) {
				t.Errorf("backup %d at %v, want %v", i, at, want)
			}
		}
		kept := s.kept(t)
		if len(kept) != 24 || !kept[0].At.Equal(s.copied[30]) || !kept[23].At.Equal(s.copied[7]) {
			t.Errorf("kept: %v", kept)
		}
		if got := testutil.ToFloat64(s.success); got != float64(s.copied[30].Unix()) {
			t.Errorf("last success %v", got)
		}
		if got := testutil.ToFloat64(s.failures); got != 0 {
			t.Errorf("failures %v", got)
		}
	})
}

// After a start the newest backup counts, whoever made it.
func TestBackupAfterStart(t *testing.T) {
	for name, c := range map[string]struct{ age, first time.Duration }{
		"fresh":           {age: 20 * time.Minute, first: 40 * time.Minute},
		"just now":        {age: 0, first: time.Hour},
		"nearly due":      {age: time.Hour - time.Second, first: backupDelay},
		"old":             {age: 100 * time.Hour, first: backupDelay},
		"from the future": {age: -50 * time.Hour, first: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if err := os.WriteFile(bolt.BackupPath(dir, began.Add(-c.age)), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				s := newShelf(dir)
				s.during(t, 90*time.Minute)
				if len(s.copied) == 0 || s.copied[0].Sub(began) != c.first {
					t.Errorf("backups at %v, began %v", s.copied, began)
				}
			})
		})
	}
}

// A failure is loud and soon tried again; nothing that was good is given up for it.
func TestBackupFails(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(dir)
		old := bolt.BackupPath(dir, time.Now().Add(-48*time.Hour))
		if err := os.WriteFile(old, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.fail = errors.New("no space left on device")
		s.during(t, 11*time.Minute)
		if got := testutil.ToFloat64(s.failures); got != 3 || !strings.Contains(s.log.String(), "level=ERROR") ||
			!strings.Contains(s.log.String(), "no space left") {
			t.Errorf("failures %v, log: %s", got, s.log.String())
		}
		s.fail, s.bad = nil, bolt.ErrDamaged
		s.during(t, time.Minute)
		if got := testutil.ToFloat64(s.failures); got != 4 {
			t.Errorf("a damaged copy: failures %v", got)
		}
		if kept := s.kept(t); len(kept) != 1 || kept[0].Path != old {
			t.Errorf("kept: %v", kept)
		}
		s.bad = nil
		s.during(t, time.Minute)
		if kept := s.kept(t); len(kept) != 2 {
			t.Errorf("kept once it went well: %v", kept)
		}
	})
}

// A backup never takes the place of another file.
func TestBackupOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(dir)
		path := bolt.BackupPath(dir, time.Now())
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.make(t.Context()); !errors.Is(err, os.ErrExist) {
			t.Errorf("made: %v", err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
			t.Errorf("the file holds %q, %v", text, err)
		}
	})
}
