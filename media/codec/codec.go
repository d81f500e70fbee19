// Package codec owns the audio unit of the switch and its companding: 20 ms
// frames of 16-bit linear PCM, mono, 8000 Hz, and G.711 in both laws.
//
// The tables are built once from per-sample functions; after that a frame costs
// a look-up per sample and never allocates.
package codec

import (
	"sync"

	"github.com/zaf/g711"
)

const (
	// Rate is the sampling rate of all audio inside the switch, in Hz.
	Rate = 8000
	// FrameSamples is the number of samples in one frame.
	FrameSamples = 160
	// FramesPerSecond is how many frames make one second.
	FramesPerSecond = Rate / FrameSamples
)

// Frame is 20 ms of 16-bit linear PCM, mono, 8000 Hz.
type Frame [FrameSamples]int16

// Law is one of G.711's two companding laws. Its value is the static RTP
// payload type of that law (RFC 3551 section 6).
type Law uint8

const (
	// PCMU is G.711 µ-law, payload type 0.
	PCMU Law = 0
	// PCMA is G.711 A-law, payload type 8.
	PCMA Law = 8
)

// LawOf returns the law of a static RTP payload type; false for any other type.
func LawOf(payloadType uint8) (Law, bool) {
	law := Law(payloadType)
	return law, law == PCMU || law == PCMA
}

// String returns the law's encoding name as it stands in SDP.
func (l Law) String() string {
	if l == PCMA {
		return "PCMA"
	}
	return "PCMU"
}

// Silence returns the byte that decodes to the law's smallest positive value.
func (l Law) Silence() byte {
	if l == PCMA {
		return 0xD5
	}
	return 0xFF
}

// Other returns the opposite law.
func (l Law) Other() Law {
	if l == PCMA {
		return PCMU
	}
	return PCMA
}

// encodeShift drops the sample bits that neither law looks at: µ-law keeps the
// upper 14 bits, A-law the upper 13, so one index serves both and the table is
// 16 KiB, small enough to stay in the first-level cache.
const encodeShift = 2

// Codec converts between linear PCM and one law. It is immutable and may be
// shared by any number of goroutines.
type Codec struct {
	law       Law
	decode    [256]int16
	encode    [1 << (16 - encodeShift)]byte
	transcode [256]byte
}

var (
	ulaw = sync.OnceValue(func() *Codec {
		return build(PCMU, g711.DecodeUlawFrame, g711.EncodeUlawFrame, g711.Ulaw2AlawFrame)
	})
	alaw = sync.OnceValue(func() *Codec {
		return build(PCMA, g711.DecodeAlawFrame, g711.EncodeAlawFrame, g711.Alaw2UlawFrame)
	})
)

// New returns the codec of a law; every call for the same law returns the same
// tables. Anything that is not PCMA is taken for PCMU.
func New(law Law) *Codec {
	if law == PCMA {
		return alaw()
	}
	return ulaw()
}

func build(law Law, decode func(uint8) int16, encode func(int16) uint8, transcode func(uint8) uint8) *Codec {
	c := &Codec{law: law}
	for i := range c.decode {
		c.decode[i] = decode(uint8(i))
		c.transcode[i] = transcode(uint8(i))
	}
	for i := range c.encode {
		c.encode[i] = encode(int16(uint16(i) << encodeShift))
	}
	return c
}

// Law returns the law that the codec speaks.
func (c *Codec) Law() Law { return c.law }

// Decode fills dst with the samples of a payload and returns how many there
// were, at most FrameSamples. The rest of dst becomes silence.
func (c *Codec) Decode(dst *Frame, payload []byte) int {
	n := c.DecodeSamples(dst[:], payload)
	clear(dst[n:])
	return n
}

// Encode writes the frame's FrameSamples bytes into dst, which must hold them.
func (c *Codec) Encode(dst []byte, src *Frame) {
	dst = dst[:FrameSamples]
	for i, s := range src {
		dst[i] = c.encode[uint16(s)>>encodeShift]
	}
}

// DecodeSamples decodes as many samples as both slices have room for and
// returns their number.
func (c *Codec) DecodeSamples(dst []int16, payload []byte) int {
	n := min(len(dst), len(payload))
	dst, payload = dst[:n], payload[:n]
	for i, b := range payload {
		dst[i] = c.decode[b]
	}
	return n
}

// EncodeSamples encodes as many samples as both slices have room for and
// returns their number.
func (c *Codec) EncodeSamples(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, s := range src {
		dst[i] = c.encode[uint16(s)>>encodeShift]
	}
	return n
}

// Transcode turns a payload of the codec's law directly into the other law
// (G.711 tables 3 and 4) and returns the number of bytes written. dst may be src.
func (c *Codec) Transcode(dst, src []byte) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, b := range src {
		dst[i] = c.transcode[b]
	}
	return n
}
