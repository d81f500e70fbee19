package jitter

import "tandem/media/codec"

// Put takes a packet as it arrived. Payloads that are empty or longer than
// 120 ms are discarded.
func (b *Buffer) Put(p *Packet) {
	if p.Kind == Audio && (len(p.Payload) == 0 || len(p.Payload) > maxPayload) {
		b.stats.Discarded++
		return
	}
	v := b.order.accept(p.Seq)
	switch v {
	case duplicate:
		b.stats.Duplicate++
		return
	case odd:
		b.stats.Discarded++
		return
	case restarted:
		b.stats.Restarts++
		b.restart()
		b.delay.restart()
	case newest, reordered:
	}
	if p.Kind == Event {
		return
	}
	if v != reordered {
		b.delay.arrived(p.Arrival, p.Timestamp)
	}
	if p.Kind == Noise {
		b.describeNoise(p)
		return
	}
	if b.locate(p, v != reordered) {
		b.store(p)
	}
}

// locate tells whether a packet's audio has its place on the timeline, which it
// moves where nothing is lost by moving it.
func (b *Buffer) locate(p *Packet, latest bool) bool {
	if !b.anchored {
		b.anchor(p.Timestamp)
		return true
	}
	n := int32(len(p.Payload))
	ahead := int32(p.Timestamp - b.pos)
	dry := latest && b.held() <= 0
	switch {
	case dry && (b.idle || p.Marker) && !b.fits(ahead):
		b.anchor(p.Timestamp)
		return true
	case dry && ahead < 0 && ahead >= -b.delay.max:
		// The buffer ran dry and this is what it waited for: it plays at once, and
		// the delay has grown by what was too late.
		b.stats.Late++
		b.delay.missedTime()
		b.pos = p.Timestamp
		return true
	case ahead+n > ringSamples, latest && ahead < -maxLate:
		return b.strange(p, latest)
	case ahead+n <= 0:
		b.stats.Late++
		if ahead >= -b.delay.max { // more would not have helped
			b.delay.missedTime()
		}
		return false
	}
	b.strayed = false
	return true
}

// fits tells whether a talk spurt that starts so far ahead can keep the timeline.
func (b *Buffer) fits(ahead int32) bool {
	return ahead >= b.delay.target/2 && ahead <= b.delay.target+2*frame
}

// strange handles a timestamp from nowhere near. Alone it is discarded; with a
// marker, or followed by its successor, it is the sender's new timeline.
func (b *Buffer) strange(p *Packet, latest bool) bool {
	step := int32(p.Timestamp - b.stray)
	follows := b.strayed && step > 0 && step <= maxPayload
	if latest && (p.Marker || follows) {
		b.stats.Restarts++
		b.restart()
		b.anchor(p.Timestamp)
		return true
	}
	b.stats.Discarded++
	b.strayed, b.stray = true, p.Timestamp
	return false
}

// anchor starts a timeline at which the given timestamp is played after the
// delay aimed at. What lies before it is silence.
func (b *Buffer) anchor(timestamp uint32) {
	b.anchored, b.strayed = true, false
	b.pos = timestamp - uint32(b.delay.target)
	b.end = b.pos
	b.delay.begin()
}

// store writes the payload into the ring, except what is already too late.
func (b *Buffer) store(p *Packet) {
	payload, at := p.Payload, p.Timestamp
	if late := int32(b.pos - at); late > 0 {
		payload, at = payload[late:], b.pos
	}
	b.packet = int32(len(p.Payload))
	m := ulaw
	if p.Law == codec.PCMA {
		m = alaw
	}
	for len(payload) > 0 {
		i := at & ringMask
		n := copy(b.data[i:], payload)
		fill(b.marks[i:int(i)+n], m)
		payload, at = payload[n:], at+uint32(n)
	}
	if int32(at-b.end) > 0 {
		b.end = at
	}
}

func (b *Buffer) describeNoise(p *Packet) {
	if b.anchored && int32(p.Timestamp-b.end) < 0 {
		return // overtaken by speech
	}
	b.noise.describe(p.Payload, p.Timestamp)
}

func fill(marks []mark, m mark) {
	for i := range marks {
		marks[i] = m
	}
}
