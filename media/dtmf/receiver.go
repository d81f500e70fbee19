package dtmf

// Tolerances of the receiver, in samples at 8000 Hz.
const (
	// sameKey: senders that let the timestamp run on within one event move it by
	// a packet at a time. Two presses of one key cannot start this close: the
	// shortest tone with the shortest pause takes 80 ms.
	sameKey = 480
	// segment: an event longer than the duration field goes on under a new
	// timestamp, that much later (RFC 4733 section 2.5.1.3).
	segment = 0xFFFF
	// restart: a timestamp this far back is a sender that started over, not a
	// packet that came late.
	restart = 5 * 8000
)

// Receiver turns the event packets of one RTP stream into keys. A key is
// reported with the first of its packets that arrives, whichever that is, so
// neither a lost start nor a lost end loses or doubles it. The zero value is
// ready; Reset it when the SSRC changes.
type Receiver struct {
	seen      bool
	timestamp uint32 // of the current event
	event     Event  // as last heard
	earlier   uint32 // samples of segments that came before
}

// Packet takes the next telephone-event packet: its RTP timestamp, marker bit
// and payload. ok is true once per key press. Payloads that are too short and
// codes that are not keys report nothing.
func (r *Receiver) Packet(timestamp uint32, marker bool, payload []byte) (key byte, ok bool) {
	event, err := Parse(payload)
	if err != nil {
		return 0, false
	}
	key, isKey := event.Key()
	if !isKey {
		return 0, false
	}
	if !r.seen {
		return r.begin(timestamp, event, key)
	}
	ahead := int32(timestamp - r.timestamp)
	same := !marker && event.Code == r.event.Code
	switch {
	case ahead == 0:
		r.update(event)
	case ahead < 0 && ahead > -restart:
		// A straggler of an earlier key.
	case same && ahead == segment && !r.event.End:
		r.timestamp, r.earlier, r.event = timestamp, r.earlier+segment, event
	case same && ahead > 0 && ahead < sameKey:
		r.timestamp = timestamp
		r.update(event)
	default:
		return r.begin(timestamp, event, key)
	}
	return 0, false
}

func (r *Receiver) begin(timestamp uint32, event Event, key byte) (byte, bool) {
	*r = Receiver{seen: true, timestamp: timestamp, event: event}
	return key, true
}

// update keeps the longest duration heard; reordered packets bring shorter ones.
// After its end an event does not start again.
func (r *Receiver) update(event Event) {
	r.event.End = r.event.End || event.End
	r.event.Duration = max(r.event.Duration, event.Duration)
}

// Held returns the latest key, how long it has been held so far, in samples at
// 8000 Hz, and whether it has been let go. Before the first key it is zero.
func (r *Receiver) Held() (key byte, samples uint32, ended bool) {
	if !r.seen {
		return 0, 0, false
	}
	key, _ = r.event.Key()
	return key, r.earlier + uint32(r.event.Duration), r.event.End
}

// Reset forgets the stream, as a new SSRC wants.
func (r *Receiver) Reset() { *r = Receiver{} }
