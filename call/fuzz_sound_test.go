package call

import "slices"

// opened returns a leg that has a port; without one the test fails.
func (w *world) opened(leg LegID) *line {
	l := w.legs[leg]
	if l == nil || !l.port {
		w.fail("%s has no port", leg)
	}
	return l
}

// sounding takes what media and the recording are told.
func (w *world) sounding(f Effect) {
	switch f := f.(type) {
	case OpenMedia:
		w.open(f)
	case AcceptMedia:
		w.opened(f.Leg)
	case Reanswer:
		w.opened(f.Leg)
	case Press:
		w.opened(f.Leg)
	case CloseMedia:
		w.opened(f.Leg).port = false
		w.hush(f.Leg)
	case Play:
		w.play(f)
	case Hush:
		w.opened(f.Leg)
		w.hush(f.Leg)
	case Wire:
		w.wired(f.Edges)
	case StartRecording, TurnTape, StopRecording:
		w.tapes(f)
	default:
		w.fail("nobody knows %T", f)
	}
}

// open gives a leg a port.
func (w *world) open(f OpenMedia) {
	l := w.legs[f.Leg]
	if l == nil {
		l = &line{}
		w.legs[f.Leg] = l
	}
	if l.port || l.released || l.given {
		w.fail("%s is opened: %+v", f.Leg, *l)
	}
	l.user, l.trunk = f.User, f.Trunk
}

// play starts a sound.
func (w *world) play(f Play) {
	w.opened(f.Leg)
	w.hush(f.Leg)
	end := PlayEnded{Leg: f.Leg, Sound: f.Sound}
	w.playing[f.Leg] = end
	if !f.Loop {
		w.sounds = append(w.sounds, end)
	}
}

// hush stops the sound of a leg.
func (w *world) hush(leg LegID) {
	delete(w.playing, leg)
	w.sounds = slices.DeleteFunc(w.sounds, func(e PlayEnded) bool { return e.Leg == leg })
}

// wired checks who hears whom: two legs each other at most, of users who are
// this call's.
func (w *world) wired(edges []Edge) {
	w.edges = edges
	if len(edges) > 2 {
		w.fail("who hears whom: %v", edges)
	}
	for _, e := range edges {
		if back := (Edge{e.Speaker, e.Listener}); e == back || e != edges[0] && back != edges[0] {
			w.fail("who hears whom: %v", edges)
		}
		w.opened(e.Listener)
		if user := w.opened(e.Speaker).user; user != "" && w.reserved[user] == 0 {
			w.fail("%s is heard and is not ours", user)
		}
	}
}

// tapes takes what the recording is told: it starts once, after the contact was
// told, and takes two who are there, or silence.
func (w *world) tapes(f Effect) {
	switch f := f.(type) {
	case StartRecording:
		plan := w.m.plan
		if w.tape != nil || w.recorded || !plan.Record || plan.Announce != "" && !w.told {
			w.fail("a recording starts, told %v", w.told)
		}
		w.recorded = true
		w.turn(f.Contact, f.Person)
	case TurnTape:
		if w.tape == nil {
			w.fail("no recording runs")
		}
		if f.Contact == "" && f.Person == "" {
			w.tape = new([2]LegID)
			return
		}
		w.turn(f.Contact, f.Person)
	case StopRecording:
		if w.tape == nil {
			w.fail("no recording runs")
		}
		w.tape = nil
	}
}

// turn points the tape at two legs.
func (w *world) turn(contact, person LegID) {
	if w.opened(contact) == w.opened(person) {
		w.fail("recorded alone")
	}
	w.tape = &[2]LegID{contact, person}
}
