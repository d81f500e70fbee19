package call

// messageEnded follows the office-closed message: hang up, or redirect.
func (m *Machine) messageEnded() {
	if m.plan.Closed.Redirect == nil {
		m.end(Cause{Kind: CauseNormal})
		return
	}
	m.trunk = 0
	m.phase, m.rec.State = Dialing, StateDialing
	m.rec.RedirectedTo = m.plan.Closed.Redirect.Number
	m.save(TaskOpen)
	m.do(Play{Leg: m.contact.id, Sound: SoundRingback, Loop: true},
		ArmTimer{Timer: TimerDial, After: m.plan.Closed.Redirect.RingTimeout})
	m.dial()
}

// dial opens the media of a leg through the trunk that is to be tried.
func (m *Machine) dial() {
	m.person = leg{id: m.newLeg(), role: RoleOutside}
	m.do(OpenMedia{Leg: m.person.id, Trunk: m.redirectTrunk()})
}

// redirectTrunk is the trunk that is being tried, or empty when there is none.
func (m *Machine) redirectTrunk() string {
	if t := m.plan.Closed.Redirect.Trunks; m.trunk < len(t) {
		return t[m.trunk]
	}
	return ""
}

// personOpened calls the outside number.
func (m *Machine) personOpened(sdp []byte) {
	r := m.plan.Closed.Redirect
	m.mark("dialing", "", r.Number+" through "+m.redirectTrunk())
	m.do(Invite{Leg: m.person.id, SDP: sdp, To: Target{
		Trunk: m.redirectTrunk(), Number: r.Number, CallerID: r.CallerID, Diverted: m.rec.Number, Show: m.plan.Contact,
	}})
}

// dialFailed tries the next trunk, or gives up and releases the caller.
// Once it rang, another trunk would only ring the same person again.
func (m *Machine) dialFailed(why Cause) {
	m.mark("not_reached", "", why.String())
	m.letGo(&m.person, why)
	rang := m.person.progress
	m.trunk++
	if !rang && failsOver(why) && m.redirectTrunk() != "" {
		m.dial()
		return
	}
	m.do(StopTimer{TimerDial})
	m.missed(closed)
}

// failsOver reports whether another trunk may do better: no answer, 408 or 5xx.
func failsOver(why Cause) bool {
	return why.Kind == CauseUnreachable || why.Code == 408 || why.Code/100 == 5
}

// dialTimeout gives up on a number that rings.
func (m *Machine) dialTimeout() {
	m.person.progress = true // whatever came of it, no other trunk is tried
	m.dialFailed(Cause{Kind: CauseNoAnswer})
}
