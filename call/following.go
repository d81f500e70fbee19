package call

// standBy begins the wait of a coach who stays with a salesperson: their phone
// is taken over from the conversation that is over. It is no call: nothing is
// written down.
func (m *Machine) standBy(in Standby) {
	m.phase, m.began = Following, m.at
	m.rec = Record{ID: in.Call, State: StateEnded, Result: ResultCompleted}
	as := in.Coaching
	as.Mode = CoachListens // each conversation begins muted
	c := m.admit(as)
	c.from = in.Leg
	m.do(Supervise{User: c.user}, OpenMedia{Leg: c.id, User: c.user, Private: true},
		ArmTimer{Timer: c.timer(), After: takeTime})
}

// follow waits for the salesperson's next conversation, with music.
func (m *Machine) follow(c *coach) {
	m.do(Play{Leg: c.id, Sound: c.as.Music, Loop: true}, Follow{User: c.as.With})
}

// rejoin hands the coach over to the conversation that has begun.
func (m *Machine) rejoin(to ID) {
	if m.phase != Following || len(m.coaches) == 0 || !m.coaches[0].joined {
		return
	}
	c := m.coaches[0]
	as := c.as
	m.lost(&c.leg)
	m.forget(c, Cause{})
	m.do(Hand{To: to, Handed: Handed{Leg: c.id, User: c.user, Coaching: &as}})
	m.clear(completed)
}

// sendToStandby gives a coach's phone to a wait of its own.
func (m *Machine) sendToStandby(c *coach) {
	m.lost(&c.leg)
	m.forget(c, Cause{Kind: CauseNormal})
	m.do(StandBy{Leg: c.id, Coaching: c.as})
}
