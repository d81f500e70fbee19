package call

import (
	"maps"
	"slices"
)

// stands checks the call as others see it between two inputs.
func (w *world) stands(before Phase) {
	r := w.m.Record()
	ended := w.m.Phase() == Ended
	if before == Ended && !ended || ended && r.Result == ResultNone || (r.State == StateEnded) != (r.Result != ResultNone) {
		w.fail("%s, then %s: %s with result %q", before, w.m.Phase(), r.State, r.Result)
	}
	if r.Result != ResultNone && r.Missed != (r.Reason != MissedNone) || w.durable && r.Result == ResultCompleted && r.AnsweredAt == nil {
		w.fail("%s: missed %v, reason %q, answered %v", r.Result, r.Missed, r.Reason, r.AnsweredAt)
	}
	if r.Duration < 0 || r.Wait < 0 || r.AnsweredAt != nil && r.AnsweredAt.Before(r.StartedAt) {
		w.fail("wait %v, duration %v, answered %v", r.Wait, r.Duration, r.AnsweredAt)
	}
	for _, user := range w.m.Offered() {
		if w.reserved[user] != offered {
			w.fail("offered to %s, who is not reserved for it", user)
		}
	}
	if w.m.Phase() == Talking && w.m.person.id != w.person {
		w.person, w.muted = w.m.person.id, false // nobody muted whoever talks from now on
	}
	w.hears(r.State)
	w.clocks()
}

// hears checks who hears whom, and whom the recording takes.
func (w *world) hears(state State) {
	edges := slices.DeleteFunc(slices.Clone(w.edges), func(e Edge) bool { return !w.legs[e.Listener].port || !w.legs[e.Speaker].port })
	contact, person := w.m.contact.id, w.m.person.id
	want := Audience(w.places(state))
	var tape [2]LegID
	if phase := w.m.Phase(); phase == Talking && state == StateActive {
		if w.muted {
			want = slices.DeleteFunc(want, func(e Edge) bool { return e == Edge{Listener: contact, Speaker: person} })
		}
		if !w.m.paused {
			tape = [2]LegID{contact, person}
		}
	} else if phase == Dialing && len(edges) > 0 && w.m.attempt != nil { // early media
		want = slices.DeleteFunc(slices.Clone(edges), func(e Edge) bool { return e.Listener != w.m.attempt.id && e.Speaker != w.m.attempt.id })
	}
	if len(edges) != len(want) || slices.ContainsFunc(want, func(e Edge) bool { return !slices.Contains(edges, e) }) {
		w.fail("%s, %s: who hears whom is %v, not %v", w.m.Phase(), state, edges, want)
	}
	if w.tape != nil && *w.tape != tape {
		w.fail("%s, %s: the recording takes %v", w.m.Phase(), state, *w.tape)
	}
}

// places are those who are to hear somebody or be heard: the contact while
// nobody is on hold, the person while their phone does not hold, and coaches in
// the mode that was chosen.
func (w *world) places(state State) []Seat {
	var seats []Seat
	contact, person := &w.m.contact, &w.m.person
	if w.m.Phase() == Talking && state == StateActive {
		seats = append(seats, Seat{contact.id, contact.role})
	}
	if w.m.Phase() == Talking && !person.gone && (state == StateActive || !person.holds) {
		seats = append(seats, Seat{person.id, person.role})
	}
	if w.m.Phase() == Following {
		return nil
	}
	for _, c := range w.m.coaches {
		if c.joined && !c.holds {
			seats = append(seats, Seat{c.id, w.modes[c.user].role()})
		}
	}
	return seats
}

// clocks checks that no timer of an earlier time runs on.
func (w *world) clocks() {
	phases := map[Timer][]Phase{
		TimerReception: {Waiting, Offering}, TimerOffer: {Offering}, TimerDial: {Summoning, Dialing, Talking}, TimerFarewell: {Clearing},
	}
	for name := range w.timers {
		if slices.ContainsFunc(w.m.coaches, func(c *coach) bool { return c.timer() == name && !c.joined }) {
			continue
		}
		if !slices.Contains(phases[name], w.m.Phase()) || name == TimerDial && w.m.Phase() == Talking && w.m.transfer == nil {
			w.fail("%s runs on in %s", name, w.m.Phase())
		}
	}
}

// settled checks the call when all that came back was taken in.
func (w *world) settled() {
	for id, l := range w.legs {
		t := w.m.transfer
		if l.refers && !l.silent && (t == nil || t.leg != id) && !w.unheard(id) {
			w.fail("%s was never told how its REFER ended", id)
		}
	}
	switch w.m.Phase() {
	case Talking:
		w.converses()
	case Waiting, Offering:
		if w.playing[w.m.contact.id].Sound != "music" {
			w.fail("the contact waits and hears %+v", w.playing[w.m.contact.id])
		}
	case Arriving, Announcing, Summoning, Dialing, Following, Clearing, Ended: // nobody is owed anything
	}
}

// unheard reports whether the machine has yet to hear of a leg's REFER.
func (w *world) unheard(leg LegID) bool {
	return slices.ContainsFunc(w.mailbox, func(in Input) bool {
		refers, is := in.(LegRefers)
		return is && refers.Leg == leg
	})
}

// converses checks a conversation: the floor knows who talks, whoever is on hold
// hears music, and what is to be recorded is.
func (w *world) converses() {
	contact, person, plan := &w.m.contact, &w.m.person, w.m.plan
	for user, how := range w.reserved {
		if how != offered && how != coaching && user != contact.user && user != person.user {
			w.fail("%s talks, and with nobody", user)
		}
	}
	for _, user := range []string{contact.user, person.user} {
		if user != "" && w.reserved[user] <= offered {
			w.fail("%s talks, and is %d", user, w.reserved[user])
		}
	}
	heard := w.playing[contact.id].Sound
	if w.m.Record().State == StateHeld {
		if heard != plan.Reception.Music && !contact.holds {
			w.fail("the contact is on hold and hears %q", heard)
		}
		spoken := slices.ContainsFunc(w.m.coaches, func(c *coach) bool { return c.joined && !c.holds && w.modes[c.user] != CoachListens })
		if !person.gone && (w.playing[person.id].Sound == plan.Reception.Music) != (contact.holds && !person.holds && !spoken) {
			w.fail("the person hears %q, contact holds %v, person holds %v", w.playing[person.id].Sound, contact.holds, person.holds)
		}
		return
	}
	if _, person := w.playing[person.id]; person || heard != "" && heard != plan.Announce {
		w.fail("the contact hears %q, the person something: %v", heard, person)
	}
	ended := PlayEnded{Leg: contact.id, Sound: plan.Announce}
	if plan.Record && w.tape == nil && (plan.Announce == "" || heard != plan.Announce && !slices.Contains(w.mailbox, Input(ended))) {
		w.fail("nothing is recorded, and the contact hears %q", heard)
	}
}

// over checks what is left of a call that has ended.
func (w *world) over() {
	for id, l := range w.legs {
		if l.port || l.peer && !l.silent {
			w.fail("%s is left behind: %+v", id, *l)
		}
	}
	if len(w.reserved) > 0 || w.pickup != "" || w.seeking != nil || w.tape != nil || len(w.m.Offered()) > 0 {
		w.fail("left behind: users %v, %q, request %v, tape %v, offers %v", w.reserved, w.pickup, w.seeking, w.tape, w.m.Offered())
	}
	if len(w.foreign) > 0 || w.asked > 0 {
		w.fail("left behind: legs of others %v, and %d calls that asked", slices.Collect(maps.Keys(w.foreign)), w.asked)
	}
	r := w.m.Record()
	if (w.finals == 1) != w.durable || (w.endings == 1) != w.durable {
		w.fail("%d saves with a result, %d endings told", w.finals, w.endings)
	}
	if w.durable && (w.saved.Result != r.Result || w.saved.Duration != r.Duration) {
		w.fail("saved %+v, ended as %+v", w.saved, r)
	}
}
