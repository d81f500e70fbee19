package media

import (
	"net/netip"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
)

func TestLatch(t *testing.T) {
	announced := netip.MustParseAddrPort("192.168.1.5:4000")
	nat := netip.MustParseAddrPort("203.0.113.5:61000")
	stranger := netip.MustParseAddrPort("198.51.100.66:1234")
	type step struct {
		at   time.Duration
		from netip.AddrPort
		ssrc uint32
		seq  uint16
		ok   bool
	}
	tests := map[string]struct {
		steps  []step
		target netip.AddrPort
	}{
		"the announced address at once": {[]step{{0, announced, 1, 1, true}}, announced},
		"behind NAT, the third packet": {[]step{
			{0, nat, 1, 1, false}, {1, nat, 1, 2, false}, {2, nat, 1, 3, true}, {3, nat, 1, 4, true},
		}, nat},
		"sequence numbers have to follow": {[]step{
			{0, nat, 1, 1, false}, {1, nat, 1, 2, false}, {2, nat, 1, 4, false}, {3, nat, 1, 9, false},
		}, announced},
		"one SSRC":   {[]step{{0, nat, 1, 1, false}, {1, nat, 1, 2, false}, {2, nat, 2, 3, false}}, announced},
		"one source": {[]step{{0, nat, 1, 1, false}, {1, stranger, 1, 2, false}, {2, nat, 1, 3, false}}, announced},
		"not after the window": {[]step{
			{latchWindow + 1, nat, 1, 1, false}, {latchWindow + 2, nat, 1, 2, false}, {latchWindow + 3, nat, 1, 3, false},
		}, announced},
		"a lock holds against strangers": {[]step{
			{0, announced, 1, 1, true}, {1, stranger, 9, 1, false}, {2, stranger, 9, 2, false}, {3, stranger, 9, 3, false},
			{4, announced, 1, 2, true},
		}, announced},
		"a lock holds against others behind NAT": {[]step{
			{0, nat, 1, 1, false}, {1, nat, 1, 2, false}, {2, nat, 1, 3, true},
			{latchQuiet, stranger, 1, 4, false}, {latchQuiet, stranger, 1, 5, false}, {latchQuiet, stranger, 1, 6, false},
			{latchQuiet, nat, 1, 7, true},
		}, nat},
		"a pause lets nobody in": {[]step{
			{0, announced, 1, 1, true},
			{latchQuiet, stranger, 9, 1, false}, {latchQuiet + 1, stranger, 9, 2, false}, {latchQuiet + 2, stranger, 9, 3, false},
			{latchQuiet + 3, announced, 1, 2, true},
		}, announced},
		"a pause behind NAT lets nobody in": {[]step{
			{0, nat, 1, 1, false}, {1, nat, 1, 2, false}, {2, nat, 1, 3, true},
			{time.Second, stranger, 1, 4, false}, {time.Second, stranger, 1, 5, false}, {time.Second, stranger, 1, 6, false},
		}, nat},
		"who was quicker than the peer gives way": {[]step{
			{0, stranger, 1, 1, false}, {1, stranger, 1, 2, false}, {2, stranger, 1, 3, true},
			{3, announced, 5, 4, true}, {4, stranger, 1, 4, false},
		}, announced},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var l latch
			l.announce(0, announced)
			for i, s := range tc.steps {
				if ok := l.admit(s.at, s.from, &packet{ssrc: s.ssrc, seq: s.seq}); ok != s.ok {
					t.Errorf("packet %d from %v: admitted %v, want %v", i, s.from, ok, s.ok)
				}
			}
			if l.target() != tc.target {
				t.Errorf("we send to %v, want %v", l.target(), tc.target)
			}
		})
	}
}

func TestLatchOpensAgainWithANewAnswer(t *testing.T) {
	first, second := netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.2:4000")
	other := netip.MustParseAddrPort("10.0.0.9:9")
	var l latch
	l.announce(0, first)
	l.admit(0, first, &packet{seq: 1})

	// The same address again: the lock stays while its source is alive.
	l.announce(time.Minute, first)
	l.heard = time.Minute
	for seq := range uint16(5) {
		if l.admit(time.Minute+time.Millisecond, other, &packet{seq: seq}) {
			t.Fatal("a refreshed session let a stranger in")
		}
	}
	// Its source is silent: a phone that came back from elsewhere may prove itself.
	for seq := range uint16(3) {
		if ok := l.admit(time.Minute+latchQuiet, other, &packet{seq: seq}); ok != (seq == 2) {
			t.Fatalf("packet %d admitted: %v", seq, ok)
		}
	}
	// Another address: the old lock is gone.
	l.announce(2*time.Minute, second)
	if l.admit(2*time.Minute, other, &packet{seq: 4}) || l.target() != second {
		t.Fatalf("still locked to %v", l.target())
	}
	if !l.admit(2*time.Minute, second, &packet{seq: 1}) {
		t.Fatal("the new address was not admitted")
	}
}

func TestStrangersChangeNothing(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	stranger := netip.MustParseAddrPort("198.51.100.66:1234")
	tape := &reel{}
	d.room().record(d.w, contactLeg, personLeg, tape)
	for i := range 100 {
		d.advance(tickLength)
		person.say(pattern(i))
		contact.say(pattern(i))
		for n := range 5 {
			person.send(stranger, packet{kind: 8, seq: uint16(5*i + n), ssrc: 666, payload: pattern(999)})
		}
	}
	if len(contact.got) != 100 {
		t.Errorf("the contact was sent %d packets of 100", len(contact.got))
	}
	for _, p := range append(contact.got, person.got...) {
		if p.to == stranger {
			t.Fatal("the stranger was sent something")
		}
	}
	if n := d.w.counters.strangers.Load(); n != 500 {
		t.Errorf("%d strangers counted of 500", n)
	}
	if q := person.leg.in.quality(0); q.Loss != 0 {
		t.Errorf("strangers made a loss of %v", q.Loss)
	}
}

func TestOnlyAgreedPayloadTypesAreTaken(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	for _, kind := range []uint8{0, 9, 13, 18, 96, 127} {
		person.send(person.addr, packet{kind: kind, seq: 1, payload: pattern(1)})
	}
	if len(contact.got) != 0 || d.w.counters.refused.Load() != 6 {
		t.Errorf("%d packets came through, %d counted", len(contact.got), d.w.counters.refused.Load())
	}
}

func TestHold(t *testing.T) {
	tests := []struct {
		direction       sdp.Direction
		heard, speaking bool
	}{
		{sdp.SendRecv, true, true},
		{sdp.SendOnly, true, false}, // the peer only receives
		{sdp.RecvOnly, false, true},
		{sdp.Inactive, false, false},
	}
	for _, tc := range tests {
		t.Run(tc.direction.String(), func(t *testing.T) {
			d := newDesk(t)
			contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
			d.wire(both(contactLeg, personLeg)...)
			d.talk(time.Second, 0, contact, person)
			contact.agree(tc.direction)
			before, beforePerson := len(contact.got), len(person.got)
			d.talk(time.Second, 0, contact, person)
			if got := len(contact.got) > before; got != tc.heard {
				t.Errorf("the holder is sent audio: %v, want %v", got, tc.heard)
			}
			if got := len(person.got) > beforePerson; got != tc.speaking {
				t.Errorf("the holder is heard: %v, want %v", got, tc.speaking)
			}
			contact.agree(sdp.SendRecv)
			d.talk(time.Second, 0, contact, person)
			if last := contact.got[len(contact.got)-1]; last.at < d.now-2*tickLength {
				t.Errorf("nothing after resume: last packet at %v of %v", last.at, d.now)
			}
			for i, p := range contact.got[1:] {
				if p.seq != contact.got[i].seq+1 {
					t.Fatalf("sequence broken by hold: %d after %d", p.seq, contact.got[i].seq)
				}
			}
		})
	}
}

func TestWatchdog(t *testing.T) {
	lost := func(d *desk) (legs []call.LegID) {
		for _, n := range d.told() {
			if n.kind == fellSilent {
				legs = append(legs, n.leg)
			}
		}
		return legs
	}
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.advance(time.Minute)
	if got := lost(d); got != nil {
		t.Fatalf("lost before it was wired: %v", got)
	}
	d.wire(both(contactLeg, personLeg)...)
	d.talk(29*time.Second, 0, contact)
	contact.leg.play("music", clipOf(500, 5).Play(true), true)
	person.agree(sdp.RecvOnly)
	d.advance(time.Minute)
	if got := lost(d); got != nil {
		t.Fatalf("lost on hold, or while music played: %v", got)
	}
	contact.leg.hush()
	person.agree(sdp.SendRecv)
	d.talk(29*time.Second+900*time.Millisecond, 0, contact)
	if got := lost(d); got != nil {
		t.Fatalf("lost too early: %v", got)
	}
	d.talk(time.Minute, 0, contact)
	if got := lost(d); len(got) != 1 || got[0] != personLeg {
		t.Fatalf("lost %v, want %v once", got, personLeg)
	}
}
