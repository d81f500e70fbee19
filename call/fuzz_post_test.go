package call

import (
	"reflect"
	"slices"
)

// comesBack reports whether an input is what an effect comes back with.
func comesBack(in Input) bool {
	switch in.(type) {
	case Planned, Placed, Refused, Directed, Undirected, MediaOpened, MediaReady, MediaClosed, MediaFailed, LegHeld, TimerFired:
		return true
	}
	return false
}

// lawful returns an input as it may be posted now, or nil, and remembers that
// it was.
func (w *world) lawful(in Input) Input {
	switch in := in.(type) {
	case Assigned:
		if in.Auto {
			return w.pickUpOnScreen(in)
		}
		return w.assign(in)
	case Handed:
		return w.hand(in)
	case PlayEnded:
		return w.endSound()
	case Hangup, Drained: // end all; they are to be rare
		if w.draw.n(16) > 0 {
			return nil
		}
		return in
	case Accept, Reject, Hold, Mute, PauseRecording, Transfer, CoachSwitch, CoachLeave:
		return in
	case Coach:
		return w.comesToCoach(in)
	case Conversing:
		if w.follows == "" || w.m.Phase() != Following {
			return nil
		}
		return Conversing{Call: "NEXT"}
	}
	if l := w.line(in); l != nil && !l.silent {
		return w.said(in, l)
	}
	return nil
}

// line returns the leg that an input is about, or nil.
func (w *world) line(in Input) *line {
	return w.legs[LegID(reflect.ValueOf(in).FieldByName("Leg").String())]
}

// said returns what a leg's peer may say now, or nil.
func (w *world) said(in Input, l *line) Input {
	switch in := in.(type) {
	case MediaLost:
		return when(l.port, in)
	case Digit:
		return when(l.port || in.Signalled && l.peer, in)
	case LegOffered:
		l.owes = l.owes || l.port && l.answered && in.SDP == nil
		return when(l.port, in)
	case LegProgress:
		return when(l.peer && !l.caller && !l.taken && !l.answered, in)
	case LegAnswered:
		if !l.peer || l.caller && !l.taken || l.answered {
			return nil
		}
		if l.answered = true; l.caller { // it was we who answered
			in.SDP = nil
		}
		return in
	case LegAccepted:
		if !l.owes || !l.answered {
			return nil
		}
		l.owes = false
		return in
	case LegGone:
		if !l.peer || w.draw.n(6) > 0 {
			return nil // as rare, or little else would ever happen
		}
		l.silent = true
		return in
	case LegRefers:
		return w.refer(in, l)
	case Surrender:
		if l.user == "" || !l.answered || w.draw.n(8) > 0 {
			return nil
		}
		w.asked++
		in.By = "OTHER"
		return in
	}
	w.fail("nobody says %T", in)
	return nil
}

// when returns the input if a condition holds, else nil.
func when(may bool, in Input) Input {
	if may {
		return in
	}
	return nil
}

// refer has a user's phone pass the call on, one REFER at a time.
func (w *world) refer(in LegRefers, l *line) Input {
	if l.user == "" || !l.answered || l.refers {
		return nil
	}
	l.refers = true
	if in.Partner != "" && w.draw.n(4) > 0 {
		in.Partner = "OTHER-77"
	}
	return in
}

// assign has the floor choose users for the call, when it waits for any.
func (w *world) assign(in Assigned) Input {
	if w.seeking == nil {
		return nil
	}
	all := w.seeking.Strategy == RingAll
	var users []string
	for _, user := range in.Users {
		if !w.free(user) || slices.Contains(w.seeking.Exclude, user) || len(users) > 0 && !all {
			continue
		}
		users = append(users, user)
		w.reserved[user] = offered
	}
	if len(users) == 0 {
		return nil
	}
	if in.Users = users; !all {
		w.seeking = nil
		return in
	}
	w.ringing += len(users)
	w.seeking.Exclude = append(slices.Clone(w.seeking.Exclude), users...)
	return in
}

// free reports whether the floor could reserve a user for the call.
func (w *world) free(user string) bool {
	_, held := w.reserved[user]
	return user != "" && !held && !w.taken[user] && w.pickup != user
}

// pickUpOnScreen has a user take a call that is shown as waiting.
func (w *world) pickUpOnScreen(in Assigned) Input {
	r := w.m.Record()
	if r.Direction != Inbound || r.State != StateQueued || len(in.Users) == 0 || !w.free(in.Users[0]) {
		return nil
	}
	in.Users, in.Passed = in.Users[:1], nil
	w.reserve(in.Users[0])
	return in
}

// reserve has the floor reserve a user who was not chosen by it.
func (w *world) reserve(user string) {
	w.reserved[user] = offered
	if w.seeking != nil {
		w.seeking.Exclude = append(slices.Clone(w.seeking.Exclude), user)
	}
}

// hand brings a leg of another call: for an attended transfer, or the phone of
// a user who picks the call up.
func (w *world) hand(in Handed) Input {
	switch {
	case in.Coaching != nil:
		return w.handCoach(in)
	case len(w.partners) > 0 && !in.Early:
		return w.partner()
	case !in.Early || w.seeking == nil || w.ringing > 0 || !w.free(in.User):
		return nil
	}
	w.reserve(in.User)
	if in.Leg, in.Party = "", (Party{}); w.draw.n(8) == 1 { // they have hung up by then
		return in
	}
	return w.stranger(in)
}

// partner answers for another call that was asked for a side.
func (w *world) partner() Input {
	leg := w.partners[0]
	w.partners = w.partners[1:]
	in := w.draw.input(Handed{}).(Handed)
	if in.For = leg; w.draw.n(3) == 0 {
		return Handed{For: leg}
	}
	in.Early, in.SDP, in.Source, in.Coaching = false, nil, "", nil
	switch {
	case w.reserved[in.User] == coaching && !w.taken[in.User]: // they take over what they coach
		w.taken[in.User] = true
	case !w.free(in.User):
		in.User = ""
	default:
		w.taken[in.User] = true
	}
	return w.stranger(in)
}

// comesToCoach lets a supervisor into the call from the screen, if it is shown
// as a conversation.
func (w *world) comesToCoach(in Coach) Input {
	if s := w.m.Record().State; s != StateActive && s != StateHeld || !w.free(in.Coaching.User) {
		return nil
	}
	w.reserved[in.Coaching.User], w.modes[in.Coaching.User] = coaching, in.Coaching.Mode
	in.Coaching.With = ""
	return in
}

// handCoach brings the phone of a supervisor: one that dialed itself in, or that
// coached another call.
func (w *world) handCoach(in Handed) Input {
	as := *in.Coaching
	if !w.free(as.User) || slices.ContainsFunc(w.mailbox, func(in Input) bool {
		h, handed := in.(Handed)
		return handed && h.Coaching != nil && h.Coaching.User == as.User
	}) {
		return nil
	}
	in.User, in.Party, as.With = as.User, Party{}, "ana"
	if in.Early {
		as.Stays, as.With = false, ""
		w.reserved[as.User] = coaching
	} else {
		in.SDP, in.Source = nil, ""
		w.taken[as.User] = true // another call has them until this one takes them
	}
	w.modes[as.User] = as.Mode
	in.Coaching = &as
	if in.Early && w.draw.n(8) == 1 { // they have hung up by then
		in.Leg = ""
		return in
	}
	return w.stranger(in)
}

// stranger hands over a leg of another call.
func (w *world) stranger(in Handed) Handed {
	w.strange++
	in.Leg = ID("OTHER").Leg(w.strange)
	w.foreign[in.Leg] = in
	return in
}

// endSound has a sound played to its end.
func (w *world) endSound() Input {
	if len(w.sounds) == 0 {
		return nil
	}
	i := w.draw.n(len(w.sounds))
	end := w.sounds[i]
	w.sounds = slices.Delete(w.sounds, i, i+1)
	return end
}
