package recording

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-audio/wav"

	"tandem/call"
)

// Another's reader finds in our header what we put there.
func TestHeaderOracle(t *testing.T) {
	for _, channels := range []int{1, 2} {
		h := header{channels: channels, data: 3200}
		samples := make([]byte, h.data)
		samples[5] = 0x7f
		d := wav.NewDecoder(bytes.NewReader(append(h.encode(), samples...)))
		buf, err := d.FullPCMBuffer()
		if err != nil || !d.IsValidFile() {
			t.Fatalf("%d channels: %v", channels, err)
		}
		if d.SampleRate != 8000 || int(d.NumChans) != channels || d.BitDepth != 16 || d.WavAudioFormat != 1 {
			t.Errorf("format: %+v", d)
		}
		if int(d.AvgBytesPerSec) != 16000*channels || len(buf.Data) != 1600 || buf.Data[2] != 0x7f00 {
			t.Errorf("%d channels: %d bytes a second, %d samples", channels, d.AvgBytesPerSec, len(buf.Data))
		}
		if back, err := parseHeader(h.encode()); err != nil || back != h {
			t.Errorf("parsed: %+v, %v", back, err)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(header{channels: 2, data: 64000}.encode())
	f.Add(header{channels: 1, data: maxData}.encode())
	f.Add(header{channels: 2}.encode()[:43])
	f.Add(bytes.Repeat([]byte{0xff}, headerBytes))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt "))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		if !bytes.Equal(h.encode(), b[:headerBytes]) || h.data < 0 || h.data > maxData {
			t.Errorf("%+v is not what was read", h)
		}
	})
}

func FuzzParseNote(f *testing.F) {
	n := note{sides: sides{direction: call.Outbound, left: person}, sum: strings.Repeat("0a", 32)}
	f.Add(n.encode("x.wav"))
	f.Add("# left contact\r\n" + strings.Repeat("g", 64) + " *x.wav")
	f.Add(strings.Repeat("a", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		n := parseNote(strings.NewReader(text))
		if back := parseNote(strings.NewReader(n.encode("x.wav"))); back != n {
			t.Errorf("%+v became %+v", n, back)
		}
	})
}

func TestWholeSamples(t *testing.T) {
	for size, want := range map[int64]int64{
		0: 0, 43: 0, 44: 0, 47: 0, 48: 4, 51: 4, 44 + 32000: 32000, 1 << 40: maxWhole,
	} {
		if got := wholeSamples(size); got != want {
			t.Errorf("%d bytes: %d, want %d", size, got, want)
		}
	}
}
