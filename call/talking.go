package call

import (
	"slices"
	"time"
)

// mediaOpened goes on with whatever a leg's port was wanted for.
func (m *Machine) mediaOpened(in MediaOpened) {
	l := m.find(in.Leg)
	if l == nil {
		m.free(in.Leg)
		return
	}
	if l.media {
		return
	}
	l.media = true
	switch {
	case l == &m.contact:
		l.sdp = in.SDP
		m.contactOpened()
	case l == &m.person:
		m.phoneOpened(in.SDP)
	case m.attempt != nil && l == &m.attempt.leg:
		m.attemptOpened(in.SDP)
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
	m.sendBack(l, in.Cause)
	switch {
	case m.attempt != nil && l == &m.attempt.leg:
		m.dialFailed(in.Cause)
	case m.phase == Summoning:
		m.notSummoned(in.Cause)
	case m.phase == Clearing:
		m.dismiss(in.Cause)
	case (l == &m.contact || l == &m.person) && m.talked.IsZero() && m.plan.Closed == nil:
		m.failed(in.Cause)
	case l == &m.contact && (m.phase == Waiting || m.phase == Offering): // in a queue, after a conversation
		m.giveUp(in.Cause, cutOff)
	case l == &m.contact || l == &m.person:
		m.end(in.Cause)
	default:
		o := m.offerOn(in.Leg)
		m.letGo(&o.leg, in.Cause)
		m.offerOver(o.leg, OutcomeFailed, in.Why)
	}
}

// sendBack lets go what was handed to us as this leg and was not taken yet.
func (m *Machine) sendBack(l *leg, why Cause) {
	if o := m.offerOn(l.id); o != nil && o.from != "" && !o.answered {
		m.do(Release{Leg: o.from, Cause: why})
	}
	if a := m.attempt; a != nil && l == &a.leg && a.from != "" {
		m.do(Release{Leg: a.from, Cause: why})
	}
}

// legProgress notes that a phone rings.
func (m *Machine) legProgress(in LegProgress) {
	l := m.find(in.Leg)
	if l == nil {
		return
	}
	if m.attempt != nil && l == &m.attempt.leg {
		m.attemptProgress(in)
		return
	}
	l.progress = true
}

// legAnswered sets the media of a leg that was lifted.
func (m *Machine) legAnswered(in LegAnswered) {
	l := m.find(in.Leg)
	if l == nil {
		m.do(Release{Leg: in.Leg, Cause: elsewhere})
		return
	}
	l.answered = true
	if o := m.offerOn(in.Leg); o != nil && o.from != "" { // it was our answer that it got
		m.mediaReady(in.Leg)
		return
	}
	m.do(AcceptMedia(in))
}

// legAccepted sets the media of a caller who let us offer, unless they have
// hung up meanwhile.
func (m *Machine) legAccepted(in LegAccepted) {
	if l := m.find(in.Leg); l != nil && l.media {
		m.do(AcceptMedia{Leg: in.Leg, SDP: in.SDP})
	}
}

// mediaReady connects a leg that was lifted, or lets the caller hear the early
// media of one that was not.
func (m *Machine) mediaReady(id LegID) {
	l := m.find(id)
	switch {
	case l == nil:
	case m.attempt != nil && l == &m.attempt.leg:
		m.attemptReady()
	case l == &m.person && m.phase == Summoning && l.answered:
		m.mark("answered", l.user, "own phone")
		m.callOut()
	case m.phase == Offering && l.answered && l != &m.contact:
		m.userReady(m.offerOn(id))
	}
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
	m.mark("connected", m.person.user, "")
	m.connected()
}

// wire sets who hears whom. A muted salesperson is still heard by coaches.
func (m *Machine) wire() {
	edges := Audience(m.seats())
	if m.muted {
		edges = slices.DeleteFunc(edges, func(e Edge) bool { return e.Speaker == m.person.id && e.Listener == m.contact.id })
	}
	m.do(Wire{edges})
}

// seats are the places of those who take part at the moment. While one side of
// the conversation is on hold the contact has none, and so has a side whose
// phone holds: it may play music of its own.
func (m *Machine) seats() []Seat {
	var seats []Seat
	if m.phase == Talking {
		apart := m.rec.State != StateActive
		if !apart {
			seats = append(seats, Seat{m.contact.id, m.contact.role})
		}
		if !apart || !m.person.gone && !m.person.holds {
			seats = append(seats, Seat{m.person.id, m.person.role})
		}
	}
	for _, c := range m.coaches {
		if c.joined && !c.holds {
			seats = append(seats, Seat{c.id, c.role})
		}
	}
	return seats
}

// connected begins the conversation, or goes on with it after a queue: the
// duration counts, the recording runs.
func (m *Machine) connected() {
	m.phase, m.rec.State = Talking, StateActive
	m.wire()
	m.segment, m.segmentNumber = m.at, m.rec.RedirectedTo
	if m.talked.IsZero() {
		m.talked = m.at
		answered := m.at.UTC()
		m.rec.AnsweredAt = &answered
		m.rec.Wait = m.elapsed().Seconds()
	}
	m.startRecording()
	m.turnTape()
	m.save(TaskInProgress)
	m.do(Publish{EventCallAnswered})
	m.arrange() // one of them may hold since before
}

// endSegment writes down how long the person talked.
func (m *Machine) endSegment() {
	if m.segment.IsZero() {
		return
	}
	m.rec.Segments = append(m.rec.Segments, Segment{
		User: m.person.user, Number: m.segmentNumber,
		StartedAt: m.segment.UTC(), Seconds: m.at.Sub(m.segment).Seconds(),
	})
	m.segment = time.Time{}
}

// playEnded follows a sound that was played to its end.
func (m *Machine) playEnded(in PlayEnded) {
	switch m.phase {
	case Announcing:
		m.messageEnded()
	case Talking:
		if in.Sound == m.plan.Announce && m.rec.State == StateActive {
			m.announced = true
			m.do(Hush{Leg: m.contact.id})
			m.startRecording()
		}
	case Clearing:
		m.dismiss(m.verdict.cause())
	case Arriving, Waiting, Offering, Summoning, Dialing, Following, Ended:
	}
}

// legOffered answers a peer that changes its media.
func (m *Machine) legOffered(in LegOffered) {
	if l := m.find(in.Leg); l != nil && l.media {
		m.do(Reanswer{Leg: in.Leg, Offer: in.SDP})
	}
}
