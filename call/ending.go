package call

import "time"

// farewellTime bounds how long a caller is told that nobody can take the call.
const farewellTime = 6 * time.Second

// legGone follows a peer that ended its leg.
func (m *Machine) legGone(in LegGone) {
	l := m.find(in.Leg)
	switch {
	case l == nil:
	case l == &m.contact:
		m.contactGone(in.Cause)
	case l == &m.person && m.phase == Dialing:
		m.lost(l)
		m.dialFailed(in.Cause)
	case l == &m.person:
		l.gone = true
		m.end(in.Cause)
	default:
		m.offerGone(m.offerOn(in.Leg), in.Cause)
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
	case Announcing, Dialing, Talking:
		m.end(why)
	case Clearing:
		m.do(StopTimer{TimerFarewell})
		m.lost(&m.contact)
		m.settle()
	case Ended:
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
		m.letContactGo()
		return
	}
	m.do(Play{Leg: m.contact.id, Sound: SoundUnavailable}, ArmTimer{Timer: TimerFarewell, After: farewellTime})
}

// letContactGo ends the caller's leg after the farewell.
func (m *Machine) letContactGo() {
	m.do(StopTimer{TimerFarewell})
	m.letGo(&m.contact, m.verdict.cause())
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
		m.withdraw(Cause{Kind: CauseCancelled}, OutcomeWithdrawn)
		m.clear(rejected)
		m.conclude()
		m.letContactGo()
	case Announcing, Dialing, Talking:
		m.end(Cause{Kind: CauseNormal})
	case Clearing:
		m.letContactGo()
	case Arriving, Ended:
	}
}

// drained ends the call because the switch goes down.
func (m *Machine) drained() {
	m.mark("drained", "", "the switch is going down")
	switch m.phase {
	case Waiting, Offering:
		m.withdraw(Cause{Kind: CauseDrained}, OutcomeWithdrawn)
		m.clear(cutOff)
		m.conclude()
		m.letContactGo()
	case Announcing, Dialing, Talking:
		m.end(Cause{Kind: CauseDrained})
	case Clearing:
		m.letContactGo()
	case Arriving, Ended:
	}
}

// failed ends a call that cannot be carried.
func (m *Machine) failed(why Cause) {
	m.withdraw(why, OutcomeWithdrawn)
	m.clear(failure(why))
	m.conclude()
	m.letGo(&m.contact, why)
	m.settle()
}

// end is the end of a conversation, or of a closed office's call. Whoever is
// still on the line is let go first, the recording ends before the ports close,
// and the result is written when the audio of both is counted;
// what a crash would leave in between is found at the next start.
func (m *Machine) end(why Cause) {
	v := completed
	if m.plan.Closed != nil {
		v = closed
	}
	if why.Q850 != 0 {
		v.q850 = why.Q850
	}
	m.do(StopTimer{TimerDial})
	sides := []*leg{&m.contact, &m.person}
	for _, l := range sides {
		if l.id != "" && !l.gone {
			m.do(Release{Leg: l.id, Cause: why})
		}
	}
	if m.recording {
		m.recording = false
		m.do(StopRecording{})
	}
	for _, l := range sides {
		m.lost(l)
	}
	if m.person.user != "" {
		m.do(Free{User: m.person.user})
	}
	m.clear(v)
	m.settle()
}

// clear enters the last phase but one with the verdict on the call.
func (m *Machine) clear(v verdict) {
	m.phase, m.verdict = Clearing, v
	if m.contact.gone {
		m.settle()
	}
}

// settle ends the call once its legs are gone and their ports are closed.
func (m *Machine) settle() {
	if m.phase != Clearing || m.closing > 0 || !m.contact.gone {
		return
	}
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
	m.do(Save{Change{Record: m.Record(), Task: TaskDone, MissedTask: m.rec.Missed || always}})
	if m.rec.Missed {
		m.do(Publish{EventCallMissed})
	}
	m.do(Publish{EventCallEnded})
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
		if m.phase == Dialing {
			m.dialTimeout()
		}
	case TimerFarewell:
		if m.phase == Clearing {
			m.letContactGo()
		}
	}
}
