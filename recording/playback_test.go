package recording

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"tandem/call"
)

// sampleOf is what a playback should hold: the sides on its channels, for so
// many frames.
func sampleOf(frames int64, channels ...side) []byte {
	out := header{channels: len(channels), data: frames * frameSamples * sampleBytes * int64(len(channels))}.encode()
	for i := range frames * frameSamples {
		for _, who := range channels {
			out = binary.LittleEndian.AppendUint16(out, uint16(voice(i, who)))
		}
	}
	return out
}

func TestPlayback(t *testing.T) {
	for _, test := range []struct {
		direction call.Direction
		layout    Layout
		play      PlayOptions
		want      []side
	}{
		{call.Inbound, ContactLeft, PlayOptions{}, []side{contact, person}},
		{call.Outbound, ContactLeft, PlayOptions{}, []side{contact, person}},
		{call.Inbound, CallerLeft, PlayOptions{}, []side{contact, person}},
		{call.Outbound, CallerLeft, PlayOptions{}, []side{person, contact}},
		{call.Outbound, CallerLeft, PlayOptions{Layout: ContactLeft}, []side{contact, person}},
		{call.Outbound, ContactLeft, PlayOptions{Layout: CallerLeft}, []side{person, contact}},
		{call.Inbound, ContactLeft, PlayOptions{Layout: CallerLeft}, []side{contact, person}},
		{call.Inbound, ContactLeft, PlayOptions{Channel: Left}, []side{contact}},
		{call.Inbound, ContactLeft, PlayOptions{Channel: Right}, []side{person}},
		{call.Outbound, CallerLeft, PlayOptions{Channel: Left}, []side{person}},
		{call.Outbound, CallerLeft, PlayOptions{Channel: Left, Layout: ContactLeft}, []side{contact}},
		{call.Outbound, CallerLeft, PlayOptions{Channel: Right, Layout: ContactLeft}, []side{person}},
	} {
		s := newStudio(t, func(o *Options) { o.Settings.Layout = test.layout })
		rec := inbound()
		rec.Direction = test.direction
		tape := s.begin(t, rec)
		const frames = 60
		for n := range int64(frames) {
			say(tape, n)
		}
		s.end(rec.ID)
		if err := s.Apply(Settings{Enabled: true}); err != nil { // what is recorded stays as it is
			t.Fatal(err)
		}
		p, err := s.Open(rec.ID, test.play)
		if err != nil {
			t.Fatal(err)
		}
		want := sampleOf(frames, test.want...)
		if err := iotest.TestReader(p, want); err != nil {
			t.Errorf("%+v: %v", test, err)
		}
		randomReads(t, p, want)
		if p.Size != int64(len(want)) || !p.Sealed || p.ModTime.IsZero() {
			t.Errorf("%+v: size %d of %d", test, p.Size, len(want))
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// randomReads reads from anywhere, in any length.
func randomReads(t *testing.T, p *Playback, want []byte) {
	t.Helper()
	for range 200 {
		from := rand.IntN(len(want))
		n := min(rand.IntN(5000), len(want)-from)
		got := make([]byte, n)
		if _, err := p.Seek(int64(from-len(want)), io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want[from:from+n]) {
			t.Fatalf("%d bytes from %d differ: %v", n, from, err)
		}
	}
}

// A recording can be heard while it goes on: what there was when it was opened.
func TestPlaybackInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		rec := inbound()
		tape := s.begin(t, rec)
		for n := range int64(100) {
			say(tape, n)
		}
		time.Sleep(time.Second)
		p, err := s.Open(rec.ID, PlayOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		for n := range int64(100) {
			say(tape, 100+n)
		}
		s.end(rec.ID)
		got, err := io.ReadAll(p)
		if err != nil || p.Sealed || !bytes.Equal(got, sampleOf(100, contact, person)) {
			t.Errorf("%d bytes, sealed %v, %v", len(got), p.Sealed, err)
		}
	})
}

// Range requests of a browser's player.
func TestPlaybackOverHTTP(t *testing.T) {
	s := newStudio(t, nil)
	id := s.keep(t, began(inbound().ID), 10)
	p, err := s.Open(id, PlayOptions{Channel: Right})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Range", "bytes=40-99")
	res := httptest.NewRecorder()
	http.ServeContent(res, req, "x.wav", p.ModTime, p)
	want := sampleOf(10, person)
	if res.Code != http.StatusPartialContent || !bytes.Equal(res.Body.Bytes(), want[40:100]) {
		t.Errorf("%d with %d bytes", res.Code, res.Body.Len())
	}
}

func TestPlaybackRefusals(t *testing.T) {
	s := newStudio(t, nil)
	id := s.keep(t, began(inbound().ID), 1)
	if err := os.WriteFile(filepath.Join(s.dir, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []call.ID{"", "secret", "../secret", call.NewID(time.Now()), id + "x"} {
		if _, err := s.Open(bad, PlayOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %q: %v", bad, err)
		}
	}
	for _, o := range []PlayOptions{{Channel: "middle"}, {Layout: "top"}} {
		if _, err := s.Open(id, o); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open as %+v: %v", o, err)
		}
	}
	p, err := s.Open(id, PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if _, err := p.Seek(-1, io.SeekStart); err == nil {
		t.Error("sought before the start")
	}
}
