package media

import (
	"time"

	"tandem/media/codec"
)

// maxDrift is how far a speaker's timestamps may part from the clock, in samples,
// before they are taken for another timeline: 5 s.
const maxDrift = 5 * codec.Rate

// relay maps one speaker's packets onto the stream of a listener: both numbers
// are moved by a constant, so losses, order and pauses stay as they were.
type relay struct {
	on        bool
	ssrc      uint32 // the speaker's
	first     uint16 // the speaker's sequence number from which on the map holds
	newest    uint16
	seq       uint16 // added to the speaker's
	timestamp uint32
	said      uint32        // the speaker's newest timestamp of audio
	at        time.Duration // and when it came
}

// forward passes a packet of the leg's only speaker on.
func (l *leg) forward(now time.Duration, p *packet, what content, law codec.Law) {
	r := &l.relay
	kind, ok := uint8(0), l.reachable()
	if ok {
		kind, ok = l.terms.payloadType(what)
	}
	if !ok {
		r.on = r.on && l.reachable()
		return
	}
	if l.keypad.press.Busy() { // the key takes the place of audio, on the tick
		return
	}
	if what == event && !r.on && p.ssrc == r.ssrc && p.timestamp+r.timestamp == l.out.key {
		return // the rest of a key that was cut short is no key of its own
	}
	jump := false
	if !r.on || !r.continues(now, p, what) {
		if jump, ok = l.rebase(now, p); !ok {
			return
		}
	}
	if int16(p.seq-r.first) < 0 {
		return // from before the speaker was heard here
	}
	r.advance(now, p, what)
	payload := p.payload
	if what == voice && law != l.terms.law {
		payload = l.room.host.payload[:codec.New(law).Transcode(l.room.host.payload[:], p.payload)]
	}
	l.send(&packet{
		marker: p.marker || jump, kind: kind,
		seq: p.seq + r.seq, timestamp: p.timestamp + r.timestamp, payload: payload,
	}, what == voice)
	switch what {
	case voice:
		l.out.follow(now)
	case event:
		l.out.press(now, p.timestamp+r.timestamp)
	case noise, unknown:
	}
}

// rebase begins a map at this packet, right after what the listener was sent. It
// is false when the listener has been sent enough for now.
func (l *leg) rebase(now time.Duration, p *packet) (jump, ok bool) {
	timestamp, jump, ok := l.out.next(now)
	if !ok {
		return false, false
	}
	if l.blends {
		l.blends, l.room.stale = false, true // the mix is no longer needed
	}
	l.relay = relay{
		on: true, ssrc: p.ssrc, first: p.seq, newest: p.seq,
		seq: l.out.seq + 1 - p.seq, timestamp: timestamp - p.timestamp,
		said: p.timestamp, at: now,
	}
	return jump, true
}

// continues tells whether a packet belongs to the timeline that is mapped.
func (r *relay) continues(now time.Duration, p *packet, what content) bool {
	if p.ssrc != r.ssrc {
		return false
	}
	if what != voice || int16(p.seq-r.newest) <= 0 {
		return true
	}
	step := int32(p.timestamp - r.said)
	drift := int64(step) - int64((now-r.at)*codec.Rate/time.Second)
	return step >= 0 && max(drift, -drift) < maxDrift
}

func (r *relay) advance(now time.Duration, p *packet, what content) {
	if int16(p.seq-r.newest) < 0 {
		return
	}
	r.newest = p.seq
	if p.seq-r.first > 2*maxMisorder {
		r.first = p.seq - maxMisorder
	}
	if what == voice {
		r.said, r.at = p.timestamp, now
	}
}
