package call

// originate begins an outbound call.
func (m *Machine) originate(in Origination) {
	m.origin, m.began = in, m.at
	m.rec = Record{
		ID: in.Call, Direction: Outbound, Mode: Manual, State: StateDialing,
		RawTo: in.Dialed, User: in.User, TaskID: in.TaskID,
		StartedAt: m.at.UTC(), Coaches: []string{},
	}
	if in.Leg != "" {
		m.lastLeg = 1
		m.person = leg{id: in.Leg, role: RoleSalesperson, user: in.User}
	}
	m.do(AskPlace{Origination: in})
}

// placed takes routing's decision: the call is durable, the user is reserved.
func (m *Machine) placed(d Placement) {
	if m.phase != Arriving || m.rec.Direction != Outbound {
		return
	}
	switch {
	case d.Service != "":
		m.serve(d.Service)
		return
	case d.Pickup != "":
		m.pickUp(d)
		return
	}
	m.route, m.booked = d.Route, d.Route.User
	m.plan = Plan{
		Contact: d.Contact, Caller: d.Caller, From: d.From, To: d.To, Number: d.Number, Playbook: d.Playbook, TaskID: d.TaskID,
		Reception: Reception{Music: d.Music}, Record: d.Record, Announce: d.Announce,
	}
	m.rec.From, m.rec.To, m.rec.Number, m.rec.NumberRule = d.From, d.To, d.Number, d.Rule
	m.rec.ContactID, m.rec.Playbook, m.rec.TaskID = d.Contact.ContactID, d.Playbook, d.TaskID
	m.mark("placed", m.rec.User, d.Why)
	m.do(Publish{EventCallArrived})
	switch {
	case m.origin.Leg == "":
		m.summon()
	case m.person.gone:
		m.end(Cause{Kind: CauseCancelled})
	default:
		m.openPhone()
	}
}

// openPhone opens the media of the phone that calls out.
func (m *Machine) openPhone() {
	m.do(OpenMedia{Leg: m.person.id, Remote: m.origin.SDP, User: m.person.user, Source: m.origin.Source})
}

// summon calls the user who wants to call out; a phone of theirs lifts by itself.
func (m *Machine) summon() {
	m.phase, m.rec.State = Summoning, StateRinging
	m.person = leg{id: m.newLeg(), role: RoleSalesperson, user: m.rec.User}
	m.do(OpenMedia{Leg: m.person.id, User: m.person.user}, ArmTimer{Timer: TimerDial, After: m.route.RingTimeout})
}

// phoneOpened goes on with the port of the user who calls out.
func (m *Machine) phoneOpened(sdp []byte) {
	if m.phase == Summoning {
		m.do(Invite{Leg: m.person.id, SDP: sdp, To: Target{User: m.person.user, Show: m.plan.Contact, AutoAnswer: true}})
		return
	}
	m.person.sdp = sdp
	if m.service != "" {
		m.answerPerson()
		m.do(Play{Leg: m.person.id, Sound: m.service}, ArmTimer{Timer: TimerFarewell, After: farewellTime})
		return
	}
	m.callOut()
}

// callOut calls whom the user wants to talk to.
func (m *Machine) callOut() {
	m.do(StopTimer{TimerDial})
	m.phase, m.rec.State = Dialing, StateDialing
	m.booked = ""
	m.dial(m.route)
}

// calleeRings lets the user who calls out hear that it rings.
func (m *Machine) calleeRings() {
	m.showProgress(180)
	m.do(Play{Leg: m.person.id, Sound: SoundRingback, Loop: true})
}

// showProgress tells the phone that called us how far it is. Its SDP lets it
// hear ringback and early media; without an SDP offer there is none to answer.
func (m *Machine) showProgress(status int) {
	if m.person.answered || m.person.progress {
		return
	}
	m.person.progress = true
	if m.origin.SDP == nil {
		m.do(Progress{Leg: m.person.id, Status: 180})
		return
	}
	m.do(Progress{Leg: m.person.id, Status: status, SDP: m.person.sdp})
}

// calleeReady connects the user with whom they called.
func (m *Machine) calleeReady(callee leg) {
	m.contact = callee
	m.answerPerson()
	m.do(Talk{User: m.person.user})
	if callee.user != "" {
		m.do(Talk{User: callee.user})
	}
	m.do(Hush{Leg: m.person.id})
	m.mark("connected", m.person.user, "")
	m.connected()
}

// answerPerson sends the 200 to a phone that called us, once.
func (m *Machine) answerPerson() {
	if m.person.answered {
		return
	}
	m.person.answered = true
	m.do(Answer{Leg: m.person.id, SDP: m.person.sdp})
}

// unreached ends a call whose number was not reached: it is written down, then
// the user hears why, or is turned away when their phone called us.
func (m *Machine) unreached(why Cause) {
	m.clear(unreachedFor(why))
	m.conclude()
	tone := m.verdict.tone()
	if !m.person.answered || tone == "" {
		m.dismiss(why)
		return
	}
	m.do(Play{Leg: m.person.id, Sound: tone, Loop: true}, ArmTimer{Timer: TimerFarewell, After: farewellTime})
}

// notSummoned ends a call whose own user did not lift.
func (m *Machine) notSummoned(why Cause) {
	m.do(StopTimer{TimerDial})
	m.letGo(&m.person, why)
	m.mark(string(outcomeOf(why.Kind)), m.person.user, "own phone: "+why.String())
	m.do(OfferOver{User: m.person.user, Outcome: outcomeOf(why.Kind)})
	m.person.user = ""
	m.clear(unsummonedFor(why))
}

// serve answers a feature code with a sound. It is no call: nothing is written
// down.
func (m *Machine) serve(sound Sound) {
	m.service, m.verdict = sound, completed
	m.phase, m.rec.State, m.rec.Result = Clearing, StateEnded, ResultCompleted
	if m.person.gone {
		m.phase = Ended
		return
	}
	m.openPhone()
	m.person.user = "" // nobody is reserved
}

// pickUp gives the phone that called us to a call that waits, or to one that it
// coaches. It is no call of its own: nothing is written down.
func (m *Machine) pickUp(d Placement) {
	m.phase, m.rec.State, m.rec.Result = Ended, StateEnded, ResultCompleted
	h := Handed{User: m.person.user, Early: true, Coaching: d.Coaching}
	if !m.person.gone {
		h.Leg, h.SDP, h.Source = m.person.id, m.origin.SDP, m.origin.Source
		m.person.gone = true
	}
	m.do(Hand{To: d.Pickup, Handed: h})
}
