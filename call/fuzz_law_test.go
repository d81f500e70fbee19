package call

import "slices"

// does writes down what an effect does, and checks that it may.
func (w *world) does(in Input, f Effect) {
	switch f := f.(type) {
	case AskPlan, AskPlace, AskDirection, AskPartner:
	case Save:
		w.save(f.Change.Record)
	case Publish:
		w.publish(f.Type)
	case Seek:
		w.seeking, w.ringing = &f.Request, 0
	case Leave:
		w.seeking = nil
	case OfferOver:
		w.offerOver(f)
	case Talk:
		w.talk(f.User)
	case Supervise, Follow, StandBy:
		w.supervises(f)
	case Free:
		w.part(f.User)
	case ArmTimer:
		w.timers[f.Timer] = w.at.Add(f.After)
	case StopTimer:
		delete(w.timers, f.Timer)
	case Hand, Take, Notify:
		w.changesHands(f)
	case Invite, Progress, Answer, Release:
		w.signals(in, f)
	default:
		w.sounding(f)
	}
}

// save takes a record to be stored: never after its result. That of a
// conversation is stored when all audio was counted, unless the contact waited
// for somebody else since.
func (w *world) save(r Record) {
	if !w.durable || w.finals > 0 {
		w.fail("saved, durable %v, with %d results before", w.durable, w.finals)
	}
	if r.Result != ResultNone {
		w.finals++
	}
	for id, l := range w.legs {
		if l.port && r.Result == ResultCompleted && !w.m.owed {
			w.fail("the result is stored, and %s still has a port", id)
		}
	}
	w.saved = r
}

// publish takes an event: of what was stored before. A hold is not stored.
func (w *world) publish(kind EventType) {
	r, s := w.m.Record(), w.saved
	if r.State == StateHeld {
		r.State = s.State
	}
	if kind != EventCallArrived && kind != EventCallHeld && (s.State != r.State || s.Result != r.Result || s.User != r.User) {
		w.fail("%s is told of %s by %s, stored is %s by %s", kind, r.State, r.User, s.State, s.User)
	}
	if kind == EventCallEnded {
		w.endings++
	}
}

// offerOver frees a user who was offered the call, or called out in vain.
func (w *world) offerOver(f OfferOver) {
	how := w.reserved[f.User]
	if how != offered && (how != calling || w.m.Record().AnsweredAt != nil) {
		w.fail("the offer to %s is over, who is %d", f.User, how)
	}
	delete(w.reserved, f.User)
	if w.seeking == nil || w.ringing == 0 {
		return
	}
	if f.Outcome == OutcomeUnreachable {
		w.seeking.Exclude = slices.DeleteFunc(slices.Clone(w.seeking.Exclude), func(u string) bool { return u == f.User })
	}
	if w.ringing--; w.ringing == 0 {
		w.seeking = nil
	}
}

// talk marks a user as talking: one who was reserved, or whose leg was handed over.
func (w *world) talk(user string) {
	if w.reserved[user] == 0 && !w.taken[user] {
		w.fail("%s talks, who is %d", user, w.reserved[user])
	}
	delete(w.taken, user)
	w.reserved[user] = talking
}

// part frees a user who talked.
func (w *world) part(user string) {
	how := w.reserved[user]
	if how < talking {
		w.fail("%s has talked, who is %d", user, how)
	}
	delete(w.reserved, user)
}

// supervises takes what the floor and other calls are told of coaches.
func (w *world) supervises(f Effect) {
	switch f := f.(type) {
	case Supervise:
		if w.reserved[f.User] != 0 {
			w.fail("%s comes to coach, who is %d", f.User, w.reserved[f.User])
		}
		delete(w.taken, f.User)
		w.reserved[f.User] = coaching
	case Follow:
		w.follows = f.User
	case StandBy:
		if w.reserved[f.Coaching.User] != coaching || f.Coaching.With == "" {
			w.fail("%s stands by for %q", f.Coaching.User, f.Coaching.With)
		}
		w.away(f.Leg, f.Coaching.User)
	}
}

// away takes a coach's leg that another call gets.
func (w *world) away(leg LegID, user string) {
	delete(w.reserved, user)
	if _, strange := w.foreign[leg]; strange {
		delete(w.foreign, leg)
		return
	}
	l := w.legs[leg]
	if l == nil || l.released || l.given || l.port || l.user != user {
		w.fail("%s is given away: %+v", leg, l)
	}
	l.given, l.silent = true, true
}

// signals takes what is said to a leg.
func (w *world) signals(in Input, f Effect) {
	switch f := f.(type) {
	case Invite:
		w.invited(f)
	case Progress:
		if l := w.opened(f.Leg); !l.caller || l.answered || l.released {
			w.fail("180 to %+v", *l)
		}
	case Answer:
		l := w.opened(f.Leg)
		if !l.caller || l.taken || l.answered || l.released {
			w.fail("200 to %+v", *l)
		}
		l.answered = true
	case Release:
		w.release(in, f.Leg)
	}
}

// invited takes a leg's call: nobody hears of it before it is durable.
func (w *world) invited(f Invite) {
	l := w.opened(f.Leg)
	if l.peer || f.To.User != l.user || f.To.Trunk != l.trunk {
		w.fail("%s is called: %+v", f.Leg, *l)
	}
	offers := w.m.Phase() == Offering && !f.To.AutoAnswer
	if !w.durable || offers && (w.saved.State != StateRinging || w.saved.User != f.To.User) {
		w.fail("%s rings, stored is %s of %s", f.To.User, w.saved.State, w.saved.User)
	}
	if w.m.Phase() == Dialing && w.saved.RedirectedTo != w.m.Record().RedirectedTo {
		w.fail("redirected to %s, stored is %q", f.To.Number, w.saved.RedirectedTo)
	}
	l.peer = true
}

// release takes a leg's end. Only a phone that is lifted while it is cancelled
// is told so twice.
func (w *world) release(in Input, leg LegID) {
	if _, strange := w.foreign[leg]; strange {
		w.sentBack(leg)
		return
	}
	l := w.legs[leg]
	_, late := in.(LegAnswered)
	if l == nil || l.given || l.released && !late {
		w.fail("%s is released: %+v", leg, l)
	}
	if goesOn := w.m.Phase() == Talking || w.m.Phase() == Waiting; goesOn && l.refers && !w.unheard(leg) {
		w.fail("%s is let go and never told how its REFER ended", leg)
	}
	l.released, l.silent = true, true
	if l.taken {
		delete(w.taken, l.user)
	}
}

// sentBack takes back a leg that another call handed over.
func (w *world) sentBack(leg LegID) {
	if h := w.foreign[leg]; !h.Early {
		delete(w.taken, h.User)
	}
	delete(w.foreign, leg)
}

// changesHands takes what is said about transfers.
func (w *world) changesHands(f Effect) {
	switch f := f.(type) {
	case Notify:
		l := w.legs[f.Leg]
		if l == nil || !l.refers || l.released {
			w.fail("%s is told of a REFER: %+v", f.Leg, l)
		}
		l.refers = f.Status < 200
	case Take:
		l := w.opened(f.Leg)
		h, ours := w.foreign[f.From]
		if !ours || l.peer || l.user != h.User {
			w.fail("%s is taken from %s: %+v", f.Leg, f.From, *l)
		}
		delete(w.foreign, f.From)
		l.peer, l.taken, l.caller, l.owes = true, true, h.Early, h.Early && h.SDP == nil
	case Hand:
		w.given(f)
	}
}

// given takes what another call gets: the phone of a user who picks it up, or
// the side that it asked for.
func (w *world) given(f Hand) {
	if as := f.Handed.Coaching; as != nil && !f.Handed.Early {
		if w.reserved[as.User] != coaching || f.To != "OTHER" && (f.To != "NEXT" || as.Mode != CoachListens) {
			w.fail("%+v is handed to %s", f.Handed, f.To)
		}
		w.away(f.Handed.Leg, as.User)
		return
	}
	if f.To == "WAITING" {
		if !f.Handed.Early || f.Handed.User != w.pickup {
			w.fail("%+v is handed to the call that %q picks up", f.Handed, w.pickup)
		}
		w.pickup = ""
	} else if w.asked--; w.asked < 0 || f.To != "OTHER" || f.Handed.Early || w.reserved[f.Handed.User] != 0 {
		w.fail("%+v is handed to %s, %d asked", f.Handed, f.To, w.asked)
	}
	if f.Handed.Leg == "" {
		return
	}
	l := w.legs[f.Handed.Leg]
	if l == nil || l.released || l.given || l.port || l.user != f.Handed.User {
		w.fail("%s is given away: %+v", f.Handed.Leg, l)
	}
	l.given, l.silent = true, true
}
