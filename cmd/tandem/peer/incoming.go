package peer

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/rtp"
)

// maxKeys bounds the digits kept.
const maxKeys = 256

// Steps of the sequence number that loss and reordering can explain (RFC 3550 A.1).
const (
	maxMisorder = 100
	maxDropout  = 3000
)

// incoming is the stream received: measured, decoded and kept. Media.watch guards it.
type incoming struct {
	stats   Stats
	capture []int16 // ring
	total   int     // samples ever received; total % len(capture) is the next place
	last    arrival
	first   bool // nothing received yet
	event   lastEvent
}

// arrival is what the next packet is compared with.
type arrival struct {
	at    time.Time
	seq   uint16
	stamp uint32
	audio bool // stamp is of audio, not of an event
}

type lastEvent struct {
	stamp uint32
	seen  bool
}

func newIncomingStream(capture int) incoming {
	return incoming{
		first:   true,
		capture: make([]int16, max(capture, 0)),
		stats:   Stats{PayloadTypes: make(map[uint8]int)},
	}
}

// readRTP takes packets until the socket is closed.
func (m *Media) readRTP() {
	buf := make([]byte, 2048)
	for {
		n, from, err := m.rtp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			m.receive(buf[:n], from, time.Now())
		}
	}
}

// receive measures and decodes one datagram.
func (m *Media) receive(data []byte, from netip.AddrPort, at time.Time) {
	var p rtp.Packet
	err := p.Unmarshal(data)
	m.watch.Lock()
	defer m.watch.Unlock()
	defer m.watch.ring()
	in := &m.in
	if err != nil || p.Version != 2 {
		in.stats.Malformed++
		return
	}
	event := m.events[p.PayloadType]
	in.measure(&p.Header, len(p.Payload), from, at, !event)
	switch decode := decoders(p.PayloadType); {
	case event:
		in.takeEvent(&p)
	case decode != nil:
		in.keep(p.Payload, decode)
	default:
		in.stats.UnknownPayload++
	}
}

// keep decodes into the ring.
func (in *incoming) keep(payload []byte, decode func(uint8) int16) {
	for _, b := range payload {
		if len(in.capture) > 0 {
			in.capture[in.total%len(in.capture)] = decode(b)
		}
		in.total++
	}
}

// takeEvent counts a digit once, at its first packet, told from its repetitions by the timestamp (RFC 4733 2.5.1.3).
func (in *incoming) takeEvent(p *rtp.Packet) {
	if len(p.Payload) < 4 || int(p.Payload[0]) >= len(eventDigits) {
		in.stats.Malformed++
		return
	}
	const end = 0x80
	if p.Payload[1]&end != 0 {
		in.stats.EventEnds++
		in.stats.LastEventDuration = binary.BigEndian.Uint16(p.Payload[2:])
	}
	if in.event.seen && in.event.stamp == p.Timestamp {
		return
	}
	in.event = lastEvent{stamp: p.Timestamp, seen: true}
	if len(in.stats.Digits) < maxKeys {
		in.stats.Digits += string(eventDigits[p.Payload[0]])
	}
}

// measure compares a packet with the one before it.
func (in *incoming) measure(h *rtp.Header, size int, from netip.AddrPort, at time.Time, audio bool) {
	s := &in.stats
	s.Packets++
	s.Bytes += size
	s.PayloadTypes[h.PayloadType]++
	if h.Marker {
		s.Markers++
	}
	if !slices.Contains(s.Sources, from) && len(s.Sources) < 16 {
		s.Sources = append(s.Sources, from)
	}
	now := arrival{at: at, seq: h.SequenceNumber, stamp: h.Timestamp, audio: audio}
	if in.first || h.SSRC != s.SSRCs[len(s.SSRCs)-1] {
		in.first = false
		if len(s.SSRCs) < 64 {
			s.SSRCs = append(s.SSRCs, h.SSRC)
		} else {
			s.SSRCs[len(s.SSRCs)-1] = h.SSRC
		}
		in.last = now
		return
	}
	if in.compare(now) {
		in.last = now
	}
}

// compare counts what is odd between the last packet and this one of the same SSRC; false for one that came late.
func (in *incoming) compare(now arrival) bool {
	s, last := &in.stats, in.last
	step := int16(now.seq - last.seq)
	s.MaxGap = max(s.MaxGap, now.at.Sub(last.at))
	switch {
	case step == 0:
		s.Duplicates++
		return false
	case step < -maxMisorder || step > maxDropout:
		s.SequenceJumps++ // the sender starts anew
	case step < 0:
		s.Reordered++
		s.Lost = max(s.Lost-1, 0) // it had been counted as lost
		return false
	case step > 1:
		s.SequenceJumps++
		s.Lost += int(step) - 1
	}
	if now.audio && last.audio {
		if now.stamp-last.stamp != uint32(step)*frameSamples {
			s.TimestampJumps++
		}
		d := now.at.Sub(last.at).Seconds()*sampleRate - float64(int32(now.stamp-last.stamp))
		s.jitter += (max(d, -d) - s.jitter) / 16 // RFC 3550 6.4.1
	}
	return true
}
