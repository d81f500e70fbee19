package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The one format of the recordings: 16-bit PCM at 8000 Hz.
const (
	sampleRate   = 8000
	frameSamples = 160 // 20 ms
	sampleBytes  = 2
	stereoBytes  = 2 * sampleBytes               // one sample of both channels
	frameBytes   = frameSamples * stereoBytes    // 20 ms of both channels
	secondBytes  = sampleRate * stereoBytes      // one second of both channels
	headerBytes  = 44                            // RIFF, fmt and the head of data
	maxData      = 0xffffffff - headerBytes      // what the size fields can say
	maxFrames    = maxData / frameBytes          // 37 hours
	maxWhole     = maxFrames * int64(frameBytes) // bytes of data in as many whole frames
)

// errNotOurs: a file does not have the header of a recording.
var errNotOurs = errors.New("not a recording")

// header is what a WAV header says: RIFF with a fmt chunk of 16 bytes and a
// data chunk, 44 bytes in all, little endian.
type header struct {
	channels int   // 1 or 2
	data     int64 // bytes of samples
}

func (h header) encode() []byte {
	b := make([]byte, 0, headerBytes)
	le := binary.LittleEndian
	width := uint16(h.channels) * sampleBytes // 1 or 2 channels
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(h.data+headerBytes-8)) // at most maxData
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)                 // length of the fmt chunk
	b = le.AppendUint16(b, 1)                  // PCM
	b = le.AppendUint16(b, uint16(h.channels)) // 1 or 2
	b = le.AppendUint32(b, sampleRate)
	b = le.AppendUint32(b, sampleRate*uint32(width))
	b = le.AppendUint16(b, width)
	b = le.AppendUint16(b, 8*sampleBytes)
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(h.data)) // at most maxData
}

// parseHeader reads a header that encode may have made and refuses any other.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerBytes {
		return header{}, fmt.Errorf("%w: %d bytes of header", errNotOurs, len(b))
	}
	le := binary.LittleEndian
	h := header{channels: int(le.Uint16(b[22:])), data: int64(le.Uint32(b[40:]))}
	if h.channels < 1 || h.channels > 2 || h.data > maxData || string(h.encode()) != string(b[:headerBytes]) {
		return header{}, fmt.Errorf("%w: its header is no 16-bit PCM at 8000 Hz", errNotOurs)
	}
	return h, nil
}

// wholeSamples is how many bytes of samples a file of this size holds, without
// a sample that was cut in the middle.
func wholeSamples(size int64) int64 {
	return min(max(size-headerBytes, 0), maxWhole) / stereoBytes * stereoBytes
}

// seconds is the length of so many bytes of stereo samples.
func seconds(data int64) float64 { return float64(data) / secondBytes }
