package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A backup taken while calls are stored opens, is consistent, and holds what
// was stored before it began.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "tandem.db"))
	defer func() { _ = s.Close() }()
	before := record(0)
	if err := save(t.Context(), s, before); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				_ = save(t.Context(), s, record(n))
			}
		}
	})
	path := filepath.Join(dir, "backup.db")
	err := s.BackupTo(t.Context(), path)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	restored := open(t, path)
	defer func() { _ = restored.Close() }()
	if _, err := restored.Call(t.Context(), before.ID); err != nil {
		t.Error(err)
	}
}

func TestBackupGivenUp(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "tandem.db"))
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := s.Backup(ctx, &out); !errors.Is(err, context.Canceled) {
		t.Errorf("backup for nobody: %v", err)
	}
	if err := s.BackupTo(ctx, filepath.Join(dir, "backup.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("backup for nobody: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := s.BackupTo(t.Context(), filepath.Join(dir, "none", "backup.db")); err == nil {
		t.Error("a backup into a folder that is not there")
	}
}
