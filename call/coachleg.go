package call

import "slices"

// coachOn returns the coach whose leg an input is about, or nil.
func (m *Machine) coachOn(in Input) *coach {
	if len(m.coaches) == 0 {
		return nil
	}
	id := subject(in)
	i := slices.IndexFunc(m.coaches, func(c *coach) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return m.coaches[i]
}

// subject is the leg that an input is about, empty when there is none.
func subject(in Input) LegID {
	switch in := in.(type) {
	case MediaOpened:
		return in.Leg
	case MediaReady:
		return in.Leg
	case MediaFailed:
		return in.Leg
	case MediaLost:
		return in.Leg
	case LegProgress:
		return in.Leg
	case LegAnswered:
		return in.Leg
	case LegAccepted:
		return in.Leg
	case LegOffered:
		return in.Leg
	case LegHeld:
		return in.Leg
	case LegRefers:
		return in.Leg
	case LegGone:
		return in.Leg
	case PlayEnded:
		return in.Leg
	case Digit:
		return in.Leg
	case Surrender:
		return in.Leg
	}
	return ""
}

// coachSays takes what happens to a coach's leg. Nothing of it ever reaches
// the conversation but by the table of who hears whom.
func (m *Machine) coachSays(c *coach, in Input) {
	switch in := in.(type) {
	case MediaOpened:
		m.coachOpened(c, in.SDP)
	case MediaReady:
		m.coachReady(c)
	case MediaFailed:
		m.mark("media_failed", c.user, in.Why)
		if c.from != "" {
			m.do(Release{Leg: c.from, Cause: in.Cause})
		}
		m.dismissCoach(c, in.Cause)
	case MediaLost:
		m.mark("media_lost", c.user, "no audio from the "+c.role.String())
		m.dismissCoach(c, Cause{Kind: CauseMediaLost, Q850: 41})
	case LegAnswered:
		c.answered = true
		if c.early { // it was our answer that it got
			m.coachReady(c)
			return
		}
		m.do(AcceptMedia(in))
	case LegAccepted:
		m.do(AcceptMedia{Leg: in.Leg, SDP: in.SDP})
	case LegOffered:
		m.do(Reanswer{Leg: in.Leg, Offer: in.SDP})
	case LegHeld:
		m.coachHolds(c, in.On)
	case LegGone:
		m.lost(&c.leg)
		m.coachLeft(c, in.Cause)
	case Digit:
		m.coachKey(c, in.Key)
	case LegRefers: // their place is not theirs to pass on
		m.do(Notify{Leg: c.id, Status: 603})
	case Surrender:
		m.do(Hand{To: in.By, Handed: Handed{For: in.Leg}})
	}
}

// coachOpened calls the coach's phone, or takes it over.
func (m *Machine) coachOpened(c *coach, sdp []byte) {
	if c.media {
		return
	}
	c.media = true
	if c.from != "" {
		m.do(Take{Leg: c.id, From: c.from, SDP: sdp})
		c.from = ""
		return
	}
	m.do(Invite{Leg: c.id, SDP: sdp, To: Target{User: c.user, Show: c.as.Show, AutoAnswer: true}})
}

// coachReady lets a coach into the conversation.
func (m *Machine) coachReady(c *coach) {
	if c.joined || !c.answered {
		return
	}
	c.joined = true
	m.do(StopTimer{c.timer()})
	if m.phase == Following {
		m.follow(c)
		return
	}
	at := m.at.UTC()
	c.session = len(m.rec.Coachings)
	m.rec.Coachings = append(m.rec.Coachings, CoachSession{
		User: c.user, JoinedAt: at, Modes: []CoachTurn{{Mode: c.as.Mode, At: at}},
	})
	if !slices.Contains(m.rec.Coaches, c.user) {
		m.rec.Coaches = append(slices.Clip(m.rec.Coaches), c.user)
	}
	m.mark("coach_joined", c.user, string(c.as.Mode))
	m.heedCoaches()
}

// coachKey takes a key of a coach's phone: 4 whispers, 5 listens, 6 barges where
// that is allowed. A short tone tells the coach that it took effect.
func (m *Machine) coachKey(c *coach, key byte) {
	if !c.joined || m.phase == Following {
		return
	}
	mode, known := map[byte]CoachMode{'4': CoachWhispers, '5': CoachListens, '6': CoachBarges}[key]
	if !known || mode == CoachBarges && !c.as.Barge {
		return
	}
	m.turn(c, mode)
	m.do(Play{Leg: c.id, Sound: SoundConfirm})
}
