package media

import (
	"math/rand/v2"
	"time"

	"tandem/media/codec"
)

const (
	tickLength = time.Second / codec.FramesPerSecond
	// maxLead is how far a stream's timestamps may run ahead of the clock, in
	// samples: relaying and mixing are out of step by up to a frame.
	maxLead = codec.FrameSamples + codec.FrameSamples/2
	// maxLag is how far behind the clock a stream goes on without a gap.
	maxLag = 8 * codec.FrameSamples
	// settling is the number of packets over which the clock follows a speaker's.
	settling = 256
)

// stream is the RTP that one leg is sent: one SSRC for the leg's life, sequence
// numbers that only a speaker's own losses leave out, timestamps that keep to
// real time whatever the source is.
type stream struct {
	ssrc      uint32
	begun     bool
	seq       uint16        // of the newest packet
	timestamp uint32        // of the newest audio
	span      uint32        // samples in the newest audio
	pressed   bool          // a key was passed on since
	key       uint32        // timestamp of that key press
	zero      time.Duration // clock reading at which anchor is due
	anchor    uint32

	packets, octets uint32 // for RTCP; they may wrap (RFC 3550 section 6.4.1)
}

func newStream() stream {
	return stream{
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32N(1 << 15)),
		timestamp: rand.Uint32(), span: codec.FrameSamples,
	}
}

// due returns the timestamp that belongs to a clock reading.
func (s *stream) due(now time.Duration) uint32 {
	return s.anchor + uint32(int64((now-s.zero)*codec.Rate/time.Second))
}

// next returns the timestamp for audio that follows what was sent. It is the
// next one in sequence unless the stream has been silent for so long that it has
// to catch up with the clock, in whole frames; then jump is true and the packet
// takes the marker. It is false when the stream has sent enough for now.
func (s *stream) next(now time.Duration) (timestamp uint32, jump, ok bool) {
	if !s.begun {
		s.begun, s.zero, s.anchor = true, now, s.timestamp+s.span
		return s.anchor, true, true
	}
	timestamp = s.timestamp + s.span
	lag := int32(maxLag)
	if s.pressed { // what follows is after the key, which took its time
		timestamp, lag = timestamp+uint32(max(0, int32(s.key+codec.FrameSamples-timestamp))), 0
	}
	lead := int32(timestamp - s.due(now))
	if lead > maxLead {
		return 0, false, false
	}
	if lead >= -lag {
		return timestamp, false, true
	}
	return timestamp + uint32(-lead)/codec.FrameSamples*codec.FrameSamples, true, true
}

// press notes a key press that was passed on: all its packets have the timestamp
// of its beginning (RFC 4733), and the next press needs another. One from another
// time is the speaker's fault and holds nothing up.
func (s *stream) press(now time.Duration, timestamp uint32) {
	if lead := int32(timestamp - s.due(now)); lead > -maxDrift && lead <= maxLead {
		s.pressed, s.key = true, timestamp
	}
}

// fill notes what the stream's newest samples are.
func (s *stream) fill(timestamp, span uint32) {
	s.timestamp, s.span, s.pressed = timestamp, span, false
}

// late reports whether the clock has caught up with what was sent. Until then
// the mix leaves the next slot to a speaker whose packets are to be passed on:
// a stream that is always ahead would have no room for them.
func (s *stream) late(now time.Duration) bool { return int32(s.timestamp+s.span-s.due(now)) <= 0 }

// follow lets the clock drift towards the speaker's, so that hours of relaying
// between two crystals end in no jump.
func (s *stream) follow(now time.Duration) {
	lead := int32(s.timestamp - s.due(now))
	s.zero -= time.Duration(lead) * time.Second / codec.Rate / settling
}

// sent accounts for a packet.
func (s *stream) sent(p *packet, audio bool) {
	if int16(p.seq-s.seq) > 0 {
		s.seq = p.seq
	}
	if audio && int32(p.timestamp-s.timestamp) > 0 {
		s.fill(p.timestamp, uint32(len(p.payload)))
	}
	s.packets++
	s.octets += uint32(len(p.payload))
}
