package tone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/iotest"

	"tandem/media/codec"
)

// file builds a WAV file; extra chunks come before the data.
func file(f wavFormat, data []byte, extensible bool, extra ...[]byte) []byte {
	var fmtChunk []byte
	code := f.code
	if extensible {
		code = wavExtensible
	}
	fmtChunk = binary.LittleEndian.AppendUint16(fmtChunk, code)
	fmtChunk = binary.LittleEndian.AppendUint16(fmtChunk, uint16(f.channels))
	fmtChunk = binary.LittleEndian.AppendUint32(fmtChunk, uint32(f.rate))
	fmtChunk = binary.LittleEndian.AppendUint32(fmtChunk, uint32(f.rate*f.channels*f.bits/8))
	fmtChunk = binary.LittleEndian.AppendUint16(fmtChunk, uint16(f.channels*f.bits/8))
	fmtChunk = binary.LittleEndian.AppendUint16(fmtChunk, uint16(f.bits))
	if extensible {
		fmtChunk = append(fmtChunk, 22, 0, byte(f.bits), 0, 3, 0, 0, 0)
		fmtChunk = binary.LittleEndian.AppendUint16(fmtChunk, f.code)
		fmtChunk = append(fmtChunk, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"...)
	}
	out := append([]byte("RIFF\xFF\xFF\xFF\x7FWAVE"), chunk("fmt ", fmtChunk)...)
	for _, e := range extra {
		out = append(out, e...)
	}
	return append(out, chunk("data", data)...)
}

func chunk(id string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(data)))
	out = append(out, data...)
	if len(data)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// encode writes a sine of -10 dBFS in every channel.
func encode(f wavFormat, hz float64, samples int) (data []byte) {
	for i := range samples {
		v := int32(math.Round(amplitude(-10) * math.Sin(2*math.Pi*hz*float64(i)/float64(f.rate)) * 256))
		for range f.channels {
			data = appendSample(data, f, v)
		}
	}
	return data
}

// appendSample takes a sample of 24 bits.
func appendSample(data []byte, f wavFormat, v int32) []byte {
	var b [1]byte
	switch {
	case f.code == wavMuLaw || f.code == wavALaw:
		law := codec.PCMU
		if f.code == wavALaw {
			law = codec.PCMA
		}
		codec.New(law).EncodeSamples(b[:], []int16{int16(v >> 8)})
		return append(data, b[0])
	case f.bits == 8:
		return append(data, byte(v>>16+128))
	case f.bits == 16:
		return binary.LittleEndian.AppendUint16(data, uint16(v>>8))
	}
	return append(data, byte(v), byte(v>>8), byte(v>>16))
}

func TestEveryFormatSoundsTheSame(t *testing.T) {
	odd := chunk("LIST", []byte("odd"))
	for _, rate := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000} {
		for _, f := range []wavFormat{
			{wavPCM, 1, rate, 8}, {wavPCM, 1, rate, 16}, {wavPCM, 1, rate, 24}, {wavMuLaw, 1, rate, 8}, {wavALaw, 1, rate, 8},
			{wavPCM, 2, rate, 16}, {wavPCM, 2, rate, 24}, {wavMuLaw, 2, rate, 8},
		} {
			for _, extensible := range []bool{false, true} {
				clip, err := LoadWAV(bytes.NewReader(file(f, encode(f, 1000, rate/2), extensible, odd)))
				if err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				if want := (rate/2*8000 + rate - 1) / rate; len(clip) != want {
					t.Errorf("%+v: %d samples, want %d", f, len(clip), want)
				}
				if l := Power(clip[400:3600], 1000); math.Abs(l+10) > 0.3 {
					t.Errorf("%+v: 1000 Hz at %.2f dBFS, want -10", f, l)
				}
			}
		}
	}
}

func TestSamplesAt8000HzAreUntouched(t *testing.T) {
	f := wavFormat{wavPCM, 1, 8000, 16}
	want := []int16{0, 1, -1, math.MaxInt16, math.MinInt16, 12345}
	var data []byte
	for _, v := range want {
		data = binary.LittleEndian.AppendUint16(data, uint16(v))
	}
	clip, err := LoadWAV(bytes.NewReader(file(f, data, false)))
	if err != nil || len(clip) != len(want) {
		t.Fatalf("%v, %v", clip, err)
	}
	for i := range want {
		if clip[i] != want[i] {
			t.Errorf("sample %d is %d, want %d", i, clip[i], want[i])
		}
	}
}

// What lies above 4 kHz must not fold back, and the telephone's band must stay.
func TestResamplingFilter(t *testing.T) {
	for _, rate := range []int{16000, 22050, 44100, 48000} {
		f := wavFormat{wavPCM, 1, rate, 16}
		for _, tt := range []struct{ hz, low, high float64 }{
			{300, -10.2, -9.8}, {1000, -10.2, -9.8}, {3300, -10.5, -9.5}, {4200, Floor, -70}, {5000, Floor, -75}, {7000, Floor, -75},
		} {
			clip, err := LoadWAV(bytes.NewReader(file(f, encode(f, tt.hz, rate), false)))
			if err != nil {
				t.Fatal(err)
			}
			if l := Level(clip[800:7200]); l < tt.low || l > tt.high {
				t.Errorf("%d Hz file, %v Hz: %.1f dBFS, want %v to %v", rate, tt.hz, l, tt.low, tt.high)
			}
		}
	}
}

func TestStereoIsMixedDown(t *testing.T) {
	data := []byte{0x00, 0x10, 0x00, 0x20, 0xFF, 0x7F, 0xFF, 0x7F, 0x00, 0x80, 0x00, 0x80, 0xFF, 0x7F, 0x01, 0x80}
	clip, err := LoadWAV(bytes.NewReader(file(wavFormat{wavPCM, 2, 8000, 16}, data, false)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int16{0x1800, math.MaxInt16, math.MinInt16, 0} {
		if clip[i] != want {
			t.Errorf("sample %d is %d, want %d", i, clip[i], want)
		}
	}
}

// endless gives zeros for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestBrokenFilesAreNamed(t *testing.T) {
	good := wavFormat{wavPCM, 1, 8000, 16}
	whole := file(good, make([]byte, 1000), false)
	claim := func(size uint32) []byte {
		out := file(good, nil, false)
		binary.LittleEndian.PutUint32(out[len(out)-4:], size)
		return out
	}
	for name, tt := range map[string]struct {
		in   io.Reader
		want error
	}{
		"nothing":              {bytes.NewReader(nil), ErrNotWAV},
		"a few bytes":          {bytes.NewReader([]byte("RIFF")), ErrNotWAV},
		"an MP3":               {bytes.NewReader([]byte("ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")), ErrNotWAV},
		"an AVI":               {bytes.NewReader([]byte("RIFF\x00\x00\x00\x00AVI LIST")), ErrNotWAV},
		"cut in the data":      {bytes.NewReader(whole[:len(whole)-100]), ErrTruncated},
		"cut in the format":    {bytes.NewReader(whole[:25]), ErrTruncated},
		"cut in a chunk head":  {bytes.NewReader(whole[:40]), ErrTruncated},
		"cut in another chunk": {bytes.NewReader(append(whole[:36:36], "LIST\x10\x00\x00\x00abc"...)), ErrTruncated},
		"no data":              {bytes.NewReader(whole[:36]), ErrNoData},
		"empty data":           {bytes.NewReader(file(good, nil, false)), ErrEmpty},
		"half a sample":        {bytes.NewReader(file(good, []byte{1}, false)), ErrEmpty},
		"data first":           {bytes.NewReader(append([]byte("RIFF\x00\x00\x00\x00WAVE"), chunk("data", make([]byte, 10))...)), ErrFormat},
		"format of 4 bytes":    {bytes.NewReader(append([]byte("RIFF\x00\x00\x00\x00WAVE"), chunk("fmt ", make([]byte, 4))...)), ErrFormat},
		"extensible, cut off":  {bytes.NewReader(append([]byte("RIFF\x00\x00\x00\x00WAVE"), chunk("fmt ", append([]byte{0xFE, 0xFF}, make([]byte, 16)...))...)), ErrFormat},
		"1000 other chunks":    {bytes.NewReader(file(good, nil, false, bytes.Repeat(chunk("junk", nil), maxChunks))), ErrNoData},
		"float":                {bytes.NewReader(file(wavFormat{3, 1, 8000, 32}, make([]byte, 40), false)), ErrFormat},
		"ADPCM":                {bytes.NewReader(file(wavFormat{2, 1, 8000, 4}, make([]byte, 40), false)), ErrFormat},
		"12 bits":              {bytes.NewReader(file(wavFormat{wavPCM, 1, 8000, 12}, make([]byte, 40), false)), ErrFormat},
		"A-law of 16 bits":     {bytes.NewReader(file(wavFormat{wavALaw, 1, 8000, 16}, make([]byte, 40), false)), ErrFormat},
		"6 channels":           {bytes.NewReader(file(wavFormat{wavPCM, 6, 8000, 16}, make([]byte, 40), false)), ErrFormat},
		"no channel":           {bytes.NewReader(file(wavFormat{wavPCM, 0, 8000, 16}, make([]byte, 40), false)), ErrFormat},
		"rate 0":               {bytes.NewReader(file(wavFormat{wavPCM, 1, 0, 16}, make([]byte, 40), false)), ErrFormat},
		"96 kHz":               {bytes.NewReader(file(wavFormat{wavPCM, 1, 96000, 16}, make([]byte, 40), false)), ErrFormat},
		"11 minutes":           {io.MultiReader(bytes.NewReader(claim(11*60*16000)), endless{}), ErrTooLong},
		"a pipe for ever":      {io.MultiReader(bytes.NewReader(claim(unknownSize)), endless{}), ErrTooLong},
		"a chunk for ever":     {io.MultiReader(bytes.NewReader(append(whole[:36:36], "LIST\xF0\xFF\xFF\xFF"...)), endless{}), ErrTooLong},
		"a lie about length":   {bytes.NewReader(claim(9 * 60 * 16000)), ErrTruncated},
	} {
		clip, err := LoadWAV(tt.in)
		if !errors.Is(err, tt.want) || clip != nil {
			t.Errorf("%s: %d samples, %v, want %v", name, len(clip), err, tt.want)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := LoadWAV(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a read error became %v", err)
	}
	if _, err := LoadWAV(io.MultiReader(bytes.NewReader(whole[:100]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a read error in the data became %v", err)
	}
}

func TestOddButSoundFiles(t *testing.T) {
	good := wavFormat{wavPCM, 1, 8000, 16}
	data := encode(good, 400, 800)
	piped := file(good, data, false)
	binary.LittleEndian.PutUint32(piped[40:], unknownSize)
	oddData := file(wavFormat{wavMuLaw, 1, 8000, 8}, encode(wavFormat{wavMuLaw, 1, 8000, 8}, 400, 801), false)
	for name, tt := range map[string]struct {
		in   []byte
		want int
	}{
		"written to a pipe":       {piped, 800},
		"padding left out":        {oddData[:len(oddData)-1], 801},
		"chunks after the data":   {append(file(good, data, false), chunk("LIST", []byte("Acme"))...), 800},
		"junk after the data":     {append(file(good, data, false), "junk"...), 800},
		"half a sample at end":    {file(good, append(slices.Clip(data), 1), false), 800},
		"many chunks before":      {file(good, data, false, bytes.Repeat(chunk("junk", []byte("abc")), 900)), 800},
		"fact and cue come first": {file(good, data, false, chunk("fact", make([]byte, 4)), chunk("cue ", make([]byte, 28))), 800},
	} {
		if clip, err := LoadWAV(iotest.OneByteReader(bytes.NewReader(tt.in))); err != nil || len(clip) != tt.want {
			t.Errorf("%s: %d samples, %v", name, len(clip), err)
		}
	}
}

func FuzzLoadWAV(f *testing.F) {
	f.Add(file(wavFormat{wavPCM, 1, 8000, 16}, make([]byte, 64), false))
	f.Add(file(wavFormat{wavPCM, 2, 44100, 24}, make([]byte, 600), true, chunk("LIST", []byte("x"))))
	f.Add(file(wavFormat{wavALaw, 1, 11025, 8}, make([]byte, 33), false))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		clip, err := LoadWAV(bytes.NewReader(data))
		if (err == nil) != (len(clip) > 0) {
			t.Fatalf("%d samples, %v", len(clip), err)
		}
		if len(clip) > len(data) {
			t.Fatalf("%d bytes became %d samples", len(data), len(clip))
		}
	})
}
