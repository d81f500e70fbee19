package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"tandem/call"
)

// What is set in the environment of a child that moves recordings until it
// kills itself.
const (
	moveFolder = "TANDEM_TEST_MOVE_FOLDER"
	moveDisk   = "TANDEM_TEST_MOVE_DISK"
	moveKill   = "TANDEM_TEST_MOVE_KILL"
)

// mortal is an archive whose process dies by SIGKILL, at what is done to it next
// but so many.
type mortal struct {
	*Disk
	left atomic.Int64
}

func (m *mortal) step() {
	if m.left.Add(-1) == 0 {
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Kill()
		}
		panic(err) // not reached
	}
}

func (m *mortal) Put(ctx context.Context, name string, r io.ReadSeeker, is Info) error {
	m.step()
	defer m.step()
	return m.Disk.Put(ctx, name, dying{r, m}, is)
}

func (m *mortal) Stat(ctx context.Context, name string) (Info, error) {
	m.step()
	return m.Disk.Stat(ctx, name)
}

func (m *mortal) Open(ctx context.Context, name string) (Reader, Info, error) {
	m.step()
	return m.Disk.Open(ctx, name)
}

// dying is a reader of which every read is a step.
type dying struct {
	io.ReadSeeker
	m *mortal
}

func (d dying) Read(p []byte) (int, error) {
	d.m.step()
	return d.ReadSeeker.Read(p)
}

// moveAndDie moves what is in a folder to a disk; it ends with the last.
func moveAndDie(folder, disk, kill string) int {
	d, err := NewDisk(disk, folder)
	if err != nil {
		return 2
	}
	m := &mortal{Disk: d}
	n, _ := strconv.ParseInt(kill, 10, 64)
	m.left.Store(n)
	l, err := New(Options{Directory: folder, Settings: Settings{Archive: m}})
	if err != nil {
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if left, err := filepath.Glob(filepath.Join(folder, "*/*/*/*.wav")); err == nil && len(left) == 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if err := l.Move(ctx); err != nil || !errors.Is(context.Cause(ctx), context.Canceled) {
		return 3
	}
	return 0
}

// The switch is killed at every single step of its moves in turn: all
// recordings are whole at every moment, here or there, and in the end there.
func TestKillWhileMoving(t *testing.T) {
	s := newStudio(t, nil)
	disk := t.TempDir()
	var ids []call.ID
	for n := range 2 {
		ids = append(ids, s.keep(t, time.Date(2026, 3, 2, 12, n, 0, 0, time.UTC), 20))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := sampleOf(20, contact, person)
	kills := 0
	for step := 1; ; step++ {
		folder, there := filepath.Join(t.TempDir(), "r"), filepath.Join(t.TempDir(), "d")
		if err := errors.Join(os.CopyFS(folder, os.DirFS(s.dir)), os.CopyFS(there, os.DirFS(disk))); err != nil {
			t.Fatal(err)
		}
		ended := moveUntil(t, folder, there, step)
		d, err := NewDisk(there, folder)
		if err != nil {
			t.Fatal(err)
		}
		l, err := New(Options{Directory: folder, Settings: Settings{Archive: d}})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			p, err := l.Open(id, PlayOptions{})
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, want) {
				t.Errorf("step %d: %d bytes of %d, %v", step, len(got), len(want), err)
			}
			_ = p.Close()
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if ended {
			break
		}
		kills++
		if !moveUntil(t, folder, there, 0) {
			t.Fatalf("step %d: the next run did not end", step)
		}
		for _, id := range ids {
			_, err := os.Stat(filepath.Join(folder, sealedPath(id)))
			if got, _ := os.ReadFile(filepath.Join(there, sealedPath(id))); !bytes.Equal(got, want) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("step %d: archived %d bytes of %d, here %v", step, len(got), len(want), err)
			}
		}
	}
	if kills < 10 {
		t.Errorf("killed %d times", kills)
	}
	t.Logf("killed at %d steps", kills)
}

// moveUntil runs a child that is killed at a step; false when it was, true when
// it ended before.
func moveUntil(t *testing.T, folder, disk string, step int) bool {
	t.Helper()
	if err := os.MkdirAll(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), moveFolder+"="+folder, moveDisk+"="+disk, moveKill+"="+strconv.Itoa(step))
	err := child.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && (!failed || exit.ExitCode() != -1) {
		t.Fatalf("step %d: %v", step, err)
	}
	return err == nil
}
