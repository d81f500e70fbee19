package tone

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"tandem/media/codec"
)

// Bounds of an audio file.
const (
	maxSeconds = 600
	maxBytes   = 200 << 20
	maxChunks  = 1000
	minRate    = 8000
	maxRate    = 48000
)

// What can be wrong with an audio file; the error that LoadWAV returns wraps one
// of them and says the details.
var (
	// ErrNotWAV says that the file does not begin as RIFF/WAVE does.
	ErrNotWAV = errors.New("not a WAV file")
	// ErrFormat says that the file's encoding, rate or channels cannot be read.
	ErrFormat = errors.New("unsupported WAV format")
	// ErrTruncated says that the file ends before it says it does.
	ErrTruncated = errors.New("truncated WAV file")
	// ErrNoData says that the file has no data chunk.
	ErrNoData = errors.New("WAV file without audio data")
	// ErrEmpty says that the data chunk has no samples.
	ErrEmpty = errors.New("WAV file with no samples")
	// ErrTooLong says that the sound is longer than 10 minutes or the file larger than 200 MB.
	ErrTooLong = errors.New("WAV file too long")
)

// Format codes of a WAV file's fmt chunk.
const (
	wavPCM        = 1
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xFFFE
)

// wavFormat is what the fmt chunk says.
type wavFormat struct {
	code     uint16
	channels int
	rate     int
	bits     int
}

// LoadWAV reads a sound: 8, 16 or 24-bit PCM, µ-law or A-law, 8 to 48 kHz, mono
// or stereo, which is mixed down, plain or WAVE_FORMAT_EXTENSIBLE. The sound is
// brought to 8 kHz.
func LoadWAV(r io.Reader) (Clip, error) {
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	in := bufio.NewReaderSize(limited, 64<<10)
	clip, err := readWAV(in)
	if limited.N <= 0 {
		return nil, fmt.Errorf("%w: more than %d MB", ErrTooLong, maxBytes>>20)
	}
	return clip, err
}

func readWAV(in *bufio.Reader) (Clip, error) {
	var head [12]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, short(err, ErrNotWAV, "shorter than its header")
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("%w: it begins with %q", ErrNotWAV, head[:4])
	}
	var format wavFormat
	for range maxChunks {
		id, size, err := nextChunk(in)
		switch {
		case errors.Is(err, io.EOF):
			return nil, ErrNoData
		case err != nil:
			return nil, err
		case id == "fmt ":
			if format, err = readFormat(in, size); err != nil {
				return nil, err
			}
		case id == "data" && format.rate == 0:
			return nil, fmt.Errorf("%w: data without a format before it", ErrFormat)
		case id == "data":
			samples, err := readSamples(in, format, size)
			if err != nil {
				return nil, err
			}
			return resample(samples, format.rate), nil
		default:
			if err := skip(in, padded(size)); err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("%w: none in %d chunks", ErrNoData, maxChunks)
}

// nextChunk reads a chunk's head; io.EOF when the file ends instead.
func nextChunk(in *bufio.Reader) (id string, size uint32, err error) {
	var head [8]byte
	switch n, err := io.ReadFull(in, head[:]); {
	case err == nil:
		return string(head[:4]), binary.LittleEndian.Uint32(head[4:]), nil
	case n <= 1: // nothing, or the padding of the last chunk
		return "", 0, errOr(err, io.EOF)
	default:
		return "", 0, short(err, ErrTruncated, "inside the head of a chunk")
	}
}

// errOr returns want for an end of file and any other error as it is.
func errOr(err, want error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return want
	}
	return fmt.Errorf("read WAV: %w", err)
}

func short(err, want error, detail string) error {
	return errOr(err, fmt.Errorf("%w: %s", want, detail))
}

// padded is the length of a chunk in the file: chunks begin at even offsets.
func padded(size uint32) int64 { return int64(size) + int64(size&1) }

func skip(in *bufio.Reader, n int64) error {
	skipped, err := io.CopyN(io.Discard, in, n)
	if err != nil && skipped < n-1 { // the last chunk's padding is often left out
		return short(err, ErrTruncated, "inside a chunk")
	}
	return nil
}

func readFormat(in *bufio.Reader, size uint32) (wavFormat, error) {
	if size < 16 || size > 4096 {
		return wavFormat{}, fmt.Errorf("%w: format chunk of %d bytes", ErrFormat, size)
	}
	chunk := make([]byte, padded(size))
	if _, err := io.ReadFull(in, chunk); err != nil {
		return wavFormat{}, short(err, ErrTruncated, "inside the format chunk")
	}
	f := wavFormat{
		code:     binary.LittleEndian.Uint16(chunk),
		channels: int(binary.LittleEndian.Uint16(chunk[2:])),
		rate:     int(binary.LittleEndian.Uint32(chunk[4:])),
		bits:     int(binary.LittleEndian.Uint16(chunk[14:])),
	}
	if f.code == wavExtensible {
		if size < 26 {
			return wavFormat{}, fmt.Errorf("%w: extensible, but without a subformat", ErrFormat)
		}
		f.code = binary.LittleEndian.Uint16(chunk[24:]) // first two bytes of the GUID
	}
	return f, f.check()
}

func (f wavFormat) check() error {
	switch f.code {
	case wavPCM:
		if f.bits != 8 && f.bits != 16 && f.bits != 24 {
			return fmt.Errorf("%w: %d-bit PCM: want 8, 16 or 24", ErrFormat, f.bits)
		}
	case wavMuLaw, wavALaw:
		if f.bits != 8 {
			return fmt.Errorf("%w: G.711 of %d bits", ErrFormat, f.bits)
		}
	default:
		return fmt.Errorf("%w: code %d: want PCM, µ-law or A-law", ErrFormat, f.code)
	}
	if f.channels != 1 && f.channels != 2 {
		return fmt.Errorf("%w: %d channels: want 1 or 2", ErrFormat, f.channels)
	}
	if f.rate < minRate || f.rate > maxRate {
		return fmt.Errorf("%w: %d Hz: want %d to %d", ErrFormat, f.rate, minRate, maxRate)
	}
	return nil
}

// unknownSize stands in the data chunk of a file that was written to a pipe: the
// data goes on to the end of the file.
const unknownSize = 0xFFFFFFFF

// readSamples reads the data chunk, mixed down to mono. It grows with what is
// there, not with what the chunk claims.
func readSamples(in *bufio.Reader, f wavFormat, size uint32) ([]int16, error) {
	width := f.bits / 8 * f.channels
	want := int64(size) / int64(width)
	if size == unknownSize {
		want = int64(maxSeconds*f.rate) + 1
	}
	decode := f.decoder()
	limit := int64(maxSeconds * f.rate)
	if want > limit && size != unknownSize {
		return nil, fmt.Errorf("%w: %d seconds: at most %d", ErrTooLong, want/int64(f.rate), maxSeconds)
	}
	var out []int16
	var unit [6]byte
	for n := int64(0); n < want; n++ {
		if _, err := io.ReadFull(in, unit[:width]); err != nil {
			if end := errOr(err, io.EOF); !errors.Is(end, io.EOF) {
				return nil, end
			}
			if size != unknownSize {
				return nil, fmt.Errorf("%w: %d samples of %d", ErrTruncated, n, want)
			}
			break
		}
		if n == limit {
			return nil, fmt.Errorf("%w: at most %d seconds", ErrTooLong, maxSeconds)
		}
		out = append(out, f.mono(unit[:width], decode))
	}
	if len(out) == 0 {
		return nil, ErrEmpty
	}
	return out, nil
}

// mono decodes one sample of each channel and returns their mean.
func (f wavFormat) mono(unit []byte, decode func([]byte) int16) int16 {
	if f.channels == 1 {
		return decode(unit)
	}
	half := len(unit) / 2
	return int16((int32(decode(unit[:half])) + int32(decode(unit[half:]))) / 2)
}

func (f wavFormat) decoder() func([]byte) int16 {
	switch {
	case f.code == wavMuLaw:
		return companded(codec.PCMU)
	case f.code == wavALaw:
		return companded(codec.PCMA)
	case f.bits == 8:
		return func(b []byte) int16 { return (int16(b[0]) - 128) << 8 }
	case f.bits == 16:
		return func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) }
	}
	return func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b[1:])) }
}

func companded(law codec.Law) func([]byte) int16 {
	c := codec.New(law)
	return func(b []byte) int16 {
		var s [1]int16
		c.DecodeSamples(s[:], b)
		return s[0]
	}
}
