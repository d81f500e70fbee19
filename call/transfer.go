package call

import "time"

// takeTime bounds how long the peer of another call may take to talk to this
// one; a colleague has lifted already and a machine answers.
const takeTime = 10 * time.Second

// askTime bounds how long another call may take to give a side up. It does so
// at once, unless it waits for the store or is drowned in inputs.
const askTime = 5 * time.Second

// transfer is a call that is being passed on. Until somebody takes it, whoever
// passes it on stays on the line, unless they hang up.
type transfer struct {
	by      string // the user who passes it on
	leg     LegID  // whose REFER it was; empty: from the screen
	partner LegID  // of another call that was asked for its other side; empty: none
	recall  bool   // it went wrong and comes back to by
}

// transferTo passes the call on from the screen.
func (m *Machine) transferTo(in Transfer) {
	if m.phase != Talking || m.transfer != nil || m.person.user == "" {
		return
	}
	m.transfer = &transfer{by: m.person.user}
	m.do(AskDirection{To: in.To, By: m.person.user})
}

// refers passes the call on by REFER. Only our own people may.
func (m *Machine) refers(in LegRefers) {
	l := m.find(in.Leg)
	switch {
	case l == nil:
		return
	case l != &m.person || l.user == "" || m.phase != Talking || m.transfer != nil:
		m.do(Notify{Leg: in.Leg, Status: 603})
		return
	}
	m.transfer = &transfer{by: l.user, leg: l.id, partner: in.Partner}
	m.do(Notify{Leg: l.id, Status: 100})
	if in.Partner != "" {
		m.do(ArmTimer{Timer: TimerDial, After: askTime}, AskPartner{Leg: in.Partner})
		return
	}
	m.do(AskDirection{To: in.To, By: l.user})
}

// directed passes the call on to where routing says, or follows a redirection.
func (m *Machine) directed(d Destination) {
	if m.attempt != nil && m.attempt.asks != nil {
		m.followed(d)
		return
	}
	if m.phase != Talking || m.transfer == nil || m.attempt != nil {
		if d.Route.User != "" {
			m.do(OfferOver{User: d.Route.User, Outcome: OutcomeWithdrawn})
		}
		return
	}
	m.mark("transferring", m.transfer.by, d.Why)
	if d.Playbook != "" {
		m.enqueue(d)
		return
	}
	m.arrange()
	m.dial(d.Route)
}

// undirected follows a transfer or a redirection that cannot be.
func (m *Machine) undirected(why Cause) {
	if m.attempt != nil && m.attempt.asks != nil {
		m.unfollowed(why)
		return
	}
	if m.phase == Talking && m.transfer != nil && m.attempt == nil {
		m.transferFailed(why)
	}
}

// enqueue lets the contact wait for a user of another playbook. Whoever passed
// the call on is done with it.
func (m *Machine) enqueue(d Destination) {
	t := m.transfer
	m.transfer = nil
	m.referred(t, 200)
	followed := m.leave(&m.person)
	m.asked = []string{t.by}
	m.plan.Playbook, m.plan.Reception, m.plan.Closed = d.Playbook, d.Queue, nil
	m.rec.Playbook = d.Playbook
	m.contact.holds, m.contact.soothed, m.onHold, m.muted = false, false, false, false
	m.phase = Waiting
	m.wire()
	m.do(Play{Leg: m.contact.id, Sound: d.Queue.Music, Loop: true},
		ArmTimer{Timer: TimerReception, After: d.Queue.Timeout})
	m.seek()
	m.turnTape()
	if followed {
		m.heedCoaches()
	}
}

// transferred connects the contact with whoever took the call over.
func (m *Machine) transferred(a *attempt) {
	t := m.transfer
	m.transfer = nil
	m.referred(t, 200)
	followed := m.leave(&m.person)
	m.person = a.leg
	m.contact.holds, m.onHold, m.muted = false, false, false
	m.segmentNumber = ""
	if a.user == "" {
		m.segmentNumber = a.to.Number // a colleague's is their extension
	}
	m.mark("transferred", a.user, a.to.Number)
	if a.user != "" {
		m.rec.User = a.user
		m.relieve(a.user)
		m.do(Talk{User: a.user})
	}
	m.segment = m.at
	m.arrange()
	m.turnTape()
	m.save(TaskInProgress)
	m.do(Publish{EventCallAnswered})
	if followed {
		m.heedCoaches()
	}
}

// leave ends a person's part in the conversation. It reports whether coaches
// left with them.
func (m *Machine) leave(l *leg) (followed bool) {
	m.endSegment()
	if l.gone {
		return false
	}
	m.letGo(l, Cause{Kind: CauseNormal})
	if l.user != "" {
		m.do(Free{User: l.user})
		followed = m.followOut(l.user)
		l.user = ""
	}
	return followed
}

// leftMidway follows a user who hung up while the call was being passed on.
func (m *Machine) leftMidway() {
	m.endSegment()
	m.lost(&m.person)
	followed := false
	if m.person.user != "" {
		m.do(Free{User: m.person.user})
		followed = m.followOut(m.person.user)
		m.person.user = ""
	}
	m.transfer.leg = "" // there is nobody left to tell
	m.arrange()         // nobody may have been asked to take it yet
	if followed {
		m.heedCoaches()
	}
}

// transferFailed brings the call back to whoever passed it on.
func (m *Machine) transferFailed(why Cause) {
	t := m.transfer
	m.transfer = nil
	m.mark("transfer_failed", t.by, why.String())
	m.referred(t, statusFor(why))
	switch {
	case !m.person.gone:
		m.arrange()
	case t.recall:
		m.owed = true
		m.missed(completed)
	default:
		m.transfer = &transfer{by: t.by, recall: true}
		m.do(AskDirection{To: t.by})
	}
}

// referred tells the phone that sent a REFER how it ended.
func (m *Machine) referred(t *transfer, status int) {
	if t.leg != "" {
		m.do(Notify{Leg: t.leg, Status: status})
	}
}

// statusFor is the status that says why a transfer failed. 487 is between us and
// whom we cancelled: whoever passed the call on has cancelled nothing.
func statusFor(why Cause) int {
	switch {
	case why.Code >= 300 && why.Code != 487:
		return why.Code
	case why.Kind == CauseBusy:
		return 486
	case why.Kind == CauseDeclined:
		return 603
	}
	return 480
}

// surrender gives the other side of a conversation to the call that asks, and
// ends this one: both were held by the user who brings them together.
func (m *Machine) surrender(in Surrender) {
	l := m.find(in.Leg)
	if m.phase != Talking || m.transfer != nil || l == nil {
		m.do(Hand{To: in.By, Handed: Handed{For: in.Leg}})
		return
	}
	other, party := &m.contact, m.plan.Contact
	if l == &m.contact {
		other, party = &m.person, m.plan.Caller
	}
	m.mark("joined", l.user, "with call "+string(in.By))
	given := Handed{For: in.Leg, Leg: other.id, User: other.user, Party: party}
	m.lost(other)
	m.moveCoaches(in.By)
	m.end(Cause{Kind: CauseNormal})
	m.do(Hand{To: in.By, Handed: given})
}

// handed takes over a leg of another call: of an attended transfer, or of a
// user who picks this call up or coaches it.
func (m *Machine) handed(in Handed) {
	switch {
	case in.Coaching != nil:
		m.coachHanded(in)
	case in.Early:
		m.pickedUp(in)
	case m.phase != Talking || m.transfer == nil || m.attempt != nil || in.For != m.transfer.partner:
		m.sendAway(in)
	case in.Leg == "":
		m.do(StopTimer{TimerDial})
		m.transferFailed(Cause{Kind: CauseFailed, Code: 481})
	default:
		role := RoleOutside
		if in.User != "" {
			role = RoleSalesperson
		}
		m.attempt = &attempt{
			leg: leg{id: m.newLeg(), role: role, user: in.User, progress: true}, from: in.Leg,
			to: Route{User: in.User, Number: in.Party.Number},
		}
		m.arrange()
		m.do(OpenMedia{Leg: m.attempt.id, User: in.User},
			ArmTimer{Timer: TimerDial, After: takeTime})
	}
}

// unanswered gives up on another call that was asked for its other side. What
// it answers later is sent away.
func (m *Machine) unanswered() {
	m.transferFailed(Cause{Kind: CauseFailed, Code: 504})
}

// sendAway lets a leg go that was handed to a call which cannot have it.
func (m *Machine) sendAway(in Handed) {
	if in.Leg != "" {
		m.do(Release{Leg: in.Leg, Cause: Cause{Kind: CauseUnreachable, Code: 480}})
	}
}

// pickedUp connects a user who did not wait to be asked.
func (m *Machine) pickedUp(in Handed) {
	if in.Leg == "" || m.phase != Waiting && m.phase != Offering {
		m.sendAway(in)
		m.do(OfferOver{User: in.User, Outcome: OutcomeWithdrawn})
		return
	}
	m.mark("picked_up", in.User, "")
	m.phase = Offering
	o := offer{leg: leg{id: m.newLeg(), role: RoleSalesperson, user: in.User}, auto: true, from: in.Leg}
	m.offers = append(m.offers, o)
	m.do(OpenMedia{Leg: o.id, Remote: in.SDP, User: in.User, Source: in.Source})
}
