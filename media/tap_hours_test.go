package media

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
)

// speaker is a side of a long conversation. It says loud noise in which every
// frame tells its number, so that whoever hears one knows when it was said.
type speaker struct {
	end     *end
	letters []byte           // payload bytes that are loud, each another sample
	spelt   map[int16]int    // by sample, the letter
	texts   [bookLength]text // what is said behind the frame's number
	random  *rand.Rand
	frame   int // the next one
	prompt  int // packets that still come at once: a leg's first one decides where it stands
	tardy   int // packets that still come as late as any
	flying  []flight
}

// flight is a packet on its way.
type flight struct {
	at time.Duration
	packet
}

const (
	letterCount = 64 // letters, six bits each
	numberWidth = 4  // letters that spell a frame's number
	bookLength  = 61 // texts, after which they come again
)

// text is a frame's payload and its samples.
type text struct {
	payload [codec.FrameSamples]byte
	samples codec.Frame
}

func newSpeaker(d *desk, id call.LegID, law codec.Law, seed uint64) *speaker {
	s := &speaker{
		end: d.leg(id, law), spelt: make(map[int16]int), prompt: tapeFrames, random: rand.New(rand.NewPCG(seed, 1)),
	}
	decoder := codec.New(law)
	for b := 0; b < 256 && len(s.letters) < letterCount; b++ {
		var sample [1]int16
		decoder.DecodeSamples(sample[:], []byte{byte(b)})
		if _, taken := s.spelt[sample[0]]; !taken && max(sample[0], -sample[0]) > 1000 {
			s.spelt[sample[0]] = len(s.letters)
			s.letters = append(s.letters, byte(b))
		}
	}
	for i := range s.texts {
		t := &s.texts[i]
		for j := range t.payload {
			t.payload[j] = s.letters[s.random.IntN(letterCount)]
		}
		decoder.Decode(&t.samples, t.payload[:])
	}
	return s
}

// payload is what is said in a frame.
func (s *speaker) payload(frame int) []byte {
	p := slices.Clone(s.texts[frame%bookLength].payload[:])
	for i := range numberWidth {
		p[i] = s.letters[frame>>(6*i)%letterCount]
	}
	return p
}

// number is which frame somebody heard; false when it is not whole.
func (s *speaker) number(heard []int16) (frame int, ok bool) {
	for i := range numberWidth {
		letter, known := s.spelt[heard[i]]
		if !known {
			return 0, false
		}
		frame |= letter << (6 * i)
	}
	said := s.texts[frame%bookLength].samples
	return frame, [codec.FrameSamples - numberWidth]int16(heard[numberWidth:]) == [codec.FrameSamples - numberWidth]int16(said[numberWidth:])
}

// latest is how long a packet takes at most.
const latest = 30 * time.Millisecond

// say sends the next frame: one in fifty is lost, the others arrive in any order.
func (s *speaker) say(now time.Duration) {
	p := s.end.next(s.payload(s.frame))
	s.frame++
	if s.prompt > 0 {
		s.prompt--
		s.flying = append(s.flying, flight{at: now, packet: p})
		return
	}
	if s.tardy > 0 {
		s.tardy--
		s.flying = append(s.flying, flight{at: now + latest - 1, packet: p})
		return
	}
	if s.random.IntN(50) == 0 {
		return
	}
	s.flying = append(s.flying, flight{at: now + time.Duration(s.random.Int64N(int64(latest))), packet: p})
}

// pause lets the time of a frame pass unsaid.
func (s *speaker) pause() {
	s.frame++
	s.end.ts += codec.FrameSamples
}

// land delivers what has arrived, in the order of arrival.
func (s *speaker) land(now time.Duration) {
	slices.SortFunc(s.flying, func(a, b flight) int { return cmp.Compare(a.at, b.at) })
	landed := 0
	for ; landed < len(s.flying) && s.flying[landed].at <= now; landed++ {
		s.end.send(s.end.addr, s.flying[landed].packet)
	}
	s.flying = slices.Delete(s.flying, 0, landed)
	s.end.got, s.end.rtcp = s.end.got[:0], nil
}

// stretch is a part of a tape during which a side was heard, or not.
type stretch struct {
	from, until int // frames of the tape
	shift       int // from the tape's frame to the side's, the same all the time
	heard       int
}

// hearing checks one side of a tape, frame by frame.
type hearing struct {
	t       *testing.T
	side    string
	speaker *speaker
	parts   []stretch
}

// listen takes the tape's frame n: silence, or exactly what was said once.
func (h *hearing) listen(n int, heard []int16) {
	if codec.Frame(heard) == (codec.Frame{}) {
		return
	}
	frame, whole := h.speaker.number(heard)
	if !whole {
		h.t.Fatalf("frame %d of the %s's side is none that was said", n, h.side)
	}
	last := len(h.parts) - 1
	if last < 0 || h.parts[last].shift != frame-n || n-h.parts[last].until > 50 {
		h.parts = append(h.parts, stretch{from: n, shift: frame - n})
		last++
	}
	h.parts[last].until = n + 1
	h.parts[last].heard++
}

// checkingTape is a tape that keeps nothing.
type checkingTape struct {
	frames, skips   int
	contact, person hearing
}

func (c *checkingTape) Push(contact, person *[codec.FrameSamples]int16) bool {
	c.contact.listen(c.frames, contact[:])
	c.person.listen(c.frames, person[:])
	c.frames++
	return true
}

func (c *checkingTape) Skip(frames int) {
	c.frames += frames
	c.skips += frames
}

// TestTapForTwoHours: through losses, jitter, a hold, a pause, a transfer, ticks
// that come too late and a side that falls silent, both sides stay where they
// were said, to the sample, and both are as long as the conversation.
func TestTapForTwoHours(t *testing.T) {
	const minute = 60 * 50 // frames
	d := newDesk(t)
	contact, ana := newSpeaker(d, contactLeg, codec.PCMA, 1), newSpeaker(d, personLeg, codec.PCMU, 2)
	luis := newSpeaker(d, coachLeg, codec.PCMA, 3)
	d.wire(both(contactLeg, personLeg)...)
	tape := &checkingTape{contact: hearing{t: t, side: "contact", speaker: contact}, person: hearing{t: t, side: "salesperson", speaker: ana}}
	d.room().record(d.w, contactLeg, personLeg, tape)
	begin := d.now
	var before hearing
	at := map[int]func(){
		20 * minute:            func() { contact.end.agree(sdp.Inactive) },
		22 * minute:            func() { contact.end.agree(sdp.SendRecv) },
		40 * minute:            func() { d.room().record(d.w, "", "", tape) },
		42*minute - tapeFrames: func() { contact.tardy, ana.tardy = 2*tapeFrames, 2*tapeFrames },
		42 * minute:            func() { d.room().record(d.w, contactLeg, personLeg, tape) },
		60 * minute: func() {
			d.wire(both(contactLeg, coachLeg)...)
			d.room().record(d.w, contactLeg, coachLeg, tape)
			luis.prompt = tapeFrames
			before, tape.person = tape.person, hearing{t: t, side: "other salesperson", speaker: luis}
		},
		100 * minute: func() { // a tick is so late that another is left out
			d.now = d.due + 3*tickLength
			d.due = d.w.beat(d.now, d.due)
		},
	}
	quiet := func(s *speaker, n int) bool {
		return s == contact && (n >= 20*minute && n < 22*minute || n >= 110*minute) || s == luis && n >= 80*minute && n < 85*minute
	}
	for n := range 120 * minute {
		if change := at[n]; change != nil {
			change()
		}
		for _, s := range []*speaker{contact, ana, luis} {
			if quiet(s, n) {
				s.pause()
			} else {
				s.say(begin + time.Duration(n)*tickLength)
			}
		}
		for d.now < begin+time.Duration(n+1)*tickLength {
			d.advance(tickLength / 2)
			for _, s := range []*speaker{contact, ana, luis} {
				s.land(d.now)
			}
		}
	}
	d.untape()
	if tape.frames != 120*minute || tape.skips != 1 {
		t.Errorf("%d frames of %d, %d of them skipped", tape.frames, 120*minute, tape.skips)
	}
	tape.contact.heardFrom(stretch{until: 20 * minute}, stretch{from: 22 * minute, until: 40 * minute}, stretch{from: 42 * minute, until: 110 * minute})
	before.heardFrom(stretch{until: 40 * minute}, stretch{from: 42 * minute, until: 60 * minute})
	tape.person.heardFrom(stretch{from: 60 * minute, until: 80 * minute}, stretch{from: 85 * minute, until: 120 * minute})
}

// heardFrom fails unless a side was heard in these stretches, but for its
// losses, and each frame stands where it was said.
func (h *hearing) heardFrom(want ...stretch) {
	h.t.Helper()
	if len(h.parts) != len(want) {
		h.t.Fatalf("the %s is heard in %+v, want %+v", h.side, h.parts, want)
	}
	for i, w := range want {
		p := h.parts[i]
		near := func(a, b int) bool { return max(a-b, b-a) <= tapeFrames+2 }
		if !near(p.from, w.from) || !near(p.until, w.until) || p.shift != 0 {
			h.t.Errorf("the %s is heard in %+v, want %+v", h.side, p, w)
		}
		if length := p.until - p.from; p.heard < length*97/100 || p.heard > length*99/100 {
			h.t.Errorf("of %d frames of the %s %d are heard", length, h.side, p.heard)
		}
	}
}
