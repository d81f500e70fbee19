package media

import (
	"tandem/call"
	"tandem/media/codec"
)

// tap hands what two legs say to a tape, one frame of each per slot, whatever the
// network does: the tape's time is the clock's.
type tap struct {
	tape                   call.Tape // nil when nothing is recorded
	contactID, personID    call.LegID
	contact, person        *leg // nil while they are not there
	contactSays, personSay codec.Frame
	resting                []*leg // were taped and may be again: their buffers stay in step
	unheard                codec.Frame
	lead                   int // ticks until the buffers have let the first frame through
}

// record begins, or goes on with other legs; a nil tape ends it.
func (r *room) record(h *worker, contact, person call.LegID, tape call.Tape) {
	lead := r.tap.lead
	switch {
	case r.tap.tape == nil:
		lead = tapeFrames
	case tape == nil:
		r.tap.flush(h)
	}
	r.tap = tap{tape: tape, contactID: contact, personID: person, lead: lead}
	r.tap.find(r)
}

// flush pushes what the buffers hold back, so that the last word is on the tape.
func (t *tap) flush(h *worker) {
	for range tapeFrames - t.lead {
		t.push(h)
	}
}

// find looks the legs up, and gives them their buffers, which they keep while the
// tape runs: it is called when legs come or go.
func (t *tap) find(r *room) {
	t.contact, t.person = nil, nil
	if t.tape != nil {
		t.contact, t.person = r.leg(t.contactID), r.leg(t.personID)
	}
	t.resting = t.resting[:0]
	for _, l := range r.legs {
		switch {
		case t.tape == nil:
			l.tape = nil
		case l != t.contact && l != t.person:
			if l.tape != nil {
				t.resting = append(t.resting, l)
			}
		case l.tape == nil:
			l.tape = newTape()
		}
	}
}

func (t *tap) tick(h *worker, skipped int) {
	if t.tape == nil {
		return
	}
	for range skipped {
		t.take(t.contact, &t.contactSays)
		t.take(t.person, &t.personSay)
	}
	for _, l := range t.resting {
		for range skipped + 1 {
			l.tape.Get(&t.unheard)
		}
	}
	if skipped -= t.led(skipped); skipped > 0 {
		t.tape.Skip(skipped)
	}
	if t.led(1) > 0 {
		t.take(t.contact, &t.contactSays)
		t.take(t.person, &t.personSay)
		return
	}
	t.push(h)
}

// led returns how many of n ticks still belong to the lead, and counts them off.
func (t *tap) led(n int) int {
	n = min(n, t.lead)
	t.lead -= n
	return n
}

// push puts the next frame of both sides on the tape.
func (t *tap) push(h *worker) {
	t.take(t.contact, &t.contactSays)
	t.take(t.person, &t.personSay)
	if !t.tape.Push((*[codec.FrameSamples]int16)(&t.contactSays), (*[codec.FrameSamples]int16)(&t.personSay)) {
		h.counters.untaped.Add(1)
	}
}

// take fills a frame with what a leg says; silence when it holds or is not there.
func (t *tap) take(l *leg, frame *codec.Frame) {
	if l == nil {
		*frame = codec.Frame{}
		return
	}
	l.tape.Get(frame)
	if l.terms == nil || !l.terms.sends || !l.terms.receives {
		*frame = codec.Frame{}
	}
}
