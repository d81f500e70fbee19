package media

import (
	"slices"
	"testing"
	"time"

	"tandem/media/codec"
	"tandem/media/dtmf"
)

// TestAudioComesBackAfterKeys: keys from signalling take the place of audio that
// is passed on; it is passed on again right after them, whenever in the tick
// the speaker's packets come.
func TestAudioComesBackAfterKeys(t *testing.T) {
	for phase := time.Duration(0); phase < tickLength; phase += time.Millisecond {
		d := newDesk(t)
		contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
		d.wire(both(contactLeg, personLeg)...)
		talk := func(slots int) {
			for slot := range slots {
				d.advance(phase)
				contact.say(pattern(slot))
				d.advance(tickLength - phase)
			}
		}
		talk(20)
		for range 3 {
			contact.leg.pass('3')
			contact.leg.pass('6')
			talk(40) // two keys of 100 ms with 60 ms between them, and some
			person.got = nil
			talk(20)
			passed := 0
			for slot := range 20 {
				if slices.ContainsFunc(person.got, func(p sent) bool { return slices.Equal(p.payload, pattern(slot)) }) {
					passed++
				}
			}
			if passed < 19 {
				t.Fatalf("phase %v: %d of 20 packets are passed on after the keys", phase, passed)
			}
		}
	}
}

// TestKeyAfterAKeyThatWasPassedOn: a key from signalling right after one that came
// in RTP has a time of its own, or receivers take both for one.
func TestKeyAfterAKeyThatWasPassedOn(t *testing.T) {
	for pause := time.Duration(0); pause < 300*time.Millisecond; pause += 7 * time.Millisecond {
		d := newDesk(t)
		contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
		contact.leg.terms.event = person.leg.terms.event
		d.wire(both(contactLeg, personLeg)...)
		d.talk(time.Second, 4*time.Millisecond, person)
		person.press('1')
		d.advance(pause)
		person.leg.pass('2')
		d.advance(300 * time.Millisecond)
		person.ts += 300 * 8 // its clock went on
		d.talk(time.Second, 4*time.Millisecond, person)
		if got := contact.keysOf(); got != "12" {
			t.Errorf("%v after a key: the contact was told %q, want both", pause, got)
		}
		var last uint32
		for i, p := range contact.got {
			if i > 0 && (p.seq != contact.got[i-1].seq+1 || int32(p.timestamp-last) < 0) {
				t.Fatalf("%v after a key: seq %d timestamp %d after seq %d timestamp %d", pause, p.seq, p.timestamp, contact.got[i-1].seq, last)
			}
			last = p.timestamp
		}
		// The stream keeps to real time: a second and more of keys took their time.
		first := contact.got[0]
		elapsed := int32((d.now - first.at) * codec.Rate / time.Second)
		if off := int32(last-first.timestamp) - elapsed; off < -3*codec.FrameSamples || off > 2*codec.FrameSamples {
			t.Errorf("%v after a key: the stream is %d samples off", pause, off)
		}
	}
}

// TestKeyDuringAKey: a key from signalling cuts short one that is passed on; the
// rest of that is no press of its own.
func TestKeyDuringAKey(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(time.Second, 4*time.Millisecond, person)
	var long dtmf.Sender
	if err := long.Start('1', 8000); err != nil {
		t.Fatal(err)
	}
	for slot := 0; long.Busy(); slot++ {
		if slot == 5 {
			person.leg.pass('2')
		}
		p, _ := long.Next()
		d.advance(tickLength)
		person.send(person.addr, packet{
			marker: p.Marker, kind: person.leg.terms.event, seq: person.seq, timestamp: person.ts, ssrc: person.ssrc, payload: p.Payload[:],
		})
		person.seq++
	}
	person.ts += 8000 + 160
	person.press('3')
	d.talk(time.Second, 4*time.Millisecond, person)
	if got := contact.keysOf(); got != "123" {
		t.Errorf("the contact was told %q", got)
	}
}

// TestKeyFromTheFuture: a speaker whose key has a timestamp far ahead holds up
// nothing that the listener is sent afterwards.
func TestKeyFromTheFuture(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(time.Second, 4*time.Millisecond, person)
	person.ts += 1 << 30
	person.press('1')
	contact.leg.play("music", clipOf(500, 3).Play(true), true)
	n := len(contact.got)
	d.advance(time.Second)
	if got := len(contact.got) - n; got < 49 {
		t.Errorf("%d packets of music in a second", got)
	}
}
