package bolt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "tandem.db")
	s := open(t, path)
	defer func() { _ = s.Close() }()
	_, err := Open(Options{Path: path})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("opened twice: %v", err)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("opened without a path")
	}
}

// edit changes the file behind the store's back.
func edit(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSchemaVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	none := []migration{}
	first, err := Open(Options{Path: path, migrations: none})
	if err == nil {
		err = first.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	steps := []migration{func(tx *bbolt.Tx) error {
		ran++
		return tx.Bucket([]byte(bucketStatuses)).Put([]byte("ana"), []byte(`{"user":"ana"}`))
	}}
	for range 2 { // the second time there is nothing left to do
		s, err := Open(Options{Path: path, migrations: steps})
		if err != nil {
			t.Fatal(err)
		}
		statuses, err := s.UserStatuses(t.Context())
		if len(statuses) != 1 || err != nil || ran != 1 {
			t.Errorf("migrated %d times to %v, %v", ran, statuses, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(Options{Path: path, migrations: none})
	if err == nil || !strings.Contains(err.Error(), "newer Tandem (schema 2, this one knows 1)") {
		t.Errorf("a newer schema: %v", err)
	}
	failing := append(steps, func(*bbolt.Tx) error { return errDisk })
	if _, err := Open(Options{Path: path, migrations: failing}); !errors.Is(err, errDisk) {
		t.Errorf("a failing migration: %v", err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(keySchema), []byte("x"))
	})
	if _, err := Open(Options{Path: path}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a version that is none: %v", err)
	}
}

// crashed makes a store with some calls whose run was not closed: a copy of one
// that is open.
func crashed(t *testing.T) string {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = s.Close() }()
	for n := range 200 {
		if err := save(t.Context(), s, record(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "tandem.db")
	if err := s.BackupTo(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUncleanStop(t *testing.T) {
	path := crashed(t)
	if err := Check(path); err != nil {
		t.Errorf("check: %v", err)
	}
	for run, want := range []bool{true, false} {
		s := open(t, path)
		alive, err := s.Alive(t.Context())
		if s.Unclean() != want || alive.IsZero() || err != nil {
			t.Errorf("run %d: unclean %v, alive %v, %v", run, s.Unclean(), alive, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fresh := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = fresh.Close() }()
	if alive, _ := fresh.Alive(t.Context()); fresh.Unclean() || !alive.IsZero() {
		t.Error("a new file counts as a crash")
	}
}

func TestDamage(t *testing.T) {
	good, err := os.ReadFile(crashed(t))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	zeroed := func(from, to int) []byte {
		b := bytes.Clone(good)
		clear(b[from:min(to, len(b))])
		return b
	}
	junked := func(pages ...int) []byte {
		b := bytes.Clone(good)
		for _, n := range pages {
			copy(b[min(n*page, len(b)):min((n+1)*page, len(b))], bytes.Repeat([]byte{0xa5, 3, 0xff}, page))
		}
		return b
	}
	for name, raw := range map[string][]byte{
		"cut to half":     good[:len(good)/2],
		"cut to one page": good[:page],
		"no meta pages":   zeroed(0, 2*page),
		"pages zeroed":    zeroed(3*page, 20*page),
		"a page of junk":  junked(5),
		"every 3rd page":  junked(3, 6, 9, 12, 15, 18, 21),
		"all but metas":   zeroed(2*page, len(good)),
		"junk":            bytes.Repeat([]byte("junk"), 5000),
	} {
		path := filepath.Join(t.TempDir(), "tandem.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Path: path})
		if err == nil {
			err = s.Close()
			t.Errorf("%s: opened (%v)", name, err)
			continue
		}
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "newest backup") {
			t.Errorf("%s: open: %v", name, err)
		}
		if err := Check(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: check: %v", name, err)
		}
	}
	if err := Check(filepath.Join(t.TempDir(), "none.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("check of nothing: %v", err)
	}
}
