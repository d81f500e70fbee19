package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
)

// logged is a studio with an archive whose log can be read.
func logged(t testing.TB, a Archive) (*studio, *bytes.Buffer) {
	var log bytes.Buffer
	return newStudio(t, func(o *Options) {
		o.Settings.Archive = a
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Registerer = prometheus.NewRegistry()
	}), &log
}

// One recording that the archive refuses holds up no other, and an outage is
// said once.
func TestOneIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newShelf()
		s, log := logged(t, a)
		at := time.Now()
		bad := s.keep(t, at, 10)
		a.fail(func(op, name string) error {
			if op == "put" && name == sealedPath(bad) {
				return errOutage
			}
			return nil
		})
		s.moves(t)
		for n := range 50 {
			id := s.keep(t, at.Add(time.Duration(n+1)*time.Second), 10)
			time.Sleep(time.Minute)
			synctest.Wait()
			if a.holds(sealedPath(id)) == nil {
				t.Fatalf("recording %d waits for the bad one", n)
			}
		}
		if n := strings.Count(log.String(), "cannot be archived"); n != 1 || s.waits() != 1 {
			t.Errorf("complained %d times, %d wait:\n%s", n, s.waits(), log)
		}
		a.fail(nil)
		time.Sleep(lastPause)
		synctest.Wait()
		if s.waits() != 0 || a.stored(sealedPath(bad)) != 1 {
			t.Errorf("%d wait, the bad one was stored %d times", s.waits(), a.stored(sealedPath(bad)))
		}
	})
}

// What the archive keeps is compared with what it was given, and sent again.
func TestArchiveRots(t *testing.T) {
	for _, sums := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a := newShelf()
			a.sums, a.rot = sums, true
			s, log := logged(t, a)
			id := s.keep(t, time.Now(), 10)
			s.moves(t)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if p, err := s.Open(id, PlayOptions{}); err != nil || p.Close() != nil {
				t.Errorf("gone: %v", err)
			}
			if !strings.Contains(log.String(), "other bytes") || s.waits() != 1 {
				t.Errorf("%d wait: %s", s.waits(), log)
			}
			a.mu.Lock()
			a.rot = false
			a.mu.Unlock()
			time.Sleep(lastPause)
			synctest.Wait()
			if s.waits() != 0 || !bytes.Equal(a.holds(sealedPath(id)), sampleOf(10, contact, person)) {
				t.Errorf("%d wait", s.waits())
			}
		})
	}
}

// An archive that lost its answer has the recording all the same.
func TestAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newShelf()
		s, _ := logged(t, a)
		id := s.keep(t, time.Now(), 10)
		a.fail(func(op, _ string) error {
			if op == "stored" {
				return errOutage
			}
			return nil
		})
		s.moves(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s.waits() != 0 || a.stored(sealedPath(id)) != 1 || a.stored(notePath(id)) != 1 {
			t.Errorf("%d wait, stored %v", s.waits(), a.puts)
		}
		if n := testutil.ToFloat64(s.metrics.uploads.WithLabelValues("present")); n != 1 {
			t.Errorf("%v found there", n)
		}
	})
}

// stuck is an archive that takes nothing and says nothing.
type stuck struct{ *shelf }

func (s stuck) Put(ctx context.Context, name string, r io.ReadSeeker, is Info) error {
	if err := s.refused("stuck", name); err == nil {
		return s.shelf.Put(ctx, name, r, is)
	}
	<-ctx.Done()
	return ctx.Err()
}

// An archive that takes nothing for five minutes is given up on; the end of the
// switch does not wait for it.
func TestArchiveStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stuck{newShelf()}
		a.fault = func(op, _ string) error {
			if op == "stuck" {
				return errOutage
			}
			return nil
		}
		s, log := logged(t, a)
		id := s.keep(t, time.Now(), 10)
		stop := s.moves(t)
		time.Sleep(stallTime + time.Second)
		synctest.Wait()
		if !strings.Contains(log.String(), errStalled.Error()) {
			t.Errorf("not said: %s", log)
		}
		time.Sleep(lastPause)
		synctest.Wait()
		if err := s.Remove(t.Context(), id, "boss", ""); err != nil { // while it is being moved
			t.Error(err)
		}
		if len(files(t, s.dir)) != 0 || s.waits() != 0 {
			t.Errorf("left: %v, %d wait", files(t, s.dir), s.waits())
		}
		s.keep(t, time.Now(), 10)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > partingTime {
			t.Errorf("the end took %v", took)
		}
	})
}

// A file that is not what was sealed is not archived, loudly, and kept.
func TestDamagedIsNotArchived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newShelf()
		s, log := logged(t, a)
		id := s.keep(t, time.Now(), 10)
		path := filepath.Join(s.dir, sealedPath(id))
		good := s.get(t, sealedPath(id))
		bad := bytes.Clone(good)
		bad[100]++
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s.moves(t)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), "damaged on disk"); n != 1 || len(a.files) != 0 || s.waits() != 1 {
			t.Errorf("said %d times, %d archived, %d wait", n, len(a.files), s.waits())
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hopeless)
		synctest.Wait()
		if !bytes.Equal(a.holds(sealedPath(id)), good) {
			t.Error("not archived when it was restored")
		}
	})
}

// Without an archive nothing waits; once there is one, everything does, the
// oldest first; another archive gets what waits.
func TestArchiveChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newShelf(), newShelf()
		second.name = "another"
		s, _ := logged(t, nil)
		s.moves(t)
		at := time.Now()
		var ids []call.ID
		for n := range 5 {
			ids = append(ids, s.keep(t, at.Add(time.Duration(-n)*time.Hour*10), 10))
		}
		synctest.Wait()
		if s.waits() != 0 {
			t.Errorf("%d wait for nothing", s.waits())
		}
		apply := func(a Archive) {
			t.Helper()
			if err := s.Apply(Settings{Enabled: true, Archive: a}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		first.fail(func(op, name string) error {
			if op == "put" && name != sealedPath(ids[4]) && name != notePath(ids[4]) {
				return errOutage
			}
			return nil
		})
		apply(first)
		if first.holds(sealedPath(ids[4])) == nil || s.waits() != 4 {
			t.Errorf("the oldest is not the first: %v, %d wait", first.puts, s.waits())
		}
		apply(second)
		if s.waits() != 0 || second.stored(sealedPath(ids[0])) != 1 || second.holds(sealedPath(ids[4])) != nil {
			t.Errorf("%d wait, stored %v", s.waits(), second.puts)
		}
		for _, a := range []Archive{second, nil} {
			apply(a)
			_, err := s.Open(ids[4], PlayOptions{})
			if !errors.Is(err, ErrUnreachable) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "shelf") {
				t.Errorf("open of what is elsewhere: %v", err)
			}
			if err := s.Remove(t.Context(), ids[4], "boss", ""); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("remove of what is elsewhere: %v", err)
			}
		}
		second.files[sealedPath(ids[4])] = first.files[sealedPath(ids[4])] // copied there by hand
		apply(second)
		p, err := s.Open(ids[4], PlayOptions{})
		if err != nil || p.Close() != nil {
			t.Errorf("open of what was copied: %v", err)
		}
		if err := s.Remove(t.Context(), ids[4], "boss", ""); err != nil || second.files[sealedPath(ids[4])] != nil {
			t.Errorf("remove of what was copied: %v", err)
		}
	})
}

// Two switches share an archive, and two libraries even a folder: nothing is
// lost and nothing is left.
func TestTwoLibraries(t *testing.T) {
	a := newShelf()
	mine, yours := archived(t, a), archived(t, a)
	third := newStudio(t, func(o *Options) { o.Directory, o.Settings.Archive = mine.dir, a })
	want := map[call.ID]bool{}
	for n := range 20 {
		at := time.Date(2026, 3, 2, 12, n, 0, 0, time.UTC)
		want[mine.keep(t, at, 5)] = true
		want[yours.keep(t, at, 5)] = true
	}
	for _, s := range []*studio{mine, yours, third} {
		s.moves(t)
	}
	for _, s := range []*studio{mine, yours, third} {
		eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	}
	eventually(t, "all is archived", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.files) == 2*len(want) })
	for id := range want {
		if !bytes.Equal(a.holds(sealedPath(id)), sampleOf(5, contact, person)) {
			t.Errorf("recording of %s differs", id)
		}
	}
	for _, s := range []*studio{mine, yours} {
		for _, name := range files(t, s.dir) {
			if ext := filepath.Ext(name); ext != suffixNote && ext != suffixPeaks {
				t.Errorf("left: %s", name)
			}
		}
	}
}

// After the loss of the recordings folder what is archived is played, deleted
// and kept as before.
func TestFolderLost(t *testing.T) {
	a := newShelf()
	s := newStudio(t, func(o *Options) { o.Settings = Settings{Enabled: true, Layout: CallerLeft, Archive: a} })
	rec := call.Record{ID: call.NewID(time.Now().Add(-time.Hour)), Direction: call.Outbound}
	say(s.begin(t, rec), 0)
	s.end(rec.ID)
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return a.holds(sealedPath(rec.ID)) != nil && s.waits() == 0 })
	stop()
	if err := errors.Join(s.Close(), os.RemoveAll(s.dir)); err != nil {
		t.Fatal(err)
	}
	anew := newStudio(t, func(o *Options) { o.Directory, o.Settings = s.dir, Settings{Archive: a} })
	if _, err := anew.Open(call.NewID(time.Now()), PlayOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	a.fail(func(string, string) error { return errOutage })
	if _, err := anew.Open(rec.ID, PlayOptions{}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("open in an outage: %v", err)
	}
	a.fail(nil)
	p, err := anew.Open(rec.ID, PlayOptions{Layout: ContactLeft})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, sampleOf(1, contact, person)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if list, err := anew.List(t.Context(), 9, ""); len(list) != 1 || !list[0].Archived || err != nil {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := anew.Remove(t.Context(), rec.ID, "boss", ""); err != nil || len(a.files) != 0 {
		t.Errorf("%d left, %v", len(a.files), err)
	}
}
