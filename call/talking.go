package call

// mediaOpened goes on with whatever a leg's port was wanted for.
func (m *Machine) mediaOpened(in MediaOpened) {
	l := m.find(in.Leg)
	if l == nil {
		m.free(in.Leg)
		return
	}
	l.media = true
	switch {
	case l == &m.contact:
		l.sdp = in.SDP
		m.contactOpened()
	case l == &m.person:
		m.personOpened(in.SDP)
	default:
		m.offerOpened(m.offerOn(in.Leg), in.SDP)
	}
}

// mediaFailed ends what cannot be heard.
func (m *Machine) mediaFailed(in MediaFailed) {
	l := m.find(in.Leg)
	if l == nil {
		return
	}
	m.mark("media_failed", l.user, in.Why)
	switch {
	case l == &m.contact && m.talked.IsZero() && m.plan.Closed == nil:
		m.failed(in.Cause)
	case l == &m.contact:
		m.end(in.Cause)
	case l == &m.person:
		m.dialFailed(in.Cause)
	default:
		o := m.offerOn(in.Leg)
		m.letGo(&o.leg, in.Cause)
		m.offerOver(o.leg, OutcomeFailed, in.Why)
	}
}

// legProgress notes that a phone rings.
func (m *Machine) legProgress(in LegProgress) {
	l := m.find(in.Leg)
	if l == nil {
		return
	}
	l.progress = true
	if l == &m.person && m.phase == Dialing && in.SDP != nil {
		m.do(AcceptMedia{Leg: l.id, SDP: in.SDP, Source: in.Source})
	}
}

// legAnswered sets the media of a leg that was lifted.
func (m *Machine) legAnswered(in LegAnswered) {
	l := m.find(in.Leg)
	if l == nil {
		m.do(Release{Leg: in.Leg, Cause: elsewhere})
		return
	}
	l.answered = true
	m.do(AcceptMedia(in))
}

// mediaReady connects a leg that was lifted, or lets the caller hear the early
// media of one that was not.
func (m *Machine) mediaReady(id LegID) {
	l := m.find(id)
	switch {
	case l == nil:
	case l == &m.person && m.phase == Dialing:
		m.outsideReady()
	case m.phase == Offering && l.answered && l != &m.contact:
		m.userReady(m.offerOn(id))
	}
}

// outsideReady lets the caller hear the number that the call was redirected to.
func (m *Machine) outsideReady() {
	m.do(Hush{Leg: m.contact.id})
	m.wire()
	if !m.person.answered {
		return
	}
	m.do(StopTimer{TimerDial})
	m.mark("connected", "", m.rec.RedirectedTo)
	m.connected()
}

// userReady connects the user who lifted first; the others stop ringing.
func (m *Machine) userReady(o *offer) {
	m.person = o.leg
	m.dropOffer(o.id)
	m.withdraw(elsewhere, OutcomeElsewhere)
	m.rec.User = m.person.user
	m.do(Talk{User: m.person.user})
	m.answerContact()
	m.do(Hush{Leg: m.contact.id})
	m.wire()
	m.mark("connected", m.person.user, "")
	m.connected()
}

// wire sets who hears whom between the contact and the person.
func (m *Machine) wire() {
	m.do(Wire{Audience([]Seat{{m.contact.id, m.contact.role}, {m.person.id, m.person.role}})})
}

// connected begins the conversation: the duration counts, the recording runs.
func (m *Machine) connected() {
	m.phase, m.rec.State = Talking, StateActive
	m.talked = m.at
	answered := m.at.UTC()
	m.rec.AnsweredAt = &answered
	m.rec.Wait = m.elapsed().Seconds()
	switch {
	case m.plan.Record && m.plan.Announce != "":
		m.do(Play{Leg: m.contact.id, Sound: m.plan.Announce})
	case m.plan.Record:
		m.record()
	}
	m.save(TaskInProgress)
	m.do(Publish{EventCallAnswered})
}

// record starts the recording.
func (m *Machine) record() {
	m.recording = true
	m.do(StartRecording{Contact: m.contact.id, Person: m.person.id})
}

// playEnded follows a sound that was played to its end.
func (m *Machine) playEnded(in PlayEnded) {
	switch m.phase {
	case Announcing:
		m.messageEnded()
	case Talking:
		if in.Sound == m.plan.Announce {
			m.do(Hush{Leg: m.contact.id})
			m.record()
		}
	case Clearing:
		m.letContactGo()
	case Arriving, Waiting, Offering, Dialing, Ended:
	}
}

// legOffered answers a peer that changes its media.
func (m *Machine) legOffered(in LegOffered) {
	if l := m.find(in.Leg); l != nil && l.media {
		m.do(Reanswer{Leg: in.Leg, Offer: in.SDP})
	}
}
