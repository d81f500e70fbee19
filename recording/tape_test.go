package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
)

// studio is a library in a temporary folder and what it told of.
type studio struct {
	*Library
	dir  string
	told chan call.Recording
}

func newStudio(t testing.TB, change func(*Options)) *studio {
	t.Helper()
	s := &studio{dir: filepath.Join(t.TempDir(), "recordings"), told: make(chan call.Recording, 8)}
	o := Options{
		Directory: s.dir, Settings: Settings{Enabled: true},
		Done: func(_ call.ID, r call.Recording) error { s.told <- r; return nil },
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.Library, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// verified is what a check of the studio's recordings finds.
func (s *studio) verified(t testing.TB, kept Kept, a Archive) Report {
	t.Helper()
	r, err := Verify(t.Context(), s.dir, kept, a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func inbound() call.Record {
	at := time.Date(2026, 3, 2, 23, 59, 59, 0, time.UTC)
	return call.Record{ID: call.NewID(at), Direction: call.Inbound, StartedAt: at}
}

// begin starts a recording.
func (s *studio) begin(t testing.TB, rec call.Record) *tape {
	t.Helper()
	got, err := s.Start(rec)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*tape)
}

// end stops a recording and returns what was told of it.
func (s *studio) end(id call.ID) call.Recording {
	s.Stop(id)
	return <-s.told
}

// voicePeriod is after how many samples the sides repeat themselves.
const voicePeriod = 32767

// voice is what a side says in sample i: never silence, and another thing every
// time within four seconds.
func voice(i int64, who side) int16 {
	v := int16(i*7919%voicePeriod) + 1
	if who == person {
		return -v
	}
	return v
}

// speech is all that the sides ever say, so that hours of it are quickly said
// and compared.
type speech struct {
	contact, person [voicePeriod + frameSamples]int16
	stereo          [(voicePeriod + frameSamples) * stereoBytes]byte
}

var spoken = sync.OnceValue(func() *speech {
	s := new(speech)
	for i := range s.contact {
		s.contact[i], s.person[i] = voice(int64(i), contact), voice(int64(i), person)
		binary.LittleEndian.PutUint16(s.stereo[i*stereoBytes:], uint16(s.contact[i]))
		binary.LittleEndian.PutUint16(s.stereo[i*stereoBytes+sampleBytes:], uint16(s.person[i]))
	}
	return s
})

// say pushes frame n of both sides.
func say(t call.Tape, n int64) bool {
	s, i := spoken(), n*frameSamples%voicePeriod
	return t.Push((*[frameSamples]int16)(s.contact[i:]), (*[frameSamples]int16)(s.person[i:]))
}

// listen checks that a file holds both sides in step, with silence in the
// frames for which silent is true.
func listen(t *testing.T, path string, frames int64, silent func(frame int64) bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := bufio.NewReaderSize(f, 1<<16)
	head := make([]byte, headerBytes)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	if h, err := parseHeader(head); err != nil || h.data != frames*frameBytes {
		t.Fatalf("header: %+v, %v; want %d bytes", h, err, frames*frameBytes)
	}
	frame := make([]byte, frameBytes)
	for n := range frames {
		if _, err := io.ReadFull(r, frame); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		want := make([]byte, frameBytes)
		if !silent(n) {
			want = spoken().stereo[n*frameSamples%voicePeriod*stereoBytes:][:frameBytes]
		}
		if !bytes.Equal(frame, want) {
			t.Fatalf("frame %d: % x, want % x", n, frame, want)
		}
	}
	if n, _ := r.Read(frame); n != 0 {
		t.Error("more than the header says")
	}
}

// Two hours stay in step to the sample, ticks that the switch lost included, and
// at no moment is more than a second missing from the file.
func TestTwoHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		rec := inbound()
		tape := s.begin(t, rec)
		lost := func(n int64) bool { return n%997 < 3 }
		var n int64
		for second := range int64(7200) {
			for range 50 {
				if lost(n) {
					tape.Skip(1)
				} else if !say(tape, n) {
					t.Fatal("dropped")
				}
				n++
				time.Sleep(20 * time.Millisecond)
			}
			if second%600 == 7 {
				playable(t, s.dir, rec.ID, n)
			}
		}
		got := s.end(rec.ID)
		if got.Seconds != 7200 || got.Missing != 0 {
			t.Errorf("told of %+v", got)
		}
		listen(t, filepath.Join(s.dir, sealedPath(rec.ID)), n, lost)
		soxReads(t, filepath.Join(s.dir, sealedPath(rec.ID)), n*frameSamples)
	})
}

// soxReads fails unless sox finds so many samples of two channels in a file.
func soxReads(t *testing.T, path string, samples int64) {
	t.Helper()
	soxi, err := exec.LookPath("soxi")
	if err != nil {
		t.Log("sox is not installed; it reads nothing")
		return
	}
	for flag, want := range map[string]int64{"-s": samples, "-c": 2, "-r": sampleRate, "-b": 8 * sampleBytes} {
		out, err := exec.CommandContext(t.Context(), soxi, flag, path).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != strconv.FormatInt(want, 10) {
			t.Errorf("soxi %s: %s, want %d; %v", flag, got, want, err)
		}
	}
}

// playable checks the file of a recording in progress after n frames.
func playable(t *testing.T, dir string, id call.ID, n int64) {
	t.Helper()
	synctest.Wait()
	raw, err := os.ReadFile(filepath.Join(dir, partPath(id)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHeader(raw)
	if err != nil || h.data > int64(len(raw))-headerBytes {
		t.Errorf("after %d frames: %+v in %d bytes, %v", n, h, len(raw), err)
	}
	if missing := n - h.data/frameBytes; missing > 50 {
		t.Errorf("after %d frames %d are missing", n, missing)
	}
}

// stalling is a disk that can be held up or be full.
type stalling struct {
	*os.File
	gate chan struct{} // nil: open
	full *atomic.Bool
}

var errFull = errors.New("no space left on device")

func (s stalling) WriteAt(p []byte, off int64) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	if s.full != nil && s.full.Load() {
		n, err := s.File.WriteAt(p[:len(p)/3], off) // some of it fitted
		return n, errors.Join(errFull, err)
	}
	return s.File.WriteAt(p, off)
}

// What the disk is too slow for becomes silence, exactly where it was said.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := newStudio(t, func(o *Options) {
			o.wrap = func(f *os.File) file { return stalling{File: f, gate: gate} }
		})
		rec := inbound()
		tape := s.begin(t, rec)
		synctest.Wait()
		dropped := make(map[int64]bool)
		var n int64
		for ; n < ringFrames+73; n++ {
			if !say(tape, n) {
				dropped[n] = true
			}
		}
		close(gate)
		time.Sleep(time.Second)
		for range 10 {
			dropped[n] = !say(tape, n)
			n++
		}
		tape.Skip(5)
		for range 5 {
			dropped[n] = true
			n++
		}
		got := s.end(rec.ID)
		if want := 73 * 0.02; got.Missing != want || got.Seconds != float64(n)*0.02 {
			t.Errorf("told of %+v, want %v s missing of %v", got, want, float64(n)*0.02)
		}
		if counted := testutil.ToFloat64(s.metrics.missing); counted != got.Missing {
			t.Errorf("metric: %v", counted)
		}
		listen(t, filepath.Join(s.dir, sealedPath(rec.ID)), n, func(n int64) bool { return dropped[n] })
	})
}

// A full disk stops the recording, and it goes on when there is space again,
// with silence of the right length.
func TestDiskFullAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &atomic.Bool{}
		s := newStudio(t, func(o *Options) {
			o.wrap = func(f *os.File) file { return stalling{File: f, full: full} }
		})
		rec := inbound()
		tape := s.begin(t, rec)
		dropped := make(map[int64]bool)
		var n int64
		talk := func(seconds int) {
			for range seconds * 50 {
				dropped[n] = !say(tape, n)
				n++
				time.Sleep(20 * time.Millisecond)
			}
		}
		time.Sleep(10 * time.Millisecond) // never in the instant in which the writer looks
		talk(3)
		full.Store(true)
		talk(20)
		full.Store(false)
		talk(3)
		got := s.end(rec.ID)
		held := float64(ringFrames+chunkFrames) * 0.02 // what is kept of the 20 s, and of the half second until the next look
		if want := 20.5 - held; got.Seconds != 26 || math.Abs(got.Missing-want) > 0.001 {
			t.Errorf("told of %+v, want %v s missing", got, want)
		}
		if failures := testutil.ToFloat64(s.metrics.failed); failures != 1 {
			t.Errorf("%v failures counted", failures)
		}
		listen(t, filepath.Join(s.dir, sealedPath(rec.ID)), n, func(n int64) bool { return dropped[n] })
	})
}

// A disk that stays full to the end of the call leaves the part before, sealed.
func TestDiskFullToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &atomic.Bool{}
		s := newStudio(t, func(o *Options) {
			o.wrap = func(f *os.File) file { return sealable{stalling{File: f, full: full}} }
		})
		rec := inbound()
		tape := s.begin(t, rec)
		for n := range int64(100) {
			say(tape, n)
		}
		time.Sleep(time.Second)
		full.Store(true)
		for n := range int64(30) {
			say(tape, 100+n)
		}
		got := s.end(rec.ID)
		if got.Seconds != 2 || got.Missing != 0.6 {
			t.Errorf("told of %+v", got)
		}
		listen(t, filepath.Join(s.dir, sealedPath(rec.ID)), 100, func(int64) bool { return false })
	})
}

// sealable refuses samples only: a header lies in a block that the file has.
type sealable struct{ stalling }

func (s sealable) WriteAt(p []byte, off int64) (int, error) {
	if off < headerBytes {
		return s.File.WriteAt(p, off)
	}
	return s.stalling.WriteAt(p, off)
}

// A disk that will not even have the file made costs nothing while the ring
// holds what is said.
func TestNoFileAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		if err := os.WriteFile(s.dir, nil, 0o600); err != nil { // where the folder should be
			t.Fatal(err)
		}
		rec, lost := inbound(), inbound()
		tape := s.begin(t, rec)
		for n := range int64(200) {
			say(tape, n)
			time.Sleep(20 * time.Millisecond)
		}
		say(s.begin(t, lost), 0)
		s.Stop(lost.ID)
		synctest.Wait()
		if got := testutil.ToFloat64(s.metrics.missing); got != 0.02 {
			t.Errorf("missing: %v s", got)
		}
		if err := os.Remove(s.dir); err != nil {
			t.Fatal(err)
		}
		if got := s.end(rec.ID); got.Seconds != 4 || got.Missing != 0 {
			t.Errorf("told of %+v", got)
		}
	})
}

// unsynced is a disk that cannot promise to keep anything.
type unsynced struct{ *os.File }

func (unsynced) Sync() error { return errFull }

// What cannot be sealed stays for Repair.
func TestSealFails(t *testing.T) {
	s := newStudio(t, func(o *Options) { o.wrap = func(f *os.File) file { return unsynced{f} } })
	rec := inbound()
	say(s.begin(t, rec), 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(s.metrics.failed); got != 1 {
		t.Errorf("%v failures counted", got)
	}
	again := newStudio(t, func(o *Options) { o.Directory = s.dir })
	if n, err := again.Repair(t.Context()); n != 1 || err != nil {
		t.Errorf("repaired %d, %v", n, err)
	}
	if got := <-again.told; got.Seconds != 0.02 {
		t.Errorf("told of %+v", got)
	}
}

// A WAV file ends where its size fields do.
func TestTooLong(t *testing.T) {
	s := newStudio(t, nil)
	tape := newTape(s.Library, inbound().ID, sides{left: contact})
	if err := tape.drain(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tape.file.Close() }()
	tape.written = maxWhole
	say(tape, 0)
	if err := tape.drain(); !errors.Is(err, errTooLong) {
		t.Errorf("beyond the end: %v", err)
	}
}

func BenchmarkPush(b *testing.B) {
	tape := newTape(newStudio(b, nil).Library, "", sides{left: contact})
	var c, p [frameSamples]int16
	b.ReportAllocs()
	for b.Loop() {
		if tape.Push(&c, &p) {
			tape.ring.release()
		}
	}
	if n := testing.AllocsPerRun(1000, func() { tape.Push(&c, &p); tape.Skip(1) }); n != 0 {
		b.Errorf("%v allocations", n)
	}
}

// BenchmarkWriter moves one second of a conversation to the disk.
func BenchmarkWriter(b *testing.B) {
	s := newStudio(b, nil)
	tape := newTape(s.Library, inbound().ID, sides{left: contact})
	var c, p [frameSamples]int16
	b.ReportAllocs()
	for b.Loop() {
		for range chunkFrames {
			tape.Push(&c, &p)
		}
		if err := tape.drain(); err != nil {
			b.Fatal(err)
		}
		if tape.written > 1<<27 {
			tape.written = 0
		}
	}
	_ = tape.file.Close()
}
