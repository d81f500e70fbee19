package recording

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// small mounts a disk of a megabyte.
func small(t *testing.T) (folder string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	folder = t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) }) // the test's folder is removed after
	return folder
}

// fill takes all space of a disk; the file that does may be removed.
func fill(t *testing.T, folder string) (filler string) {
	t.Helper()
	filler = filepath.Join(folder, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return filler
}

// A second disk that is full is an outage: what it does not take waits.
func TestArchiveIsFull(t *testing.T) {
	disk := small(t)
	s, log := logged(t, nil)
	d, err := NewDisk(disk, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	id := s.keep(t, time.Now(), 100)
	filler := fill(t, disk)
	if err := s.Apply(Settings{Enabled: true, Archive: d}); err != nil {
		t.Fatal(err)
	}
	stop := s.moves(t)
	eventually(t, "the archive has failed", func() bool {
		s.spool.mu.Lock()
		defer s.spool.mu.Unlock()
		return s.spool.queue.failures > 1
	})
	if got := s.get(t, sealedPath(id)); !bytes.Equal(got, sampleOf(100, contact, person)) {
		t.Errorf("%d bytes are left here", len(got))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	if !strings.Contains(log.String(), "no space left") || strings.Count(log.String(), "archived again") != 1 {
		t.Errorf("said %s", log)
	}
	if r := s.verified(t, nil, d); len(r.Faults) != 0 || r.Archived != 1 {
		t.Errorf("archived: %+v", r)
	}
}

// A full recordings folder is emptied by moving what is in it.
func TestSpoolIsFull(t *testing.T) {
	folder, a := small(t), newShelf()
	s := newStudio(t, func(o *Options) { o.Directory = folder })
	s.dir = folder
	id := s.keep(t, time.Now(), 100)
	fill(t, folder)
	if err := os.WriteFile(filepath.Join(folder, "one more"), []byte("x"), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := s.Apply(Settings{Enabled: true, Archive: a}); err != nil {
		t.Fatal(err)
	}
	s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 && a.holds(sealedPath(id)) != nil })
	if _, err := os.Stat(filepath.Join(folder, sealedPath(id))); err == nil {
		t.Error("it takes its space still")
	}
	p, err := s.Open(id, PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	randomReads(t, p, sampleOf(100, contact, person))
	_ = p.Close()
}
