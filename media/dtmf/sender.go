package dtmf

import "fmt"

const (
	// Step is the time between two packets of an event, in samples: 20 ms.
	Step = 160
	// endPackets is how often the end of an event is told (RFC 4733 section 2.5.1.4).
	endPackets = 3
	// volume of what we send: -10 dBm0.
	volume = 10
)

// Packet is one RTP packet's worth of an event. All packets of a key press carry
// the timestamp of its start.
type Packet struct {
	Payload [PayloadSize]byte
	Marker  bool // set on the first packet
	Last    bool // nothing follows
}

// Sender makes the packets of one key press, one per 20 ms tick. The zero value
// is idle.
type Sender struct {
	event Event
	total uint16
	ends  int
	busy  bool
}

// Start begins a key press of the given length in samples at 8000 Hz, which is
// rounded up to whole ticks and kept between 40 ms and the 8 s that the duration
// field can say. It replaces a press that is under way.
func (s *Sender) Start(key byte, samples uint32) error {
	code, ok := Code(key)
	if !ok {
		return fmt.Errorf("dtmf: %q is not a key", key)
	}
	const longest = 0xFFFF / Step * Step
	samples = min(max(samples, 2*Step), longest)
	*s = Sender{
		event: Event{Code: code, Volume: volume},
		total: uint16((samples + Step - 1) / Step * Step),
		busy:  true,
	}
	return nil
}

// Busy tells whether Next has packets left.
func (s *Sender) Busy() bool { return s.busy }

// Next returns the packet of this tick; false when there is none.
func (s *Sender) Next() (Packet, bool) {
	if !s.busy {
		return Packet{}, false
	}
	first := s.event.Duration == 0
	if s.event.Duration < s.total {
		s.event.Duration += Step
	}
	if s.event.Duration == s.total {
		s.event.End = true
		s.ends++
	}
	s.busy = s.ends < endPackets
	return Packet{Payload: s.event.Marshal(), Marker: first, Last: !s.busy}, true
}
