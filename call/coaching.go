package call

import "slices"

// MaxCoaches is how many supervisors may coach one call at a time.
const MaxCoaches = 4

// maxTurns bounds the changes of mode that are kept of one coaching; beyond it
// the last one is the newest.
const maxTurns = 100

// coach is a supervisor in the conversation, or on the way to it.
type coach struct {
	leg
	as      Coaching
	from    LegID // the leg of another call that is taken over, instead of calling
	early   bool  // it is the coach's INVITE, which our answer accepts
	joined  bool
	session int // in Record.Coachings, once joined
}

// timer bounds how long the coach may take to join.
func (c *coach) timer() Timer { return Timer("coach " + c.id) }

// speaks reports whether the salesperson hears the coach.
func (c *coach) speaks() bool { return c.joined && !c.holds && c.role != RoleCoach }

// coached takes what concerns coaches and not one of their legs.
func (m *Machine) coached(in Input) {
	switch in := in.(type) {
	case Coach:
		m.coach(in.Coaching)
	case CoachSwitch:
		if c := m.coachNamed(in.User); c != nil {
			m.turn(c, in.Mode)
		}
	case CoachLeave:
		if c := m.coachNamed(in.User); c != nil {
			m.dismissCoach(c, Cause{Kind: CauseNormal})
		}
	case Standby:
		m.standBy(in)
	case Conversing:
		m.rejoin(in.Call)
	}
}

// coach calls the phone of a supervisor who joins; it lifts by itself.
func (m *Machine) coach(as Coaching) {
	if !m.mayJoin(as.User) {
		m.giveBack(as.User)
		return
	}
	c := m.admit(as)
	m.do(OpenMedia{Leg: c.id, User: c.user, Private: true}, ArmTimer{Timer: c.timer(), After: as.RingTimeout})
}

// coachHanded takes the phone of a supervisor over from another call: the
// INVITE with which it dialed itself in, or the leg of somebody who coached there.
func (m *Machine) coachHanded(in Handed) {
	as := *in.Coaching
	if !in.Early {
		m.do(Supervise{User: as.User})
	}
	if in.Leg == "" || !m.mayJoin(as.User) {
		m.turnAway(in)
		return
	}
	c := m.admit(as)
	c.from, c.early = in.Leg, in.Early
	m.do(OpenMedia{Leg: c.id, Remote: in.SDP, User: c.user, Source: in.Source, Private: true},
		ArmTimer{Timer: c.timer(), After: takeTime})
}

// turnAway does without a coach who cannot join. Who stays with a salesperson
// waits for their next conversation.
func (m *Machine) turnAway(in Handed) {
	if in.Leg != "" && in.Coaching.Stays && !in.Early {
		m.do(StandBy{Leg: in.Leg, Coaching: *in.Coaching})
		return
	}
	if in.Leg != "" {
		m.do(Release{Leg: in.Leg, Cause: Cause{Kind: CauseUnreachable, Code: 480}})
	}
	m.giveBack(in.Coaching.User)
}

// giveBack frees a user who was reserved in vain, unless the call has them in
// another part meanwhile.
func (m *Machine) giveBack(user string) {
	if !m.takesPart(user) {
		m.do(Free{User: user})
	}
}

// takesPart reports whether a user talks in the call or coaches it.
func (m *Machine) takesPart(user string) bool {
	return m.contact.user == user || m.person.user == user || m.coachNamed(user) != nil
}

// mayJoin reports whether a supervisor can join now: two people are connected,
// there is room, and they are not in the conversation themselves.
func (m *Machine) mayJoin(user string) bool {
	return m.phase == Talking && len(m.coaches) < MaxCoaches && !m.takesPart(user)
}

// admit makes room for a coach who is on the way.
func (m *Machine) admit(as Coaching) *coach {
	if as.Stays && as.With == "" {
		as.With = m.person.user
		as.Stays = as.With != "" // an outside number has no next conversation
	}
	c := &coach{leg: leg{id: m.newLeg(), role: as.Mode.role(), user: as.User}, as: as}
	m.coaches = append(m.coaches, c)
	return c
}

// coachNamed returns the coach of that name, or nil.
func (m *Machine) coachNamed(user string) *coach {
	i := slices.IndexFunc(m.coaches, func(c *coach) bool { return c.user == user })
	if i < 0 {
		return nil
	}
	return m.coaches[i]
}

// turn has a coach take on another mode.
func (m *Machine) turn(c *coach, mode CoachMode) {
	if m.phase == Following || c.as.Mode == mode {
		return
	}
	c.as.Mode, c.role = mode, mode.role()
	if !c.joined {
		return
	}
	s := &m.rec.Coachings[c.session]
	if n := len(s.Modes); n == maxTurns {
		s.Modes = s.Modes[:n-1]
	} else {
		m.mark("coach_turned", c.user, string(mode))
	}
	s.Modes = append(slices.Clip(s.Modes), CoachTurn{Mode: mode, At: m.at.UTC()})
	m.heedCoaches()
}

// coachHolds follows a coach who puts the call on hold: nobody is to hear what
// their phone plays meanwhile.
func (m *Machine) coachHolds(c *coach, on bool) {
	if c.holds == on {
		return
	}
	c.holds = on
	if c.joined && m.phase != Following {
		m.wire()
		m.soothePerson()
	}
}

// heedCoaches sets who hears whom, keeps the history and tells of it.
func (m *Machine) heedCoaches() {
	m.wire()
	m.soothePerson()
	task := TaskOpen
	if m.phase == Talking {
		task = TaskInProgress
	}
	m.save(task)
	m.do(Publish{EventCallCoached})
}
