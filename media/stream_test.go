package media

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
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

func TestStreamCatchesUpAfterSilence(t *testing.T) {
	d := newDesk(t)
	contact := d.leg(contactLeg, codec.PCMA)
	contact.leg.play("message", clipOf(500, 10).Play(false), false)
	d.advance(5 * time.Second)
	contact.leg.play("message", clipOf(500, 10).Play(false), false)
	d.advance(5 * time.Second)
	if len(contact.got) != 20 {
		t.Fatalf("%d packets of two messages of 10", len(contact.got))
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
