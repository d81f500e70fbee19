package call

import "slices"

// dismissCoach ends a coach's leg and their part in the conversation.
func (m *Machine) dismissCoach(c *coach, why Cause) {
	m.letGo(&c.leg, why)
	m.coachLeft(c, why)
}

// coachLeft goes on without a coach whose leg is gone.
func (m *Machine) coachLeft(c *coach, why Cause) {
	joined := c.joined
	m.forget(c, why)
	m.do(Free{User: c.user})
	switch {
	case m.phase == Following:
		m.clear(completed)
	case joined:
		m.heedCoaches()
	}
}

// forget takes a coach out of the call and closes their page of its history.
func (m *Machine) forget(c *coach, why Cause) {
	m.coaches = slices.DeleteFunc(m.coaches, func(x *coach) bool { return x == c })
	switch {
	case !c.joined:
		m.do(StopTimer{c.timer()})
		m.mark("coach_not_joined", c.user, why.String())
	case m.phase != Following:
		left := m.at.UTC()
		m.rec.Coachings[c.session].LeftAt = &left
		m.mark("coach_left", c.user, why.String())
	}
}

// releaseCoaches ends the parts of all coaches with the call. Who stays with a
// salesperson waits for their next conversation.
func (m *Machine) releaseCoaches() {
	for len(m.coaches) > 0 {
		c, over := m.coaches[0], Cause{Kind: CauseNormal}
		if c.joined && c.as.Stays && m.phase != Following {
			m.sendToStandby(c)
			continue
		}
		m.letGo(&c.leg, over)
		m.forget(c, over)
		m.do(Free{User: c.user})
	}
}

// followOut takes those coaches along who stay with a user who leaves, and
// reports whether there were any: that is to be told once the call stands anew.
func (m *Machine) followOut(user string) (any bool) {
	for _, c := range slices.Clone(m.coaches) {
		if c.joined && c.as.Stays && c.as.With == user {
			m.sendToStandby(c)
			any = true
		}
	}
	return any
}

// relieve ends the coaching of a user who is about to talk with the contact;
// Talk tells the floor.
func (m *Machine) relieve(user string) {
	if c := m.coachNamed(user); user != "" && c != nil {
		m.letGo(&c.leg, elsewhere)
		m.forget(c, elsewhere)
	}
}

// moveCoaches hands the coaches of a conversation that another call goes on
// with over to it. Their seats there are as they were here.
func (m *Machine) moveCoaches(to ID) {
	for _, c := range slices.Clone(m.coaches) {
		if !c.joined || c.as.Stays {
			continue
		}
		as := c.as
		m.lost(&c.leg)
		m.forget(c, elsewhere)
		m.do(Hand{To: to, Handed: Handed{Leg: c.id, User: c.user, Coaching: &as}})
	}
}

// coachTimeout gives up on a coach who does not join.
func (m *Machine) coachTimeout(t Timer) {
	i := slices.IndexFunc(m.coaches, func(c *coach) bool { return c.timer() == t })
	if i >= 0 && !m.coaches[i].joined {
		m.dismissCoach(m.coaches[i], Cause{Kind: CauseNoAnswer})
	}
}
