package media

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/mix"
	"tandem/media/tone"
)

// TestEverybodyHearsExactlyWhomTheyAreWiredTo wires at random and finds in what
// each leg is sent the tones of its speakers and no others.
func TestEverybodyHearsExactlyWhomTheyAreWiredTo(t *testing.T) {
	const legs = 5
	hz := [legs]float64{450, 850, 1250, 1650, 2050}
	random := rand.New(rand.NewPCG(3, 4))
	d := newDesk(t)
	var ends [legs]*end
	var sources [legs]tone.Source
	for i := range legs {
		ends[i] = d.leg(call.ID("call").Leg(i+1), []codec.Law{codec.PCMA, codec.PCMU}[i%2])
		sources[i] = tone.Sine(hz[i], -20)
	}
	for round := range 60 {
		var edges []call.Edge
		var hears [legs][legs]bool
		for l := range legs {
			for s := range legs {
				if l != s && random.IntN(3) == 0 {
					hears[l][s] = true
					edges = append(edges, call.Edge{Listener: ends[l].leg.id, Speaker: ends[s].leg.id})
				}
			}
		}
		d.wire(edges...)
		for i := range 40 {
			if i == 20 { // what was under way before has been heard out
				for _, x := range ends {
					x.got = nil
				}
			}
			d.advance(tickLength)
			for s, x := range ends {
				var f codec.Frame
				sources[s].Next(&f)
				x.frame(&f)
			}
		}
		for l, x := range ends {
			var samples []int16
			for _, p := range x.got {
				var f codec.Frame
				codec.New(x.law).Decode(&f, p.payload)
				samples = append(samples, f[:]...)
			}
			for s := range legs {
				if got := tone.Power(samples, hz[s]) > -35; got != hears[l][s] {
					t.Fatalf("round %d: leg %d hears leg %d: %v at %.1f dBFS, wired %v",
						round, l, s, got, tone.Power(samples, hz[s]), hears[l])
				}
			}
		}
	}
}

func TestUnwiredAndUnheardLegsAreSentNothing(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.talk(time.Second, 0, contact, person)
	d.wire(both(contactLeg, personLeg)...)
	d.advance(time.Second)
	if len(contact.got)+len(person.got) != 0 {
		t.Errorf("%d and %d packets out of nothing", len(contact.got), len(person.got))
	}
	d.wire()
	d.talk(time.Second, 0, contact, person)
	if len(contact.got)+len(person.got) != 0 {
		t.Errorf("%d and %d packets of a stream that never began", len(contact.got), len(person.got))
	}
}

func TestEdgesWaitForTheirLegs(t *testing.T) {
	d := newDesk(t)
	contact := d.leg(contactLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	person := d.leg(personLeg, codec.PCMA)
	d.talk(200*time.Millisecond, 0, person)
	if len(contact.got) != 10 {
		t.Errorf("%d packets of 10 of a leg that came after its wiring", len(contact.got))
	}
	d.w.detach(d.now, person.leg)
	d.talk(200*time.Millisecond, 0, contact)
	d.w.detach(d.now, contact.leg)
	if len(d.w.rooms) != 0 {
		t.Error("the room outlived its legs")
	}
}

func TestRoomOfMoreLegsThanSeats(t *testing.T) {
	d := newDesk(t)
	var edges []call.Edge
	var ends []*end
	for i := range mix.Seats + 3 {
		ends = append(ends, d.leg(call.ID("call").Leg(i+1), codec.PCMA))
		if i > 0 {
			edges = append(edges, call.Edge{Listener: ends[i].leg.id, Speaker: ends[0].leg.id})
		}
	}
	d.wire(edges...)
	d.talk(200*time.Millisecond, 0, ends...)
	heard := 0
	for _, x := range ends[1:] {
		if len(x.got) == 10 {
			heard++
		}
	}
	if heard != mix.Seats-1 {
		t.Errorf("%d listeners hear, want %d", heard, mix.Seats-1)
	}
	d.wire(both(ends[9].leg.id, ends[10].leg.id)...) // the seats are free again
	ends[9].got = nil
	d.talk(200*time.Millisecond, 0, ends...)
	if len(ends[9].got) != 10 {
		t.Errorf("%d packets of 10 after the others left", len(ends[9].got))
	}
}

func TestSoundWinsUntilHushed(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(200*time.Millisecond, 3*time.Millisecond, contact, person)
	contact.leg.play("music", clipOf(700, 7).Play(true), true)
	d.talk(200*time.Millisecond, 3*time.Millisecond, contact, person)
	contact.got = contact.got[12:]
	var f codec.Frame
	for i, p := range contact.got {
		if codec.New(codec.PCMA).Decode(&f, p.payload); tone.Power(f[:], 700) < -12 {
			t.Fatalf("packet %d while the sound plays is not the sound", i)
		}
	}
	contact.leg.hush()
	contact.got = nil
	d.talk(200*time.Millisecond, 3*time.Millisecond, contact, person)
	for i, p := range contact.got[1:] {
		if n := binary.BigEndian.Uint32(p.payload); !bytes.Equal(p.payload, pattern(int(n))) {
			t.Fatalf("packet %d after the hush is not what the other side says", i)
		}
	}
	if len(person.got) != 30 {
		t.Errorf("the other side was sent %d packets of 30", len(person.got))
	}
}

func TestSoundEndsOnceAndPlaysFromItsBeginning(t *testing.T) {
	d := newDesk(t)
	contact := d.leg(contactLeg, codec.PCMA)
	clip := clipOf(700, 5)
	for range 2 {
		contact.got = nil
		contact.leg.play("message", clip.Play(false), false)
		d.advance(time.Second)
		var payload [codec.FrameSamples]byte
		codec.New(codec.PCMA).EncodeSamples(payload[:], clip)
		if contact.heardOut() != 5 || string(contact.got[0].payload) != string(payload[:]) {
			t.Fatalf("%d packets of 5, or not from the beginning", contact.heardOut())
		}
		if got := d.told(); len(got) != 1 || got[0].kind != played || got[0].sound != "message" {
			t.Fatalf("told %+v", got)
		}
	}
	contact.leg.play("music", clip.Play(true), true)
	d.advance(time.Second)
	contact.leg.hush()
	d.advance(time.Second)
	if got := d.told(); got != nil {
		t.Fatalf("told %+v of a loop", got)
	}
}

// heardOut counts the packets of a sound before the silence that follows it.
func (x *end) heardOut() int {
	n := slices.IndexFunc(x.got, func(p sent) bool { return bytes.Equal(p.payload, silenceIn(x.law)) })
	if n < 0 {
		return len(x.got)
	}
	return n
}

// press sends a key press of 100 ms as a phone does.
func (x *end) press(key byte) {
	var s dtmf.Sender
	if err := s.Start(key, 800); err != nil {
		x.desk.t.Fatal(err)
	}
	at := x.ts
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		x.desk.advance(tickLength)
		x.send(x.addr, packet{
			marker: p.Marker, kind: x.leg.terms.event, seq: x.seq, timestamp: at, ssrc: x.ssrc, payload: p.Payload[:],
		})
		x.seq++
	}
	x.ts += 160 * 7
}

// keysOf reads the keys that an end was sent.
func (x *end) keysOf() (keys string) {
	var r dtmf.Receiver
	for _, p := range x.got {
		if p.kind == x.leg.terms.event {
			if key, ok := r.Packet(p.timestamp, p.marker, p.payload); ok {
				keys += string(key)
			}
		}
	}
	return keys
}

func TestKeys(t *testing.T) {
	for name, barged := range map[string]bool{"relayed": false, "in a mix": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			contact, person, coach := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU), d.leg(coachLeg, codec.PCMA)
			contact.leg.terms.event = 96
			edges := both(contactLeg, personLeg)
			if barged {
				edges = append(edges, call.Edge{Listener: contactLeg, Speaker: coachLeg})
			}
			d.wire(edges...)
			d.talk(time.Second, 2*time.Millisecond, person, coach)
			for _, key := range []byte("15*#") {
				person.press(key)
				d.talk(300*time.Millisecond, 2*time.Millisecond, person, coach)
			}
			coach.press('7')
			d.talk(300*time.Millisecond, 2*time.Millisecond, person, coach)
			want := "15*#"
			if barged {
				want += "7"
			}
			if got := contact.keysOf(); got != want {
				t.Errorf("the contact was told %q, want %q", got, want)
			}
			var told string
			for _, n := range d.told() {
				if n.kind == pressed {
					told += string(n.leg[len(n.leg)-1]) + string(n.key) + " "
				}
			}
			if told != "21 25 2* 2# 37 " {
				t.Errorf("the call was told %q", told)
			}
			for i, p := range contact.got[1:] {
				if before := contact.got[i]; p.seq != before.seq+1 {
					t.Fatalf("sequence broken: %+v after %+v", p, before)
				}
			}
		})
	}
}

// Keys that come faster than they can be told are told one after another.
func TestKeysFromSignallingWaitForEachOther(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(time.Second, 4*time.Millisecond, person)
	for _, key := range []byte("*11") {
		person.leg.pass(key)
	}
	d.talk(2*time.Second, 4*time.Millisecond, person)
	if got := contact.keysOf(); got != "*11" {
		t.Errorf("the contact was told %q", got)
	}
	for range 3 * maxKeys {
		person.leg.pass('5')
	}
	d.talk(8*time.Second, 4*time.Millisecond, person)
	if got := contact.keysOf(); got != "*11"+strings.Repeat("5", maxKeys) {
		t.Errorf("the contact was told %q", got)
	}
	if last := contact.got[len(contact.got)-1]; last.kind != contact.leg.terms.audio {
		t.Errorf("after the keys comes %+v", last)
	}
}

func TestKeyFromSignallingTakesThePlaceOfAudio(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(time.Second, 4*time.Millisecond, person)
	person.leg.pass('9')
	d.talk(time.Second, 4*time.Millisecond, person)
	if got := contact.keysOf(); got != "9" || person.keysOf() != "" {
		t.Errorf("the contact was told %q, the presser %q", got, person.keysOf())
	}
	for i, p := range contact.got[1:] {
		if before := contact.got[i]; p.seq != before.seq+1 || p.marker && p.kind == contact.leg.terms.audio {
			t.Fatalf("stream broken: %+v after %+v", p, before)
		}
	}
	if last := contact.got[len(contact.got)-1]; last.kind != contact.leg.terms.audio || !bytes.Equal(last.payload, pattern(int(person.seq)-1)) {
		t.Errorf("after the key comes %+v", last)
	}
}
