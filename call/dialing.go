package call

// attempt is a number, or a colleague, that the call tries to reach.
type attempt struct {
	leg
	to    Route
	trunk int    // index of the route's trunk that is tried
	from  LegID  // the leg of another call that is taken over, instead of dialing
	taken bool   // it was, and nobody was reserved for it
	early bool   // early media is heard
	moved bool   // it is where a redirection pointed
	asks  *Cause // the redirection that routing is asked about
}

// via is the trunk that is tried, empty when there is none.
func (a *attempt) via() string {
	if a.trunk < len(a.to.Trunks) {
		return a.to.Trunks[a.trunk]
	}
	return ""
}

// dial begins to call a route.
func (m *Machine) dial(to Route) {
	m.attempt = &attempt{to: to}
	m.do(ArmTimer{Timer: TimerDial, After: to.RingTimeout})
	m.try()
}

// try opens the media of a leg through the trunk that is to be tried.
func (m *Machine) try() {
	a := m.attempt
	a.leg = leg{id: m.newLeg(), role: m.dialedRole(), user: a.to.User}
	m.do(OpenMedia{Leg: a.id, Trunk: a.via(), User: a.to.User})
}

// dialedRole is what whoever is dialed will be to the conversation.
func (m *Machine) dialedRole() Role {
	switch {
	case m.transfer == nil && m.rec.Direction == Outbound:
		return RoleContact
	case m.attempt.to.User != "":
		return RoleSalesperson
	}
	return RoleOutside
}

// attemptOpened calls the route, or takes over what was handed to us.
func (m *Machine) attemptOpened(sdp []byte) {
	a := m.attempt
	switch {
	case a.from != "":
		m.do(Take{Leg: a.id, From: a.from, SDP: sdp})
		a.from, a.taken = "", true
		return
	case a.to.User != "":
		m.mark("dialing", a.to.User, "")
		m.do(Invite{Leg: a.id, SDP: sdp, To: Target{User: a.to.User, Show: m.shown()}})
		return
	}
	if m.rec.Direction == Outbound && m.transfer == nil {
		m.rec.Trunk = a.via()
	}
	m.mark("dialing", "", a.to.Number+" through "+a.via())
	m.do(Invite{Leg: a.id, SDP: sdp, To: Target{
		Trunk: a.via(), Number: a.to.Number, CallerID: a.to.CallerID, Diverted: m.diverted(), Show: m.shown(),
	}})
}

// shown is whom a dialed phone displays: the user who calls it, or the contact.
func (m *Machine) shown() Party {
	if m.transfer == nil && m.rec.Direction == Outbound {
		return m.plan.Caller
	}
	return m.plan.Contact
}

// diverted is the number of ours that the contact called before they were sent
// to another one (RFC 5806).
func (m *Machine) diverted() string {
	if m.rec.Direction == Inbound {
		return m.rec.Number
	}
	return ""
}

// attemptProgress follows a provisional response.
func (m *Machine) attemptProgress(in LegProgress) {
	a := m.attempt
	a.progress = true
	switch {
	case in.SDP != nil && m.transfer == nil:
		m.do(AcceptMedia{Leg: a.id, SDP: in.SDP, Source: in.Source})
	case m.calls() && !a.early && in.Status >= 180:
		m.calleeRings()
	}
}

// calls reports whether a user is calling out and waits for an answer.
func (m *Machine) calls() bool { return m.phase == Dialing && m.rec.Direction == Outbound }

// attemptReady connects whoever answered, or lets early media be heard.
func (m *Machine) attemptReady() {
	a := m.attempt
	if !a.answered {
		m.earlyMedia()
		return
	}
	m.attempt = nil
	m.do(StopTimer{TimerDial})
	switch {
	case m.transfer != nil:
		m.transferred(a)
	case m.rec.Direction == Outbound:
		m.calleeReady(a.leg)
	default:
		m.redirected(a.leg)
	}
}

// earlyMedia lets whoever waits hear what comes before the answer.
func (m *Machine) earlyMedia() {
	a := m.attempt
	a.early = true
	listener := &m.contact
	if m.calls() {
		listener = &m.person
		m.showProgress(183)
	}
	m.do(Hush{Leg: listener.id},
		Wire{Audience([]Seat{{listener.id, listener.role}, {a.id, a.role}})})
}

// dialFailed tries the next trunk, or gives up.
// Once it rang, another trunk would only ring the same person again.
func (m *Machine) dialFailed(why Cause) {
	a := m.attempt
	m.mark("not_reached", a.user, why.String())
	m.letGo(&a.leg, why)
	if why.Moved != "" && m.follows(why) {
		return
	}
	m.dialOver(why)
}

// dialOver goes on after an attempt that led nowhere.
func (m *Machine) dialOver(why Cause) {
	a := m.attempt
	a.trunk++
	if !a.progress && failsOver(why) && a.via() != "" {
		m.try()
		return
	}
	m.attempt = nil
	m.do(StopTimer{TimerDial})
	m.freeDialed(a, outcomeOf(why.Kind))
	switch {
	case m.transfer != nil:
		m.transferFailed(why)
	case m.rec.Direction == Outbound:
		m.unreached(why)
	default:
		m.missed(closed)
	}
}

// follows asks routing about a redirection; false when it is the second one.
func (m *Machine) follows(why Cause) bool {
	a := m.attempt
	if office := m.rec.Direction == Inbound && m.transfer == nil; office || a.moved {
		m.mark("not_followed", "", "to "+why.Moved+": redirected before")
		return false
	}
	a.asks = &why
	m.mark("redirected", a.user, "to "+why.Moved)
	m.do(AskRedirect{To: why.Moved})
	return true
}

// followed calls the number that a redirection named.
func (m *Machine) followed(d Destination) {
	a := m.attempt
	m.freeDialed(a, OutcomeFailed)
	if a.early {
		m.do(Wire{})
	}
	m.dial(d.Route)
	m.attempt.moved = true
}

// unfollowed ends an attempt whose redirection is not allowed.
func (m *Machine) unfollowed(why Cause) {
	moved := *m.attempt.asks
	m.attempt.asks = nil
	m.mark("not_followed", "", "to "+moved.Moved+": "+why.Text)
	m.dialOver(moved)
}

// freeDialed frees a colleague who was called and did not answer.
func (m *Machine) freeDialed(a *attempt, outcome Outcome) {
	if a.user != "" && a.from == "" && !a.taken {
		m.do(OfferOver{User: a.user, Outcome: outcome})
	}
}

// failsOver reports whether another trunk may do better: no answer, 408 or 5xx.
func failsOver(why Cause) bool {
	return why.Kind == CauseUnreachable || why.Code == 408 || why.Code/100 == 5
}

// dialTimeout gives up on what rings.
func (m *Machine) dialTimeout() {
	m.attempt.progress = true // whatever came of it, no other trunk is tried
	m.dialFailed(rangOut)
}
