package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"tandem/call"
)

const (
	// chunkFrames is how much goes to the disk in one write at most: a second.
	chunkFrames = 50
	chunkBytes  = chunkFrames * frameBytes
)

// chunk is memory for samples on their way to the disk, lent for a write.
type chunk [chunkBytes]byte

func chunkPool() *sync.Pool { return &sync.Pool{New: func() any { return new(chunk) }} }

var errTooLong = errors.New("longer than a WAV file can be")

// tape is a recording in progress: the media tick's end is the ring, all else
// belongs to the writer's goroutine.
type tape struct {
	ring *ring

	library  *Library
	id       call.ID
	sides    sides
	stop     chan struct{}
	stopping bool // the library's, under its lock

	root     *os.Root
	file     file   // nil until the disk let us make it
	chunk    []byte // samples on their way to the disk; nil while there are none
	silence  int64  // frames of silence that come after chunk
	written  int64  // bytes of samples on the disk
	voiced   int64  // frames in chunk that are no silence
	kept     int64  // those that are on the disk
	trouble  bool   // the last write failed
	reported int64  // frames already counted as missing
}

func newTape(l *Library, id call.ID, s sides) *tape {
	return &tape{
		ring: &ring{pool: l.blocks}, library: l, id: id, sides: s, stop: make(chan struct{}),
	}
}

// Push implements call.Tape.
func (t *tape) Push(contact, person *[frameSamples]int16) bool { return t.ring.push(contact, person) }

// Skip implements call.Tape.
func (t *tape) Skip(frames int) { t.ring.skip(frames) }

// run moves frames to the disk until the tape is stopped, then seals the file.
func (t *tape) run() {
	defer t.library.forget(t.id)
	tick := time.NewTicker(t.library.every)
	defer tick.Stop()
	for {
		t.write()
		select {
		case <-tick.C:
		case <-t.stop:
			t.finish()
			return
		}
	}
}

// write moves what has come to the disk. When that fails it is tried again at
// the next tick: the conversation goes on, and once the disk takes it again so
// does the recording, with silence for what did not fit into the ring.
func (t *tape) write() {
	err := t.drain()
	if err != nil && !t.trouble {
		t.library.metrics.failed.Inc()
		t.library.log.Error("recording stopped", "call_id", string(t.id), "error", err)
	}
	if err == nil && t.trouble {
		t.library.log.Warn("recording goes on", "call_id", string(t.id))
	}
	t.trouble = err != nil
	t.countMissing(t.ring.missed.Load())
}

// countMissing brings the metric to so many missing frames, and says so when
// the first is missed.
func (t *tape) countMissing(frames int64) {
	if frames <= t.reported {
		return
	}
	if t.reported == 0 {
		t.library.log.Error("recording has gaps: the disk is too slow", "call_id", string(t.id))
	}
	t.library.metrics.missing.Add(frameSeconds(frames - t.reported))
	t.reported = frames
}

func frameSeconds(frames int64) float64 { return float64(frames) * frameSamples / sampleRate }

// drain writes all that waits, a chunk at a time. What the disk refuses stays in
// the chunk.
func (t *tape) drain() error {
	if t.file == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	if t.chunk == nil {
		t.chunk = t.library.chunks.Get().(*chunk)[:0]
	}
	for {
		t.fill()
		if len(t.chunk) == 0 {
			t.library.chunks.Put((*chunk)(t.chunk[:chunkBytes]))
			t.chunk = nil
			return nil
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
}

// open makes the file, with a header that says it is empty.
func (t *tape) open() error {
	root, err := t.library.folder(true)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(dayPath(t.id), 0o700); err != nil {
		return fmt.Errorf("recording of call %s: %w", t.id, err)
	}
	if _, err := root.Stat(sealedPath(t.id)); err == nil {
		return fmt.Errorf("recording of call %s: %w", t.id, fs.ErrExist)
	}
	f, err := root.OpenFile(partPath(t.id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("recording of call %s: %w", t.id, err)
	}
	w := t.library.wrap(f)
	if _, err := w.WriteAt(header{channels: 2}.encode(), 0); err != nil {
		return errors.Join(fmt.Errorf("recording of call %s: %w", t.id, err), w.Close(), root.Remove(partPath(t.id)))
	}
	t.root, t.file = root, w
	return writeNote(root, t.id, note{sides: t.sides})
}

// fill takes frames from the ring until the chunk is full or the ring empty.
func (t *tape) fill() {
	for len(t.chunk) < cap(t.chunk) {
		if t.silence > 0 {
			room := int64(cap(t.chunk)-len(t.chunk)) / frameBytes
			n := min(t.silence, room)
			t.chunk = t.chunk[:len(t.chunk)+int(n)*frameBytes]
			clear(t.chunk[len(t.chunk)-int(n)*frameBytes:])
			t.silence -= n
			continue
		}
		s := t.ring.next()
		if s == nil {
			return
		}
		if s.gap > 0 {
			t.silence, s.gap = s.gap, 0
			continue
		}
		t.chunk = t.sides.interleave(t.chunk, &s.contact, &s.person)
		t.voiced++
		t.ring.release()
	}
}

// interleave appends 20 ms of both channels.
func (s sides) interleave(b []byte, left, right *[frameSamples]int16) []byte {
	if s.left == person {
		left, right = right, left
	}
	from := len(b)
	b = b[:from+frameBytes]
	out := b[from:]
	for i := range frameSamples {
		both := uint32(uint16(left[i])) | uint32(uint16(right[i]))<<16 // same bits
		binary.LittleEndian.PutUint32(out[i*stereoBytes:], both)
	}
	return b
}

// flush writes the chunk, then the header that counts it: whoever reads the
// file finds it whole at every moment. What could not be written stays in the
// chunk.
func (t *tape) flush() error {
	if t.written+int64(len(t.chunk)) > maxWhole {
		return fmt.Errorf("recording of call %s: %w", t.id, errTooLong)
	}
	if _, err := t.file.WriteAt(t.chunk, headerBytes+t.written); err != nil {
		return fmt.Errorf("recording of call %s: %w", t.id, err)
	}
	t.written += int64(len(t.chunk))
	t.kept += t.voiced
	t.chunk, t.voiced = t.chunk[:0], 0
	if _, err := t.file.WriteAt(header{channels: 2, data: t.written}.encode(), 0); err != nil {
		return fmt.Errorf("recording of call %s: header: %w", t.id, err)
	}
	return nil
}

// finish writes the rest and seals the file. What the disk refuses to the last
// is missing; the part before it is kept.
func (t *tape) finish() {
	t.write()
	if !t.trouble {
		t.silence = t.ring.gap.Load()
		t.write()
	}
	missing := t.ring.missed.Load() + t.ring.head.Load() - t.kept
	t.countMissing(missing)
	if expected := t.ring.frames() * frameBytes; expected != t.written {
		t.library.log.Error("recording is shorter than the conversation", "call_id", string(t.id),
			"expected_seconds", seconds(expected), "written_seconds", seconds(t.written))
	}
	if t.file == nil {
		return
	}
	if missing > 0 {
		t.library.log.Error("recording lacks what the disk did not take in time", "call_id", string(t.id), "missing_seconds", frameSeconds(missing))
	}
	if err := t.library.seal(t.root, t.id, t.file, t.written, frameSeconds(missing)); err != nil {
		t.library.metrics.failed.Inc()
		t.library.log.Error("recording not sealed", "call_id", string(t.id), "error", err)
	}
}
