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
		if w.opened(f.Leg); w.m.coachOn(MediaReady{Leg: f.Leg}) != nil {
			w.fail("a coach's key is passed on")
		}
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
	if f.Private != (w.reserved[f.User] == coaching && w.m.coachOn(MediaOpened{Leg: f.Leg}) != nil) {
		w.fail("keys of %s are private: %v", f.User, f.Private)
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
// this call's, and coaches as far as they chose to be heard.
func (w *world) wired(edges []Edge) {
	w.edges = edges
	var talk []Edge
	for _, e := range edges {
		w.opened(e.Listener)
		if user := w.opened(e.Speaker).user; user != "" && w.reserved[user] == 0 {
			w.fail("%s is heard and is not ours", user)
		}
		if !w.coached(e) {
			talk = append(talk, e)
		}
	}
	if len(talk) > 2 {
		w.fail("who hears whom: %v", edges)
	}
	for _, e := range talk {
		if back := (Edge{e.Speaker, e.Listener}); e == back || e != talk[0] && back != talk[0] {
			w.fail("who hears whom: %v", edges)
		}
	}
}

// coached reports whether a coach hears or is heard by an edge. A coach who
// listens is heard by nobody, and by the contact only who barges.
func (w *world) coached(e Edge) bool {
	if c := w.m.coachOn(MediaReady{Leg: e.Speaker}); c != nil {
		mode := w.modes[c.user]
		if mode == CoachListens || e.Listener == w.m.contact.id && mode != CoachBarges {
			w.fail("%s hears the coach %s, who chose to %s", e.Listener, c.user, mode)
		}
		return true
	}
	return w.m.coachOn(MediaReady{Leg: e.Listener}) != nil
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
