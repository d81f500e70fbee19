package call

import (
	"slices"
	"strings"
)

// arrive begins an inbound call.
func (m *Machine) arrive(in Arrival) {
	m.arrival, m.began = in, m.at
	m.lastLeg = 1
	m.contact = leg{id: in.Leg, role: RoleContact}
	m.rec = Record{
		ID: in.Call, Direction: Inbound, Mode: Manual, State: StateQueued,
		RawFrom: in.Caller, RawTo: in.Called, Trunk: in.Trunk,
		StartedAt: m.at.UTC(), Coaches: []string{},
	}
	m.do(AskPlan{Arrival: in})
}

// refused turns away a call that routing knows no place for, or that a user may
// not make. It was never stored, so nothing is left of it but the answer.
func (m *Machine) refused(why Cause) {
	if m.phase != Arriving {
		return
	}
	m.rec.Result, m.rec.State = ResultFailed, StateEnded
	for _, l := range m.sides() {
		m.letGo(l, why)
	}
	m.phase = Ended
}

// planned takes routing's decision: the contact is known, the task is durable.
func (m *Machine) planned(p Plan) {
	if m.phase != Arriving || m.rec.Direction != Inbound {
		return
	}
	m.plan = p
	m.rec.From, m.rec.To, m.rec.Number = p.From, p.To, p.Number
	m.rec.ContactID, m.rec.Playbook, m.rec.TaskID = p.Contact.ContactID, p.Playbook, p.TaskID
	if p.Closed != nil {
		m.rec.Reason = MissedClosed
	}
	m.mark("arrived", "", p.Why)
	m.do(Publish{EventCallArrived})
	if m.contact.gone {
		m.abandoned()
		return
	}
	m.do(OpenMedia{Leg: m.contact.id, Remote: m.arrival.SDP, Trunk: m.arrival.Trunk, Source: m.arrival.Source})
}

// contactOpened answers the contact and looks for a salesperson.
func (m *Machine) contactOpened() {
	if m.plan.Closed != nil {
		m.phase = Announcing
		m.answerContact()
		m.do(Play{Leg: m.contact.id, Sound: m.plan.Closed.Message})
		return
	}
	if m.plan.Reception.Early {
		// 183 keeps the caller's meter still until a person answers.
		m.do(Progress{Leg: m.contact.id, Status: 183, SDP: m.contact.sdp})
	} else {
		m.answerContact()
	}
	m.do(Play{Leg: m.contact.id, Sound: m.plan.Reception.Music, Loop: true},
		ArmTimer{Timer: TimerReception, After: max(0, m.plan.Reception.Timeout-m.elapsed())})
	m.seek()
}

// answerContact sends the 200, once.
func (m *Machine) answerContact() {
	if m.contact.answered {
		return
	}
	m.contact.answered = true
	m.do(Answer{Leg: m.contact.id, SDP: m.contact.sdp})
}

// seek asks the floor for a user who was not asked yet.
func (m *Machine) seek() {
	m.phase, m.rec.State = Waiting, StateQueued
	m.do(Seek{Request{
		Call: m.rec.ID, Playbook: m.plan.Playbook, Owner: m.plan.Owner, Arrived: m.began,
		Exclude: slices.Clone(m.asked), Strategy: m.plan.Reception.Strategy, PreferOwner: m.plan.Reception.PreferOwner,
	}})
}

// assigned offers the call to users that the floor reserved.
func (m *Machine) assigned(in Assigned) {
	m.markPassed(in.Passed)
	for _, user := range in.Users {
		if m.phase != Waiting && m.phase != Offering {
			m.do(OfferOver{User: user, Outcome: OutcomeWithdrawn})
			continue
		}
		m.mark("offered", user, in.Why)
		m.phase = Offering
		m.ring(user, in.Auto)
	}
}

// markPassed notes who was not chosen, one mark for each reason: on a large
// floor most are passed over for the same one.
func (m *Machine) markPassed(passed []Passed) {
	var reasons []string
	users := make(map[string][]string)
	for _, p := range passed {
		if users[p.Why] == nil {
			reasons = append(reasons, p.Why)
		}
		users[p.Why] = append(users[p.Why], p.User)
	}
	for _, why := range reasons {
		m.mark("passed_over", strings.Join(users[why], ", "), why)
	}
}

// ring opens the media of a leg to a user; offerOpened then calls the phones.
func (m *Machine) ring(user string, auto bool) {
	id := m.newLeg()
	m.offers = append(m.offers, offer{leg: leg{id: id, role: RoleSalesperson, user: user}, auto: auto})
	m.do(OpenMedia{Leg: id, User: user})
}

// offerOpened makes the offer durable and lets the user's phones ring.
func (m *Machine) offerOpened(o *offer, sdp []byte) {
	if o.from != "" {
		m.do(Take{Leg: o.id, From: o.from, SDP: sdp})
		return
	}
	invite := Invite{Leg: o.id, SDP: sdp, To: Target{User: o.user, Show: m.plan.Contact, AutoAnswer: o.auto}}
	if o.auto {
		m.do(invite)
		return
	}
	m.rec.State, m.rec.User = StateRinging, o.user
	m.save(TaskOpen)
	m.do(invite, Publish{EventCallOffered})
	if m.plan.Reception.Strategy != RingAll {
		m.do(ArmTimer{Timer: TimerOffer, After: m.plan.Reception.OfferTimeout})
	}
}

// accept is an acceptance from the screen: the user's phones stop ringing and
// are called anew so that one of them lifts by itself.
func (m *Machine) accept(user string) {
	o := m.offerTo(user)
	if m.phase != Offering || o == nil || o.auto {
		return
	}
	m.mark("accepted", user, "from the screen")
	old := o.leg
	m.dropOffer(old.id)
	m.letGo(&old, elsewhere)
	m.ring(user, true)
}

// reject is a rejection from the screen.
func (m *Machine) reject(user string) {
	o := m.offerTo(user)
	if m.phase != Offering || o == nil {
		return
	}
	m.letGo(&o.leg, Cause{Kind: CauseDeclined})
	m.refusal = rejected
	m.offerOver(o.leg, OutcomeRejected, "from the screen")
}

// offerGone handles a user's leg that ended before it was connected.
func (m *Machine) offerGone(o *offer, why Cause) {
	m.lost(&o.leg)
	m.refusal = rejectedWith(why)
	m.offerOver(o.leg, outcomeOf(why.Kind), why.String())
}

// outcomeOf says what a leg's end means for the offer.
func outcomeOf(k CauseKind) Outcome {
	switch k {
	case CauseBusy, CauseDeclined:
		return OutcomeRejected
	case CauseNoAnswer:
		return OutcomeTimeout
	case CauseUnreachable:
		return OutcomeUnreachable
	case CauseNormal, CauseCancelled, CauseFailed, CauseElsewhere, CauseDrained, CauseMediaLost:
		return OutcomeFailed
	}
	return OutcomeFailed
}

// offerOver frees a user who did not take the call and decides what is next.
func (m *Machine) offerOver(l leg, outcome Outcome, why string) {
	m.dropOffer(l.id)
	m.mark(string(outcome), l.user, why)
	m.do(OfferOver{User: l.user, Outcome: outcome})
	if outcome != OutcomeUnreachable {
		// Whoever was asked is not asked again; an unreachable phone may come back.
		m.asked = append(m.asked, l.user)
	}
	if len(m.offers) > 0 {
		return
	}
	m.do(StopTimer{TimerOffer})
	if outcome == OutcomeRejected && !m.plan.Reception.RejectNext {
		m.withdraw(Cause{Kind: CauseDeclined}, OutcomeWithdrawn)
		m.missed(m.refusal)
		return
	}
	m.seek()
}

// offerTimeout passes on from users who let it ring.
func (m *Machine) offerTimeout() {
	for _, o := range slices.Clone(m.offers) {
		m.letGo(&o.leg, Cause{Kind: CauseNoAnswer})
		m.offerOver(o.leg, OutcomeTimeout, "rang "+m.plan.Reception.OfferTimeout.String())
	}
}

// receptionTimeout gives up: nobody accepted in time.
func (m *Machine) receptionTimeout() {
	v := nobody
	if m.offered() {
		v = timedOut
	}
	m.withdraw(Cause{Kind: CauseNoAnswer}, OutcomeTimeout)
	m.missed(v)
}

// offered reports whether the call was ever shown to a user.
func (m *Machine) offered() bool {
	return slices.ContainsFunc(m.rec.Trail, func(k Mark) bool { return k.What == "offered" })
}

// withdraw ends every offer and takes the call out of the queue.
func (m *Machine) withdraw(why Cause, outcome Outcome) {
	for i := range m.offers {
		o := &m.offers[i]
		m.letGo(&o.leg, why)
		m.mark(string(outcome), o.user, strings.ReplaceAll(why.Kind.String(), "_", " "))
		m.do(OfferOver{User: o.user, Outcome: outcome})
	}
	m.offers = nil
	m.do(StopTimer{TimerReception}, StopTimer{TimerOffer}, Leave{})
}
