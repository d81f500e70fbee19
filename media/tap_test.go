package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media/codec"
	"tandem/media/sdp"
	"tandem/media/tone"
)

// reel is a tape in memory.
type reel struct {
	contact, person []int16
	pushes, skips   int
	full            bool
}

func (r *reel) Push(contact, person *[160]int16) bool {
	r.pushes++
	r.contact = append(r.contact, contact[:]...)
	r.person = append(r.person, person[:]...)
	return !r.full
}

func (r *reel) Skip(frames int) {
	r.skips += frames
	r.contact = append(r.contact, make([]int16, frames*codec.FrameSamples)...)
	r.person = append(r.person, make([]int16, frames*codec.FrameSamples)...)
}

// level returns the level of a second of samples at a frequency.
func level(samples []int16, second int, hz float64) float64 {
	return tone.Power(samples[second*codec.Rate:(second+1)*codec.Rate], hz)
}

func TestTapKeepsSidesApartAndTime(t *testing.T) {
	d := newDesk(t)
	contact, person, coach := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU), d.leg(coachLeg, codec.PCMA)
	d.wire(append(both(contactLeg, personLeg), both(coachLeg, personLeg)...)...)
	tape := &reel{}
	d.room().record(d.w, contactLeg, personLeg, tape)
	sources := []tone.Source{tone.Sine(500, -10), tone.Sine(1100, -10), tone.Sine(1900, -10)}
	second := func(ends ...*end) {
		for range 50 {
			d.advance(tickLength)
			for i, x := range []*end{contact, person, coach} {
				var f codec.Frame
				sources[i].Next(&f)
				if slices.Contains(ends, x) {
					x.frame(&f)
				} else { // lost on the way
					x.seq, x.ts = x.seq+1, x.ts+codec.FrameSamples
				}
			}
		}
	}
	second(contact, person, coach) // 0: all speak
	second(contact, coach)         // 1: the person's packets are lost
	contact.agree(sdp.RecvOnly)
	contact.agree(sdp.Inactive) // 2: the contact holds
	second(contact, person, coach)
	contact.agree(sdp.SendRecv)
	contact.leg.play("music", clipOf(2500, 50).Play(true), true) // 3: the contact hears music, and is recorded
	second(contact, person, coach)
	second(contact, person, coach) // 4
	d.untape()

	if tape.pushes != 250 || tape.skips != 0 {
		t.Fatalf("%d frames pushed and %d skipped in 5 s", tape.pushes, tape.skips)
	}
	for s, want := range []struct{ contact, person bool }{{true, true}, {true, false}, {false, true}, {true, true}, {true, true}} {
		for hz, audible := range map[float64]bool{500: want.contact, 1100: false, 1900: false, 2500: false} {
			check(t, "contact", s, hz, level(tape.contact, s, hz), audible)
		}
		for hz, audible := range map[float64]bool{500: false, 1100: want.person, 1900: false, 2500: false} {
			check(t, "person", s, hz, level(tape.person, s, hz), audible)
		}
	}
}

func check(t *testing.T, side string, second int, hz, dBFS float64, audible bool) {
	t.Helper()
	if audible && dBFS < -16 || !audible && dBFS > -26 {
		t.Errorf("second %d of the %s: %v Hz at %.1f dBFS, audible should be %v", second, side, hz, dBFS, audible)
	}
}

// TestTapIsAlignedToTheSample has both sides click in the same instant. One
// side's network is bad: its packets come in bursts, out of order.
func TestTapIsAlignedToTheSample(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU)
	d.wire(both(contactLeg, personLeg)...)
	tape := &reel{}
	d.room().record(d.w, contactLeg, personLeg, tape)
	const clicks, apart = 20, 100 // frames
	var held []packet
	for i := range clicks * apart {
		d.advance(tickLength / 2)
		var f codec.Frame
		for n := range f {
			f[n] = int16(300 - 600*(n%2)) // never quiet enough to be shortened
		}
		if i%apart == apart/2 {
			f[80] = 20000
		}
		var payload [codec.FrameSamples]byte
		codec.New(codec.PCMA).Encode(payload[:], &f)
		held = append(held, contact.next(slices.Clone(payload[:])))
		if i%4 == 3 {
			slices.Reverse(held)
			for _, p := range held {
				contact.send(contact.addr, p)
			}
			held = nil
		}
		person.frame(&f)
		d.advance(tickLength / 2)
	}
	a, b := clicksIn(tape.contact), clicksIn(tape.person)
	if len(a) != clicks || len(b) != clicks {
		t.Fatalf("%d and %d clicks of %d", len(a), len(b), clicks)
	}
	for i := range a {
		if i > 0 && (a[i]-a[i-1] != apart*codec.FrameSamples || a[i]-b[i] != a[0]-b[0]) {
			t.Errorf("click %d at sample %d of one side and %d of the other", i, a[i], b[i])
		}
	}
	if shift := a[0] - b[0]; max(shift, -shift) > 4*codec.FrameSamples {
		t.Errorf("the sides are %d samples apart", shift)
	}
}

func clicksIn(samples []int16) (at []int) {
	for i, s := range samples {
		if s > 15000 {
			at = append(at, i)
		}
	}
	return at
}

func TestTapTimeIsTheClocksUnderAttack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	tape := &reel{}
	d.room().record(d.w, contactLeg, personLeg, tape)
	begin := d.now
	for range 3000 {
		d.advance(time.Duration(random.IntN(15)) * time.Millisecond)
		for _, x := range []*end{contact, person} {
			p := x.next(make([]byte, random.IntN(400)))
			switch random.IntN(8) {
			case 0:
				p.ssrc = random.Uint32()
			case 1:
				p.seq += uint16(random.Uint32())
			case 2:
				p.timestamp = random.Uint32()
			}
			x.send(x.addr, p)
		}
	}
	d.untape()
	if want := int((d.now - begin) / tickLength); tape.pushes+tape.skips != want {
		t.Errorf("%d pushed and %d skipped, want %d in %v", tape.pushes, tape.skips, want, d.now-begin)
	}
}

func TestLateTicks(t *testing.T) {
	tests := []struct {
		late          time.Duration
		pushed, skips int
	}{
		{0, 1, 0},
		{19 * time.Millisecond, 1, 0},
		{20 * time.Millisecond, 2, 0},
		{45 * time.Millisecond, 3, 0},
		{60 * time.Millisecond, 3, 1},
		{time.Second, 3, 48},
	}
	for _, tc := range tests {
		t.Run(tc.late.String(), func(t *testing.T) {
			d := newDesk(t)
			contact := d.leg(contactLeg, codec.PCMA)
			contact.leg.play("music", clipOf(500, 50).Play(true), true)
			d.advance(time.Second)
			tape := &reel{}
			d.room().record(d.w, contactLeg, personLeg, tape)
			d.advance(tapeDelay)
			d.now = d.due + tc.late
			d.due = d.w.beat(d.now, d.due)
			if tape.pushes != tc.pushed || tape.skips != tc.skips || d.w.counters.skipped.Load() != uint64(tc.skips) {
				t.Errorf("%d pushed, %d skipped, %d counted", tape.pushes, tape.skips, d.w.counters.skipped.Load())
			}
			if d.due <= d.now || d.due > d.now+tickLength {
				t.Errorf("next tick at %v, now is %v", d.due, d.now)
			}
			d.advance(time.Second)
			first, last := contact.got[0], contact.got[len(contact.got)-1]
			if span := last.timestamp - first.timestamp; span > uint32((last.at-first.at)*codec.Rate/time.Second) ||
				span < uint32((last.at-first.at)*codec.Rate/time.Second)-maxLag {
				t.Errorf("timestamps span %d samples in %v", span, last.at-first.at)
			}
		})
	}
}
