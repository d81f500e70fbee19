package media

import (
	"net/netip"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/jitter"
	"tandem/media/mix"
	"tandem/media/tone"
)

// mode is where the audio that a leg is sent comes from.
type mode uint8

const (
	quiet    mode = iota // nowhere: a stream that has begun goes on in silence
	playing              // a sound
	mixing               // the tick's mix
	relaying             // one speaker's packets
)

// leg is one side of a call as its worker sees it.
type leg struct {
	id      call.LegID
	opened  *Settings // in force when it was
	room    *room
	seat    int // in the room's mixer, noSeat when not wired
	rtp     Socket
	rtcp    Socket
	terms   *terms // nil before there is an answer
	latch   latch
	in      reception
	out     stream
	reports reports
	keys    dtmf.Receiver
	private bool // its keys are for the call alone

	mode    mode
	speaker *leg // of a relay
	relay   relay
	blends  bool           // a mix goes on until the relay's first packet; else there is silence
	voice   *jitter.Buffer // feeds the mix; nil when that wants nothing
	tape    *jitter.Buffer // feeds the recording, its gaps are silence; nil when there is none
	hearers [mix.Seats]*leg
	hearing int // how many hearers take packets on arrival

	sound  tone.Source // nil when none is played
	title  call.Sound
	loop   bool
	keypad keypad // keys for a listener of a mix

	watched bool // a peer that has to send
	since   time.Duration
	heard   time.Duration
	lost    bool // told already
}

// receive takes a datagram from the RTP socket.
func (l *leg) receive(now time.Duration, from netip.AddrPort, b []byte) {
	if isRTCP(b) {
		l.receiveReport(now, from, b)
		return
	}
	b, ok := l.unprotect(b)
	if !ok {
		return
	}
	c := &l.room.host.counters
	p, ok := parsePacket(b)
	if !ok || l.terms == nil {
		c.malformed.Add(1)
		return
	}
	what := l.terms.contents[p.kind]
	if what == unknown || !l.terms.receives {
		c.refused.Add(1)
		return
	}
	if !l.latch.admit(now, from, &p) {
		c.strangers.Add(1)
		return
	}
	began, ok := l.in.arrived(now, &p, what == voice)
	if !ok {
		c.refused.Add(1)
		return
	}
	c.received.Add(1)
	l.heard = now
	if began {
		l.restart()
	}
	if what == event {
		l.key(&p)
	}
	law := l.terms.laws[p.kind]
	for _, hearer := range l.hearers[:l.hearing] {
		hearer.forward(now, &p, what, law)
	}
	l.keep(now, &p, what, law)
}

// restart forgets what was known of the peer's stream: a new one began.
func (l *leg) restart() {
	l.keys.Reset()
	if l.voice != nil {
		l.voice.Reset()
	}
	if l.tape != nil {
		l.tape.Reset()
	}
	for _, hearer := range l.hearers[:l.hearing] {
		hearer.relay.on = false
	}
}

// keep puts the packet into the buffers that somebody takes from.
func (l *leg) keep(now time.Duration, p *packet, what content, law codec.Law) {
	if l.voice == nil && l.tape == nil {
		return
	}
	kind := jitter.Audio
	switch what {
	case noise:
		kind = jitter.Noise
	case event:
		kind = jitter.Event
	case voice, unknown:
	}
	in := jitter.Packet{
		Seq: p.seq, Timestamp: p.timestamp, Marker: p.marker,
		Kind: kind, Law: law, Payload: p.payload, Arrival: now,
	}
	if l.voice != nil {
		l.voice.Put(&in)
	}
	if l.tape != nil {
		l.tape.Put(&in)
	}
}

// key tells the call of a key press, and those who hear the leg in a mix.
func (l *leg) key(p *packet) {
	key, ok := l.keys.Packet(p.timestamp, p.marker, p.payload)
	if !ok {
		return
	}
	if key != dtmf.Flash {
		l.room.host.tell(notice{kind: pressed, leg: l.id, key: key})
	}
	if l.private {
		return
	}
	for _, listener := range l.room.legs {
		if listener.mode == mixing && l.room.edges.Hears(listener.seat, l.seat) {
			listener.dial(key)
		}
	}
}

// pass tells everybody who hears the leg a key that it sent outside RTP.
func (l *leg) pass(key byte) {
	for _, listener := range l.room.legs {
		if l.room.edges.Hears(listener.seat, l.seat) {
			listener.dial(key)
		}
	}
}

// dial begins to tell the peer a key, if it takes telephone events.
func (l *leg) dial(key byte) {
	if l.terms == nil {
		return
	}
	if _, ok := l.terms.payloadType(event); ok {
		l.keypad.add(key)
	}
}

// reachable tells whether there is somewhere to send to, and leave to.
func (l *leg) reachable() bool {
	return l.terms != nil && l.terms.sends && l.latch.target().IsValid()
}

// tick sends what the leg hears in these 20 ms; mixed is what its mix is.
func (l *leg) tick(now time.Duration, mixed *codec.Frame) {
	if l.mode != playing && l.keypad.busy(now) {
		l.sendPress(now)
		return
	}
	switch l.mode {
	case playing:
		l.playOn(now)
	case mixing:
		l.speak(now, mixed)
	case relaying:
		if !l.relay.on && l.out.begun && l.out.late(now) {
			l.speak(now, mixed)
		}
	case quiet: // watchdogs and NAT bindings on the way to the peer live on it
		if l.out.begun {
			l.speak(now, &l.room.host.silence)
		}
	}
}

// playOn sends the next frame of the sound. Before the peer's address is known
// the sound waits; while the peer holds, it goes on unheard.
func (l *leg) playOn(now time.Duration) {
	if l.terms == nil {
		return
	}
	frame := &l.room.host.played
	if l.sound.Next(frame) {
		l.speak(now, frame)
		return
	}
	l.hush()
	if !l.loop {
		l.room.host.tell(notice{kind: played, leg: l.id, sound: l.title})
	}
	l.room.route(now)
	l.tick(now, &l.room.host.silence) // this slot belongs to what comes after the sound
}

// speak sends a frame of audio.
func (l *leg) speak(now time.Duration, frame *codec.Frame) {
	if !l.reachable() {
		return
	}
	timestamp, jump, ok := l.out.next(now)
	if !ok {
		return
	}
	payload := l.room.host.payload[:codec.FrameSamples]
	codec.New(l.terms.law).Encode(payload, frame)
	l.send(&packet{marker: jump, kind: l.terms.audio, seq: l.out.seq + 1, timestamp: timestamp, payload: payload}, true)
}

// sendPress sends the next packet of a key press, in the place of audio.
func (l *leg) sendPress(now time.Duration) {
	if !l.reachable() {
		l.keypad = keypad{}
		return
	}
	l.relay.on = false // its numbers are taken
	timestamp, _, ok := l.out.next(now)
	if !ok {
		return
	}
	k := &l.keypad
	next, _ := k.press.Next()
	if next.Marker {
		k.began = timestamp
	}
	if next.Last {
		k.rested = now + keyPause
	}
	l.send(&packet{
		marker: next.Marker, kind: l.terms.event, seq: l.out.seq + 1,
		timestamp: k.began, payload: next.Payload[:],
	}, false)
	l.out.fill(timestamp, dtmf.Step)
}

// send writes a packet under the leg's own SSRC.
func (l *leg) send(p *packet, audio bool) {
	p.ssrc = l.out.ssrc
	h := l.room.host
	b, ok := l.protect(p.write(h.datagram[:]))
	if !ok {
		h.counters.unsent.Add(1)
		return
	}
	l.out.sent(p, audio)
	if err := l.rtp.Send(l.latch.target(), b); err != nil {
		h.counters.unsent.Add(1)
		return
	}
	h.counters.sent.Add(1)
}

// agree takes the outcome of a negotiation.
func (l *leg) agree(now time.Duration, t *terms) {
	if l.terms != nil && t.remote != l.terms.remote {
		l.restart()
	}
	t.srtp.rekey(l.terms)
	l.terms = t
	l.latch.announce(now, t.remote)
	l.since = now
	l.room.stale = true
}

// watch tells once that a peer who has to send does not.
func (l *leg) watch(now, timeout time.Duration) {
	if !l.watched || l.lost || now-max(l.heard, l.since) < timeout {
		return
	}
	l.lost = true
	l.room.host.tell(notice{kind: fellSilent, leg: l.id})
}
