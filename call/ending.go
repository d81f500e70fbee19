package call

import "time"

// farewellTime bounds how long a caller is told that nobody can take the call.
const farewellTime = 6 * time.Second

// legGone follows a peer that ended its leg.
func (m *Machine) legGone(in LegGone) {
	l := m.find(in.Leg)
	switch {
	case l == nil:
	case m.attempt != nil && l == &m.attempt.leg:
		m.lost(l)
		m.dialFailed(in.Cause)
	case m.offerOn(in.Leg) != nil:
		m.offerGone(m.offerOn(in.Leg), in.Cause)
	case m.phase == Clearing:
		m.do(StopTimer{TimerFarewell})
		m.lost(l)
		m.settle()
	case l == &m.contact:
		m.contactGone(in.Cause)
	default:
		m.personGone(in.Cause)
	}
}

// contactGone ends the call from the contact's side.
func (m *Machine) contactGone(why Cause) {
	m.contact.gone = true
	switch m.phase {
	case Arriving:
		if m.rec.TaskID != "" {
			m.abandoned()
		}
	case Waiting, Offering:
		m.abandoned()
	case Announcing, Summoning, Dialing, Talking:
		m.end(why)
	case Following, Clearing, Ended:
	}
}

// personGone ends the call from the side of the salesperson, or of the outside
// number, unless it is being passed on.
func (m *Machine) personGone(why Cause) {
	switch {
	case m.phase == Summoning:
		m.lost(&m.person)
		m.notSummoned(why)
	case m.phase == Talking && m.transfer != nil:
		m.leftMidway()
	default:
		m.person.gone = true
		if m.phase != Arriving || m.plan.To != "" {
			m.end(why)
		}
	}
}

// abandoned follows a contact who gave up before anybody answered.
func (m *Machine) abandoned() {
	m.withdraw(Cause{Kind: CauseCancelled}, OutcomeWithdrawn)
	m.lost(&m.contact)
	m.clear(abandoned)
}

// missed ends a call that nobody took: it is written down, then the caller is
// told, or turned away when they were not answered yet.
func (m *Machine) missed(v verdict) {
	m.clear(v)
	m.conclude()
	if !m.contact.answered {
		m.dismiss(m.verdict.cause())
		return
	}
	m.do(Play{Leg: m.contact.id, Sound: SoundUnavailable}, ArmTimer{Timer: TimerFarewell, After: farewellTime})
}

// dismiss ends whoever is still on the line, after the farewell if there was one.
func (m *Machine) dismiss(why Cause) {
	m.do(StopTimer{TimerFarewell})
	for _, l := range m.sides() {
		m.letGo(l, why)
	}
	m.settle()
}

// mediaLost ends a conversation in which one side fell silent for too long.
func (m *Machine) mediaLost(id LegID) {
	l := m.find(id)
	if l == nil || m.phase != Talking {
		return
	}
	m.mark("media_lost", l.user, "no audio from the "+l.role.String())
	m.end(Cause{Kind: CauseMediaLost, Q850: 41})
}

// hangup ends the call by command, at once. A caller who still waits was rejected.
func (m *Machine) hangup(by string) {
	m.mark("hung_up", by, "by command")
	switch m.phase {
	case Waiting, Offering:
		m.giveUp(Cause{Kind: CauseCancelled}, rejected)
	case Announcing, Summoning, Dialing, Talking:
		m.end(Cause{Kind: CauseNormal})
	case Following:
		m.clear(completed)
	case Clearing:
		m.dismiss(m.verdict.cause())
	case Arriving, Ended:
	}
}

// drained ends the call because the switch goes down.
func (m *Machine) drained() {
	m.mark("drained", "", "the switch is going down")
	switch m.phase {
	case Waiting, Offering:
		m.giveUp(Cause{Kind: CauseDrained}, cutOff)
	case Announcing, Summoning, Dialing, Talking:
		m.end(Cause{Kind: CauseDrained})
	case Following:
		m.clear(completed)
	case Clearing:
		m.dismiss(m.verdict.cause())
	case Arriving, Ended:
	}
}

// giveUp ends a call that waits for somebody.
func (m *Machine) giveUp(why Cause, v verdict) {
	m.withdraw(why, OutcomeWithdrawn)
	m.clear(v)
	m.conclude()
	m.dismiss(m.verdict.cause())
}

// failed ends a call that cannot be carried.
func (m *Machine) failed(why Cause) {
	if m.rec.Direction == Inbound {
		m.withdraw(why, OutcomeWithdrawn)
	} else {
		m.do(StopTimer{TimerDial})
	}
	m.clear(failure(why))
	m.conclude()
	m.dismiss(why)
}

// end is the end of a conversation, of a closed office's call, or of a call
// that a user gave up. Whoever is still on the line is let go first, the
// recording ends before the ports close, and the result is written when the
// audio of both is counted; what a crash would leave in between is found at
// the next start.
func (m *Machine) end(why Cause) {
	v := m.verdictOn(why)
	m.do(StopTimer{TimerDial})
	m.endSegment()
	sides := m.sides()
	for _, l := range sides {
		m.do(Release{Leg: l.id, Cause: why})
	}
	m.stopRecording()
	for _, l := range []*leg{&m.contact, &m.person} {
		m.lost(l)
	}
	if m.attempt != nil {
		m.lost(&m.attempt.leg)
	}
	m.freeCallers()
	m.attempt, m.transfer = nil, nil
	m.clear(v)
}

// verdictOn is the verdict on a call that somebody ended.
func (m *Machine) verdictOn(why Cause) verdict {
	v := completed
	switch {
	case m.plan.Closed != nil:
		v = closed
	case m.talked.IsZero() && why.Kind == CauseDrained:
		v = verdict{ResultFailed, MissedNone, 503, 41}
	case m.talked.IsZero():
		v = cancelled
	}
	if why.Q850 != 0 {
		v.q850 = why.Q850
	}
	return v
}

// freeCallers frees the users who talk, call out or are being dialed.
func (m *Machine) freeCallers() {
	for _, l := range []*leg{&m.contact, &m.person} {
		switch {
		case l.user == "":
		case m.talked.IsZero():
			m.do(OfferOver{User: l.user, Outcome: OutcomeWithdrawn})
		default:
			m.do(Free{User: l.user})
		}
		l.user = ""
	}
	if m.attempt != nil {
		m.freeDialed(m.attempt, OutcomeWithdrawn)
	}
	if m.booked != "" {
		m.do(OfferOver{User: m.booked, Outcome: OutcomeWithdrawn})
		m.booked = ""
	}
}

// clear enters the last phase but one with the verdict on the call.
func (m *Machine) clear(v verdict) {
	if !m.talked.IsZero() && v.reason != MissedNone && m.plan.Closed == nil {
		// Somebody talked with them, but they waited for somebody else since.
		m.owed = true
		v = completed
	}
	m.releaseCoaches()
	m.stopRecording()
	m.phase, m.verdict = Clearing, v
	m.settle()
}

// settle ends the call once its legs are gone and their ports are closed.
func (m *Machine) settle() {
	if m.phase != Clearing || m.closing > 0 || len(m.sides()) > 0 {
		return
	}
	m.freeCallers()
	m.conclude()
	m.phase = Ended
}

// conclude writes the result, once: the record, the tasks and the contact's
// flag in one transaction, and only then tells of it.
func (m *Machine) conclude() {
	if m.rec.Result != ResultNone {
		return
	}
	v := m.verdict
	talked := !m.talked.IsZero()
	ended := m.at.UTC()
	m.rec.State, m.rec.Result, m.rec.EndedAt = StateEnded, v.result, &ended
	m.rec.SIPCode, m.rec.Q850 = v.code, v.q850
	m.rec.Reason, m.rec.Missed = MissedNone, v.reason != MissedNone && !talked
	if m.rec.Missed {
		m.rec.Reason = v.reason
	}
	if talked {
		m.rec.Duration = m.at.Sub(m.talked).Seconds()
	} else {
		m.rec.Wait = m.elapsed().Seconds()
	}
	m.mark("ended", "", string(v.result))
	always := m.plan.Closed != nil && !m.plan.Closed.TaskUnlessAnswered
	m.do(Save{Change{Record: m.Record(), Task: m.taskAfter(), MissedTask: m.rec.Missed || always || m.owed}})
	if m.rec.Missed {
		m.do(Publish{EventCallMissed})
	}
	m.do(Publish{EventCallEnded})
}

// taskAfter is what becomes of the call's own task: an outbound call that did
// not reach the contact leaves it open.
func (m *Machine) taskAfter() TaskState {
	if m.rec.Direction == Outbound && m.rec.Result != ResultCompleted {
		return TaskOpen
	}
	return TaskDone
}

// mediaClosed keeps what was received from a leg of the conversation.
func (m *Machine) mediaClosed(in MediaClosed) {
	m.closing--
	for _, l := range []*leg{&m.contact, &m.person} {
		if l.id != in.Leg || m.talked.IsZero() {
			continue
		}
		if m.rec.Quality == nil {
			m.rec.Quality = make(map[string]Quality)
		}
		m.rec.Quality[l.role.String()] = in.Quality
	}
	m.settle()
}

// timerFired does what a timer was armed for, when that still matters.
func (m *Machine) timerFired(t Timer) {
	switch t {
	case TimerReception:
		if m.phase == Waiting || m.phase == Offering {
			m.receptionTimeout()
		}
	case TimerOffer:
		if m.phase == Offering {
			m.offerTimeout()
		}
	case TimerDial:
		switch {
		case m.phase == Clearing || m.phase == Ended:
		case m.phase == Summoning:
			m.notSummoned(Cause{Kind: CauseNoAnswer})
		case m.attempt != nil:
			m.dialTimeout()
		case m.transfer != nil:
			m.unanswered()
		}
	case TimerFarewell:
		if m.phase == Clearing {
			m.dismiss(m.verdict.cause())
		}
	default:
		m.coachTimeout(t)
	}
}
