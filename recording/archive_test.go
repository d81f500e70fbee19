package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/call"
)

// shelf is an archive in memory, with faults on command.
type shelf struct {
	name string
	sums bool // Stat tells checksums

	mu    sync.Mutex
	files map[string][]byte
	puts  []string // names, in order
	fault func(op, name string) error
	rot   bool // what is stored differs
}

func newShelf() *shelf { return &shelf{name: "shelf", files: map[string][]byte{}} }

func (s *shelf) String() string { return s.name }

// fail makes operations fail as told; nil: none.
func (s *shelf) fail(fault func(op, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *shelf) refused(op, name string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(op, name)
}

func (s *shelf) Put(ctx context.Context, name string, r io.ReadSeeker, is Info) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), s.refused("put", name)); err != nil {
		return err
	}
	if int64(len(b)) != is.Size || s.rot {
		b = bytes.ToUpper(append(b, 'x'))[1:]
	}
	s.files[name] = b
	s.puts = append(s.puts, name)
	return s.refused("stored", name)
}

func (s *shelf) Stat(_ context.Context, name string) (Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refused("stat", name); err != nil {
		return Info{}, err
	}
	b, there := s.files[name]
	if !there {
		return Info{}, fs.ErrNotExist
	}
	i := Info{Size: int64(len(b)), ModTime: time.Unix(1, 0)}
	if s.sums {
		i.SHA256 = sumOf(b)
	}
	return i, nil
}

func (s *shelf) Open(ctx context.Context, name string) (Reader, Info, error) {
	i, err := s.Stat(ctx, name)
	if err != nil {
		return nil, Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return struct {
		io.ReaderAt
		io.Closer
	}{bytes.NewReader(s.files[name]), io.NopCloser(nil)}, i, s.refused("open", name)
}

func (s *shelf) Remove(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refused("remove", name); err != nil {
		return err
	}
	delete(s.files, name)
	return nil
}

// holds is the file of that name; nil when there is none.
func (s *shelf) holds(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name]
}

// stored is how often a name was stored.
func (s *shelf) stored(name string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, put := range s.puts {
		if put == name {
			n++
		}
	}
	return n
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

var errOutage = errors.New("out of order")

// moves runs Move until the test, or stop, ends.
func (s *studio) moves(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Move(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// archive is a studio whose recordings go to an archive.
func archived(t testing.TB, a Archive) *studio {
	return newStudio(t, func(o *Options) { o.Settings.Archive = a })
}

// waits is how many recordings are in the spool.
func (s *studio) waits() int {
	s.spool.mu.Lock()
	defer s.spool.mu.Unlock()
	return len(s.spool.queue.list)
}

// files lists a folder's files, without the switch's own marks.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name()[0] != '.' {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

// press makes a sealed recording of any length, which a crash kept from being
// told of, and repairs it.
func (s *studio) press(t testing.TB, at time.Time, frames int64) call.ID {
	t.Helper()
	id := call.NewID(at)
	if err := os.MkdirAll(filepath.Join(s.dir, dayPath(id)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, sealedPath(id)), sampleOf(frames, contact, person), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Repair(t.Context()); n != 1 || err != nil {
		t.Fatalf("repaired %d, %v", n, err)
	}
	<-s.told
	return id
}

// eventually waits for something outside of a bubble.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// Every archive is to behave as this says.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	d, err := NewDisk(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const name = "2026/03/02/x.wav"
	text := []byte("what was said")
	want := Info{Size: int64(len(text)), SHA256: sumOf(text)}
	if _, err := d.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	if _, _, err := d.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	if err := d.Remove(t.Context(), name); err != nil {
		t.Errorf("remove of nothing: %v", err)
	}
	if err := d.Put(t.Context(), name, bytes.NewReader([]byte("some")), want); err == nil {
		t.Error("stored a part of a file")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Put(gone, name, bytes.NewReader(text), want); !errors.Is(err, context.Canceled) {
		t.Errorf("put for nobody: %v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	old := filepath.Join(dir, name+".GONE.tmp")
	long := time.Now().Add(-2 * staleTime)
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.Chtimes(old, long, long)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Put(t.Context(), name, bytes.NewReader(text), want); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, dir); !slices.Equal(got, []string{"x.wav"}) {
		t.Errorf("stored %v", got)
	}
	if err := (transfer{d, func() {}}).confirm(t.Context(), name, want); err != nil {
		t.Error(err)
	}
	f, info, err := d.Open(t.Context(), name)
	if err != nil || info.Size != want.Size || info.ModTime.IsZero() {
		t.Fatalf("opened %+v, %v", info, err)
	}
	part := make([]byte, 3)
	if _, err := f.ReadAt(part, 5); err != nil || string(part) != "was" {
		t.Errorf("read %q, %v", part, err)
	}
	if err := errors.Join(f.Close(), d.Remove(t.Context(), name)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "2026")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty year is left: %v", err)
	}
}

// The mount point of a disk that is not mounted is no archive.
func TestDiskNotMounted(t *testing.T) {
	disk, spool := filepath.Join(t.TempDir(), "disk"), t.TempDir()
	d, err := NewDisk(disk, spool)
	if err != nil {
		t.Fatal(err)
	}
	const name = "2026/03/02/x.wav"
	store := func() error {
		return d.Put(t.Context(), name, bytes.NewReader([]byte("x")), Info{Size: 1, SHA256: sumOf([]byte("x"))})
	}
	if _, err := d.Stat(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	if err := errors.Join(os.Mkdir(disk, 0o700), store()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(disk, disk+" in a drawer"), os.Mkdir(disk, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := store(); err == nil {
		t.Error("stored on the mount point")
	}
	if err := d.Remove(t.Context(), name); err == nil {
		t.Error("removed from the mount point")
	}
	if _, err := d.Stat(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looked for on the mount point: %v", err)
	}
	other, err := NewDisk(disk+" in a drawer", spool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Stat(t.Context(), name); err != nil {
		t.Errorf("an archive that was moved: %v", err)
	}
}

// What is moved is played as before, is in the lists, and is gone when removed.
func TestArchived(t *testing.T) {
	for _, sums := range []bool{true, false} {
		a := newShelf()
		a.sums = sums
		s := archived(t, a)
		at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
		first, second := s.keep(t, at, 60), s.press(t, at.Add(time.Hour), 1200)
		before, err := s.List(t.Context(), 9, "")
		if err != nil {
			t.Fatal(err)
		}
		if s.waits() != 2 {
			t.Errorf("%d wait", s.waits())
		}
		s.moves(t)
		eventually(t, "all is moved", func() bool { return s.waits() == 0 })
		if got, want := files(t, s.dir), []string{string(first) + ".peaks", string(first) + ".sha256", string(second) + ".sha256"}; !slices.Equal(got, want) {
			t.Errorf("here are %v, want %v", got, want)
		}
		for id, frames := range map[call.ID]int64{first: 60, second: 1200} {
			want := sampleOf(frames, contact, person)
			if got := a.holds(sealedPath(id)); !bytes.Equal(got, want) {
				t.Errorf("archived %d bytes of %d", len(got), len(want))
			}
			if got, want := string(a.holds(notePath(id))), "# direction inbound\n# left contact\n"+sumOf(want)+" *"+string(id)+".wav\n"; got != want {
				t.Errorf("archived note %q, want %q", got, want)
			}
		}
		after, err := s.List(t.Context(), 9, "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range before {
			before[i].Archived = true
		}
		if !slices.Equal(before, after) {
			t.Errorf("listed %+v, before %+v", after, before)
		}
		p, err := s.Open(second, PlayOptions{Layout: CallerLeft, Channel: Right})
		if err != nil {
			t.Fatal(err)
		}
		randomReads(t, p, sampleOf(1200, person))
		if !p.Sealed || p.ModTime.IsZero() || p.Close() != nil {
			t.Errorf("playback %+v", p)
		}
		s.verifiesArchived(t, a, first, second)
		a.files[sealedPath(first)][99]++
		delete(a.files, sealedPath(second))
		if _, err := s.Open(second, PlayOptions{}); !errors.Is(err, ErrUnreachable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of what is lost: %v", err)
		}
		if err := errors.Join(s.Remove(t.Context(), first, "boss", ""), s.Remove(t.Context(), second, "boss", "")); err != nil {
			t.Error(err)
		}
		if here := files(t, s.dir); len(a.files) != 0 || len(here) != 0 {
			t.Errorf("left: %d there, %v here", len(a.files), here)
		}
		if _, err := s.Open(first, PlayOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of what was removed: %v", err)
		}
	}
}
