// Package jitter owns the playout of one G.711 RTP stream: packets go in as they
// arrive, in any order, and every 20 ms exactly one frame comes out. It reorders,
// drops duplicates, bridges losses, adapts its delay to the network and follows
// the sender's clock.
//
// Packets are kept by RTP timestamp, so the output is a timeline: what was lost
// or never said takes its true length. A recorder that takes one frame per tick
// from a Buffer for each party therefore keeps the parties aligned; it sets
// Options.Plain, so that a loss is silence rather than invented sound.
package jitter

import (
	"fmt"
	"time"

	"tandem/media/codec"
)

const (
	frame = codec.FrameSamples
	// ringSamples is how much audio a Buffer can hold: 512 ms. A power of two, so
	// that a timestamp finds its place by masking, wrap-around included.
	ringSamples = 4096
	ringMask    = ringSamples - 1
	// maxPayload is the longest packet taken, 120 ms.
	maxPayload = 960
	// maxLate is how far behind a timestamp may be and still be late rather than
	// from another timeline: 1 s.
	maxLate = codec.Rate
)

// Kind says what a packet carries.
type Kind uint8

const (
	// Audio is G.711.
	Audio Kind = iota
	// Noise is a comfort noise description (RFC 3389), payload type 13.
	Noise
	// Event is anything without audio, such as a telephone event: it takes a
	// sequence number and nothing else.
	Event
)

// Packet is one RTP packet as far as playout is concerned.
type Packet struct {
	Seq       uint16
	Timestamp uint32 // in samples at 8000 Hz
	Marker    bool
	Kind      Kind
	Law       codec.Law     // of an Audio payload
	Payload   []byte        // read during Put only
	Arrival   time.Duration // on any steady clock
}

// State says what a frame holds.
type State uint8

const (
	// Silence says that nothing was received, or nothing for longer than is bridged. The frame is zero.
	Silence State = iota
	// Voice says that every sample was received, or the beginning or end of what was.
	Voice
	// Concealed says that part of the frame, or all, bridges a loss.
	Concealed
	// ComfortNoise is noise as the sender described it.
	ComfortNoise
)

// Options of a Buffer.
type Options struct {
	Min, Max time.Duration // bounds of the delay; 20 ms and 200 ms when zero
	Plain    bool          // gaps are silence: no concealment, no comfort noise
}

// Stats counts since the Buffer was made; Reset does not clear them.
type Stats struct {
	Received    uint64        // packets, without duplicates
	Lost        uint64        // that never arrived, by sequence number
	Late        uint64        // that arrived after their time
	Duplicate   uint64        // that had arrived before
	Discarded   uint64        // of impossible size, sequence number or timestamp
	Concealed   uint64        // frames, in whole or part
	Slipped     uint64        // frames left out or repeated to follow clock and delay
	Restarts    uint64        // of the sender's timeline
	Jitter      time.Duration // interarrival jitter (RFC 3550 section 6.4.1)
	Delay       time.Duration // aimed at
	HighestSeq  uint32        // with the count of wraps above the 16 bits
	JitterTicks uint32        // Jitter in units of 1/8000 s, as RTCP reports it
}

// Buffer plays out one RTP stream. It has no lock: its owner is one goroutine.
// Neither Put nor Get allocates.
type Buffer struct {
	data  [ringSamples]byte // payload bytes by timestamp
	marks [ringSamples]mark // what stands in data

	anchored bool
	idle     bool   // the last frame held neither voice nor concealment
	pos      uint32 // timestamp of the next sample to play
	end      uint32 // timestamp after the newest sample held

	order    order
	delay    delay
	conceal  concealer
	noise    noise
	strayed  bool // stray holds a timestamp from another timeline
	stray    uint32
	packet   int32 // samples in the sender's packets
	plain    bool
	previous codec.Frame
	stats    Stats
}

// mark says whether a place in the ring holds a sample, and in which law.
type mark uint8

const (
	missing mark = iota
	ulaw
	alaw
)

// New returns an empty Buffer.
func New(o Options) (*Buffer, error) {
	if o.Min == 0 {
		o.Min = 20 * time.Millisecond
	}
	if o.Max == 0 {
		o.Max = max(o.Min, 200*time.Millisecond)
	}
	if o.Min < 0 || o.Max < o.Min || o.Max > 300*time.Millisecond {
		return nil, fmt.Errorf("jitter: delay from %v to %v: want 0 <= min <= max <= 300ms", o.Min, o.Max)
	}
	b := &Buffer{plain: o.Plain}
	b.delay.init(samples(o.Min), samples(o.Max))
	b.restart()
	return b, nil
}

func samples(d time.Duration) int32 { return int32(d * codec.Rate / time.Second) }

// Reset forgets the stream, as a new SSRC or a new answer wants. Counters and
// what was learnt about the network stay.
func (b *Buffer) Reset() {
	b.restart()
	b.order.restart()
	b.delay.restart()
}

// restart drops everything held; the next packet begins a timeline of its own.
func (b *Buffer) restart() {
	b.marks = [ringSamples]mark{}
	b.anchored, b.strayed, b.idle = false, false, true
	b.conceal.reset()
	b.noise.active = false
	b.previous = codec.Frame{}
}

// Stats returns the counters so far.
func (b *Buffer) Stats() Stats {
	s := b.stats
	s.Received, s.Lost, s.HighestSeq = b.order.received, b.order.lost(), b.order.highest
	s.JitterTicks = b.delay.jitterTicks()
	s.Jitter = time.Duration(s.JitterTicks) * time.Second / codec.Rate
	s.Delay = time.Duration(b.delay.target) * time.Second / codec.Rate
	return s
}

// Buffered returns how much audio is held ahead of the next frame, in samples.
func (b *Buffer) Buffered() int { return int(max(b.held(), 0)) }

// held is the distance from the next sample to play to the newest one.
func (b *Buffer) held() int32 {
	if !b.anchored {
		return 0
	}
	return int32(b.end - b.pos)
}
