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
}

// start begins, or goes on with other legs; a nil tape ends it.
func (r *room) record(contact, person call.LegID, tape call.Tape) {
	if r.tap.tape == nil { // whatever the buffers hold is of another time
		for _, l := range r.legs {
			l.tape.Reset()
		}
	}
	r.tap = tap{tape: tape, contactID: contact, personID: person}
	r.tap.find(r)
}

// find looks the legs up; it is called when legs come or go.
func (t *tap) find(r *room) {
	t.contact, t.person = nil, nil
	if t.tape != nil {
		t.contact, t.person = r.leg(t.contactID), r.leg(t.personID)
	}
}

// tapped tells whether the tape takes what a leg says.
func (r *room) tapped(l *leg) bool { return l == r.tap.contact || l == r.tap.person }

func (t *tap) tick(h *worker, skipped int) {
	if t.tape == nil {
		return
	}
	for range skipped {
		t.take(t.contact, &t.contactSays)
		t.take(t.person, &t.personSay)
	}
	if skipped > 0 {
		t.tape.Skip(skipped)
	}
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
