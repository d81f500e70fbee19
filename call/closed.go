package call

// messageEnded follows the office-closed message: hang up, or redirect.
func (m *Machine) messageEnded() {
	if m.plan.Closed.Redirect == nil {
		m.end(Cause{Kind: CauseNormal})
		return
	}
	m.phase, m.rec.State = Dialing, StateDialing
	m.rec.RedirectedTo = m.plan.Closed.Redirect.Number
	m.save(TaskOpen)
	m.do(Play{Leg: m.contact.id, Sound: SoundRingback, Loop: true})
	m.dial(*m.plan.Closed.Redirect)
}

// redirected connects the caller with the number that the call was redirected to.
func (m *Machine) redirected(outside leg) {
	m.person = outside
	m.do(Hush{Leg: m.contact.id})
	m.mark("connected", "", m.rec.RedirectedTo)
	m.connected()
}
