package codec

import (
	"math"
	"testing"

	"github.com/zaf/g711"
)

type reference struct {
	law       Law
	decode    func(uint8) int16
	encode    func(int16) uint8
	transcode func(uint8) uint8
}

func references() []reference {
	return []reference{
		{PCMU, g711.DecodeUlawFrame, g711.EncodeUlawFrame, g711.Ulaw2AlawFrame},
		{PCMA, g711.DecodeAlawFrame, g711.EncodeAlawFrame, g711.Alaw2UlawFrame},
	}
}

func TestTablesEqualReferenceForEverySample(t *testing.T) {
	for _, ref := range references() {
		c := New(ref.law)
		var out [1]byte
		for s := math.MinInt16; s <= math.MaxInt16; s++ {
			c.EncodeSamples(out[:], []int16{int16(s)})
			if want := ref.encode(int16(s)); out[0] != want {
				t.Fatalf("%s: encode(%d) = %#x, want %#x", ref.law, s, out[0], want)
			}
		}
		var sample [1]int16
		for b := range 256 {
			c.DecodeSamples(sample[:], []byte{byte(b)})
			if want := ref.decode(byte(b)); sample[0] != want {
				t.Fatalf("%s: decode(%#x) = %d, want %d", ref.law, b, sample[0], want)
			}
			c.Transcode(out[:], []byte{byte(b)})
			if want := ref.transcode(byte(b)); out[0] != want {
				t.Fatalf("%s: transcode(%#x) = %#x, want %#x", ref.law, b, out[0], want)
			}
		}
	}
}

func TestDecodedCodesEncodeToThemselves(t *testing.T) {
	for _, law := range []Law{PCMU, PCMA} {
		c := New(law)
		for b := range 256 {
			if law == PCMU && b == 0x7F {
				continue // µ-law's negative zero decodes to 0, whose code is the positive one
			}
			var s [1]int16
			var back [1]byte
			c.DecodeSamples(s[:], []byte{byte(b)})
			c.EncodeSamples(back[:], s[:])
			if back[0] != byte(b) {
				t.Errorf("%s: %#x decodes to %d which encodes to %#x", law, b, s[0], back[0])
			}
		}
	}
}

func TestSilenceIsQuiet(t *testing.T) {
	for _, law := range []Law{PCMU, PCMA} {
		var s [1]int16
		New(law).DecodeSamples(s[:], []byte{law.Silence()})
		if s[0] < 0 || s[0] > 8 {
			t.Errorf("%s: silence byte decodes to %d", law, s[0])
		}
	}
}

func TestDecodeFillsTheRestWithSilence(t *testing.T) {
	c := New(PCMA)
	for _, n := range []int{0, 1, 80, 159, 160, 161, 480} {
		payload := make([]byte, n)
		f := Frame{}
		for i := range f {
			f[i] = 77
		}
		want := min(n, FrameSamples)
		if got := c.Decode(&f, payload); got != want {
			t.Errorf("Decode of %d bytes = %d, want %d", n, got, want)
		}
		for i, s := range f {
			if decoded := i < want; decoded != (s != 0) {
				t.Errorf("%d bytes: sample %d = %d", n, i, s)
				break
			}
		}
	}
}

func TestPayloadsOfEveryPacketTime(t *testing.T) {
	for _, ref := range references() {
		c := New(ref.law)
		for ms := 10; ms <= 60; ms += 10 {
			payload := make([]byte, ms*Rate/1000)
			for i := range payload {
				payload[i] = byte(i*7 + ms)
			}
			samples := make([]int16, len(payload)+10)
			if n := c.DecodeSamples(samples, payload); n != len(payload) {
				t.Fatalf("%s %d ms: decoded %d samples", ref.law, ms, n)
			}
			back := make([]byte, len(payload))
			if n := c.EncodeSamples(back, samples); n != len(payload) {
				t.Fatalf("%s %d ms: encoded %d bytes", ref.law, ms, n)
			}
			for i := range back {
				if want := ref.encode(ref.decode(payload[i])); back[i] != want {
					t.Fatalf("%s %d ms: byte %d = %#x, want %#x", ref.law, ms, i, back[i], want)
				}
			}
		}
	}
}

func TestLaws(t *testing.T) {
	for _, tt := range []struct {
		payloadType uint8
		name        string
		ok          bool
	}{{0, "PCMU", true}, {8, "PCMA", true}, {9, "", false}, {13, "", false}, {101, "", false}} {
		law, ok := LawOf(tt.payloadType)
		if ok != tt.ok || ok && (law.String() != tt.name || New(law).Law() != law || law.Other() == law) {
			t.Errorf("LawOf(%d) = %v, %v", tt.payloadType, law, ok)
		}
	}
	if first := New(PCMU); New(PCMU) != first || New(PCMA) == first {
		t.Error("tables are not shared per law")
	}
}

func TestNoAllocation(t *testing.T) {
	c := New(PCMA)
	var f Frame
	payload := make([]byte, FrameSamples)
	if n := testing.AllocsPerRun(100, func() {
		c.Encode(payload, &f)
		c.Decode(&f, payload)
		c.Transcode(payload, payload)
		_ = New(PCMU).DecodeSamples(f[:], payload)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	c, f, payload := New(PCMA), Frame{}, make([]byte, FrameSamples)
	b.ReportAllocs()
	for b.Loop() {
		c.Decode(&f, payload)
	}
}

func BenchmarkEncode(b *testing.B) {
	c, f, payload := New(PCMU), Frame{}, make([]byte, FrameSamples)
	for i := range f {
		f[i] = int16(i * 200)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Encode(payload, &f)
	}
}

func BenchmarkTranscode(b *testing.B) {
	c, payload := New(PCMU), make([]byte, FrameSamples)
	b.ReportAllocs()
	for b.Loop() {
		c.Transcode(payload, payload)
	}
}
