package recording

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRepair: whatever a crash left of a recording and of the note beside it,
// it is sealed with every whole sample that it has, once, and found sound.
func FuzzRepair(f *testing.F) {
	f.Add([]byte(nil), "", uint8(0))
	f.Add(header{channels: 2, data: 3200}.encode(), "# left contact\n", uint8(3))
	f.Add(header{channels: 1, data: maxData}.encode()[:43], strings.Repeat("a", 64)+" *x.wav", uint8(1))
	f.Add(bytes.Repeat([]byte{0xFF}, 60), "\x00", uint8(200))
	f.Fuzz(func(t *testing.T, raw []byte, beside string, more uint8) {
		raw = append(bytes.Clone(raw), make([]byte, int(more)*50)...)
		s := newStudio(t, nil)
		id := inbound().ID
		s.put(t, partPath(id), raw)
		if beside != "" {
			s.put(t, notePath(id), []byte(beside))
		}
		if n, err := s.Repair(t.Context()); n != 1 || err != nil {
			t.Fatalf("repaired %d, %v", n, err)
		}
		got := s.get(t, sealedPath(id))
		data := int64(len(got)) - headerBytes
		if h, err := parseHeader(got); err != nil || h.channels != 2 || h.data != data || data != wholeSamples(int64(len(raw))) {
			t.Fatalf("%d bytes are sealed as %d, %+v, %v", len(raw), len(got), h, err)
		}
		if data > 0 && !bytes.Equal(got[headerBytes:], raw[headerBytes:][:data]) {
			t.Fatal("the samples are others")
		}
		if told := <-s.told; told.Seconds != seconds(data) {
			t.Fatalf("told of %+v", told)
		}
		if n, err := s.Repair(t.Context()); n != 0 || err != nil {
			t.Fatalf("repaired again: %d, %v", n, err)
		}
		if r := s.verified(t, nil, nil); len(r.Faults) != 0 || r.Checked != 1 {
			t.Fatalf("%+v", r)
		}
	})
}
