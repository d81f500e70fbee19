package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"tandem/routing"
)

func touch(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBackupNames(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 4, 5, 999, time.FixedZone("", 3600))
	if got := filepath.Base(BackupPath("dir", at)); got != "tandem-20261122T140405Z.db" {
		t.Errorf("name %s", got)
	}
	for name, ours := range map[string]bool{
		"tandem-20261122T140405Z.db": true, "tandem-20261122T140405Z.db.1": false, "tandem-20261322T140405Z.db": false,
		"tandem-2026.db": false, "tandem-.db": false, "tandem.db": false, ".tandem-20261122T140405Z.db": false, "tandem-20261122T140405Z": false,
	} {
		if at, ok := backupBegun(name); ok != ours || ours && at.Format(time.RFC3339) != "2026-11-22T14:04:05Z" {
			t.Errorf("%s: %v, %v", name, ok, at)
		}
	}
}

func FuzzBackupName(f *testing.F) {
	f.Add("tandem-20261122T140405Z.db")
	f.Add("tandem-20260229T140405Z.db")
	f.Add("tandem-.db")
	f.Fuzz(func(t *testing.T, name string) {
		if at, ok := backupBegun(name); ok && (at.Location() != time.UTC || filepath.Base(BackupPath("", at)) != name) {
			t.Errorf("%q is of %v, whose backup is %s", name, at, BackupPath("", at))
		}
	})
}

// Pruning keeps the newest backups, and everything that is no backup.
func TestPruneBackups(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b[1]*?")
	if list, err := Backups(dir); err != nil || list != nil {
		t.Fatalf("a folder that is not there: %v, %v", list, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, n := range []int{3, 1, 4, 0, 2} {
		touch(t, BackupPath(dir, noon.Add(time.Duration(n)*time.Hour)), "backup")
	}
	others := []string{"notes.txt", "tandem-mine.db", ".hidden"}
	for _, name := range others {
		touch(t, filepath.Join(dir, name), "kept")
	}
	touch(t, filepath.Join(dir, ".tandem-20261122T120000Z.db.4711"), "half a backup")
	if err := os.Mkdir(BackupPath(dir, noon.Add(-time.Hour)), 0o700); err != nil {
		t.Fatal(err) // a folder is no backup
	}
	if err := PruneBackups(dir, 2); err != nil {
		t.Fatal(err)
	}
	list, err := Backups(dir)
	if err != nil || len(list) != 2 || !list[0].At.Equal(noon.Add(4*time.Hour)) || !list[1].At.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("kept %v, %v", list, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2+len(others)+1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// slowFile counts what is written between two syncs.
type slowFile struct {
	unsynced, most, total int
}

func (f *slowFile) Write(p []byte) (int, error) {
	f.unsynced += len(p)
	f.total += len(p)
	f.most = max(f.most, f.unsynced)
	return len(p), nil
}

func (f *slowFile) Sync() error { f.unsynced = 0; return nil }

// A backup never has more than 4 MiB on their way to the disk, and 32 MiB a second.
func TestBackupPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &slowFile{}
		p := &paced{done: t.Context().Done(), file: f}
		began := time.Now()
		for range 64 << 20 / (32 << 10) {
			if _, err := p.Write(make([]byte, 32<<10)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second || f.total != 64<<20 || f.most > paceBytes {
			t.Errorf("%d bytes in %v, at most %d at once", f.total, took, f.most)
		}
	})
}

// stored makes a store of n calls.
func stored(t *testing.T, path string, n int) {
	t.Helper()
	s := open(t, path)
	for i := range n {
		if err := save(t.Context(), s, record(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Restore takes the newest backup that is sound, keeps the damaged file, and
// overwrites nothing.
func TestRestore(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	path, backups := filepath.Join(dir, "tandem.db"), filepath.Join(dir, "backups")
	if err := os.Mkdir(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	touch(t, path, "damaged")
	if _, err := Restore(path, backups, now); !errors.Is(err, ErrNoBackup) {
		t.Fatalf("without a backup: %v", err)
	}
	for n := 1; n <= 3; n++ { // hours ago, and calls in it
		stored(t, BackupPath(backups, now.Add(time.Duration(-n)*time.Hour)), n)
	}
	touch(t, BackupPath(backups, now.Add(-time.Hour)), "damaged too")
	r, err := Restore(path, backups, now)
	if err != nil || len(r.Refused) != 1 || !r.Backup.At.Equal(now.Add(-2*time.Hour)) {
		t.Fatalf("restored %+v, %v", r, err)
	}
	if kept, err := os.ReadFile(r.Aside); err != nil || string(kept) != "damaged" || r.Aside != path+".damaged-20261122T120000Z" {
		t.Errorf("set aside as %s: %q, %v", r.Aside, kept, err)
	}
	holds(t, path, 2)
	holds(t, r.Backup.Path, 2)
	// The same second once more: the name is taken, nothing changes.
	touch(t, path, "damaged again")
	if _, err := Restore(path, backups, now); err == nil {
		t.Error("a damaged file was overwritten")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "damaged again" {
		t.Errorf("the path holds %q, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".restored*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func holds(t *testing.T, path string, calls int) {
	t.Helper()
	if err := Check(path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer func() { _ = s.Close() }()
	if list, _, err := s.Calls(t.Context(), routing.CallFilter{Page: routing.Page{Limit: 10}}); err != nil || len(list) != calls {
		t.Errorf("%s holds %d calls, %v; want %d", filepath.Base(path), len(list), err, calls)
	}
}
