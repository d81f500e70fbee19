package media

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
)

const (
	contactLeg call.LegID = "call-1"
	personLeg  call.LegID = "call-2"
	coachLeg   call.LegID = "call-3"
)

// talk lets ends say something every 20 ms at a phase of their own for a while.
func (d *desk) talk(length, phase time.Duration, ends ...*end) {
	for range int(length / tickLength) {
		d.advance(phase)
		for _, x := range ends {
			x.say(pattern(int(x.seq)))
		}
		d.advance(tickLength - phase)
	}
}

func TestStreamGoesOnThroughMusicConversationAndMix(t *testing.T) {
	for phase := time.Duration(0); phase < tickLength; phase += time.Millisecond {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			d := newDesk(t)
			contact, person, coach := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA), d.leg(coachLeg, codec.PCMA)
			music := clipOf(500, 3)
			contact.leg.play("music", music.Play(true), true)
			d.talk(time.Second, phase, person)
			for range 20 {
				contact.leg.hush()
				d.wire(both(contactLeg, personLeg)...)
				d.talk(400*time.Millisecond, phase, person, coach)
				d.wire(append(both(contactLeg, personLeg), call.Edge{Listener: contactLeg, Speaker: coachLeg})...)
				d.talk(400*time.Millisecond, phase, person, coach)
				contact.leg.play("music", music.Play(true), true)
				d.talk(400*time.Millisecond, phase, person, coach)
			}
			contact.unbroken()
			// 25 s are 1250 frames; out of step by a few, never more with every change.
			if n := len(contact.got); n < 1250-8 || n > 1250+8 {
				t.Errorf("%d packets in 25 s", n)
			}
		})
	}
}

// silenceIn is a frame of silence under a law.
func silenceIn(law codec.Law) []byte {
	payload := make([]byte, codec.FrameSamples)
	codec.New(law).Encode(payload, &codec.Frame{})
	return payload
}

// A stream goes on in silence when nobody is to be heard, as by mute and hold
// from the screen: the peer's watchdog and the NAT on the way live on it.
func TestStreamGoesOnWhileNobodyIsAudible(t *testing.T) {
	for phase := time.Duration(0); phase < tickLength; phase += time.Millisecond {
		t.Run(fmt.Sprint(phase), func(t *testing.T) {
			d := newDesk(t)
			contact, person := d.leg(contactLeg, codec.PCMU), d.leg(personLeg, codec.PCMA)
			silent := func(x *end, n int) {
				t.Helper()
				if got := len(x.got) - n; got < 48 {
					t.Fatalf("%d packets in a second of silence", got)
				}
				for _, p := range x.got[n+2:] { // what was under way before has been heard out
					if p.kind != uint8(x.law) || !bytes.Equal(p.payload, silenceIn(x.law)) {
						t.Fatalf("payload type %d, %x is no silence", p.kind, p.payload[:8])
					}
				}
			}
			for range 5 {
				d.wire(both(contactLeg, personLeg)...)
				d.talk(time.Second, phase, contact, person)
				n := len(contact.got)
				d.wire(call.Edge{Listener: personLeg, Speaker: contactLeg}) // mute
				d.talk(time.Second, phase, contact, person)
				silent(contact, n)
				d.wire() // hold
				n = len(person.got)
				contact.leg.play("music", clipOf(500, 3).Play(true), true)
				d.talk(time.Second, phase, contact, person)
				silent(person, n)
				contact.leg.hush()
			}
			contact.unbroken()
			person.unbroken()
			for _, x := range []*end{contact, person} { // out of step by a few, never more with every change
				if n := len(x.got); n < 750-8 || n > 750+8 {
					t.Errorf("%d packets in 15 s", n)
				}
			}
			person.agree(sdp.RecvOnly)
			n := len(person.got)
			d.talk(time.Second, phase, contact, person)
			if len(person.got) > n {
				t.Error("a peer that holds is sent silence")
			}
		})
	}
}

func TestStreamCatchesUpAfterSilence(t *testing.T) {
	d := newDesk(t)
	contact := d.leg(contactLeg, codec.PCMA)
	contact.leg.play("music", clipOf(500, 10).Play(true), true)
	d.advance(200 * time.Millisecond)
	contact.agree(sdp.RecvOnly)
	d.advance(5 * time.Second)
	contact.agree(sdp.SendRecv)
	d.advance(200 * time.Millisecond)
	if len(contact.got) != 20 {
		t.Fatalf("%d packets of 10 before a hold and 10 after it", len(contact.got))
	}
	a, b := contact.got[9], contact.got[10]
	elapsed := uint32((b.at - a.at) * codec.Rate / time.Second)
	if b.seq != a.seq+1 || b.timestamp-a.timestamp != elapsed || !b.marker {
		t.Errorf("after %d samples of silence: %+v, then %+v", elapsed, a, b)
	}
}

func TestRelayKeepsLossesOrderAndPauses(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	var all []packet
	for i := range 20 {
		all = append(all, person.next(pattern(i)))
	}
	for _, i := range []int{0, 1, 2, 5, 4, 6, 7, 7, 12} { // lost: 3, 8 to 11; swapped: 4 and 5; doubled: 7
		d.advance(tickLength)
		person.send(person.addr, all[i])
	}
	first := contact.got[0]
	for n, i := range []int{0, 1, 2, 5, 4, 6, 7, 7, 12} {
		got, want := contact.got[n], all[i]
		if got.seq-first.seq != uint16(i) || got.timestamp-first.timestamp != uint32(i*160) || !bytes.Equal(got.payload, want.payload) {
			t.Errorf("packet %d came as seq +%d timestamp +%d", i, got.seq-first.seq, got.timestamp-first.timestamp)
		}
	}
}

func TestRelayOutlivesTheSpeakersNewTimeline(t *testing.T) {
	jumps := map[string]func(*end){
		"ssrc":      func(x *end) { x.ssrc, x.seq, x.ts = x.ssrc+1, 17, 99 },
		"timestamp": func(x *end) { x.ts += 1 << 30 },
		"backwards": func(x *end) { x.ts -= 16000 },
	}
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
			d.wire(both(contactLeg, personLeg)...)
			for range 5 {
				d.talk(200*time.Millisecond, 5*time.Millisecond, person)
				jump(person)
			}
			if len(contact.got) != 50 {
				t.Fatalf("%d packets of 50", len(contact.got))
			}
			contact.unbroken()
		})
	}
}

func TestRelayForAnHourOfUnequalClocks(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	for range 50 * 3600 { // the speaker's crystal is slow by 100 ppm: 18 frames in an hour
		d.advance(tickLength + 2*time.Microsecond)
		person.say(pattern(1))
		contact.got = contact.got[max(0, len(contact.got)-50):]
	}
	contact.leg.play("music", clipOf(500, 10).Play(true), true)
	d.advance(time.Second)
	contact.got = contact.got[1:]
	contact.unbroken()
}

func TestRelayTranscodesBetweenLaws(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMU), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	person.say(pattern(3))
	want := make([]byte, codec.FrameSamples)
	codec.New(codec.PCMA).Transcode(want, pattern(3))
	if got := contact.got[0]; got.kind != uint8(codec.PCMU) || !bytes.Equal(got.payload, want) {
		t.Errorf("got payload type %d, %x", got.kind, got.payload)
	}
}

func TestCoachLeavesTheContactsStreamAsItIs(t *testing.T) {
	run := func(coached bool) []sent {
		d := newDesk(t)
		contact, person, coach := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA), d.leg(coachLeg, codec.PCMA)
		roles := []call.Role{call.RoleCoach, call.RoleWhisperer, call.RoleCoach}
		seats := []call.Seat{{Leg: contactLeg, Role: call.RoleContact}, {Leg: personLeg, Role: call.RoleSalesperson}}
		for i := range 9 {
			edges := call.Audience(seats)
			if coached && i%4 != 0 {
				edges = call.Audience(append(seats, call.Seat{Leg: coachLeg, Role: roles[i%3]}))
			}
			d.wire(edges...)
			d.talk(300*time.Millisecond, 7*time.Millisecond, contact, person, coach)
		}
		return contact.got
	}
	plain, coached := run(false), run(true)
	if len(plain) != len(coached) || len(plain) != 9*15 {
		t.Fatalf("%d packets without a coach, %d with one", len(plain), len(coached))
	}
	for i, p := range plain {
		c := coached[i]
		if c.at != p.at || c.marker != p.marker || c.seq-coached[0].seq != p.seq-plain[0].seq ||
			c.timestamp-coached[0].timestamp != p.timestamp-plain[0].timestamp || !bytes.Equal(c.payload, p.payload) {
			t.Fatalf("packet %d differs: %+v, with a coach %+v", i, p, c)
		}
	}
}

func TestStreamIsFilledUntilTheSpeakerBegins(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	contact.leg.play("music", clipOf(500, 3).Play(true), true)
	d.advance(time.Second)
	contact.leg.hush()
	d.wire(both(contactLeg, personLeg)...)
	d.advance(700 * time.Millisecond) // the person's phone takes its time
	d.talk(time.Second, 11*time.Millisecond, person)
	contact.unbroken()
	if n := len(contact.got); n < 134 || n > 136 {
		t.Errorf("%d packets in 2.7 s", n)
	}
}

func TestStreamOfLongPackets(t *testing.T) {
	for _, frames := range []int{2, 3, 6} {
		t.Run(fmt.Sprint(frames*20, "ms"), func(t *testing.T) {
			d := newDesk(t)
			contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
			long := bytes.Repeat(pattern(1), frames)
			for range 10 {
				contact.leg.play("music", clipOf(500, 3).Play(true), true)
				d.advance(300 * time.Millisecond)
				contact.leg.hush()
				d.wire(both(contactLeg, personLeg)...)
				for range 10 {
					d.advance(time.Duration(frames) * tickLength)
					person.say(long)
				}
			}
			for i, p := range contact.got[1:] {
				before := contact.got[i]
				if p.seq != before.seq+1 || p.timestamp != before.timestamp+uint32(len(before.payload)) || p.marker {
					t.Fatalf("at %v: seq %d timestamp %d after seq %d timestamp %d of %d bytes",
						p.at, p.seq, p.timestamp, before.seq, before.timestamp, len(before.payload))
				}
			}
		})
	}
}
