package call

import "slices"

// legHeld follows a peer that put the call on hold, or took it back.
func (m *Machine) legHeld(in LegHeld) {
	l := m.find(in.Leg)
	if l == nil || l.holds == in.On {
		return
	}
	l.holds = in.On
	m.arrange()
}

// holdOn puts the contact on hold from the screen, or takes them back.
func (m *Machine) holdOn(in Hold) {
	if m.phase != Talking || m.onHold == in.On {
		return
	}
	m.onHold = in.On
	m.arrange()
}

// arrange sets who hears what in a conversation, after a hold, a resumption or
// a transfer. Whoever is on hold hears music and nobody hears them; the
// recording keeps silence.
func (m *Machine) arrange() {
	if m.phase != Talking {
		return
	}
	was := m.rec.State
	m.rec.State = StateActive
	if m.onHold || m.contact.holds || m.person.holds || m.transfer != nil {
		m.rec.State = StateHeld
	}
	switch {
	case m.rec.State == StateHeld && was == StateHeld: // by somebody else, or by more
		if len(m.coaches) > 0 {
			m.wire()
		}
		m.sootheBoth()
		return
	case m.rec.State == was:
		return
	case m.rec.State == StateHeld:
		m.wire()
		m.sootheBoth()
	default:
		m.contact.soothed, m.person.soothed = false, false
		m.do(Hush{Leg: m.contact.id}, Hush{Leg: m.person.id})
		m.wire()
		m.startRecording()
	}
	m.turnTape()
	m.mark(string(m.rec.State), m.rec.User, "")
	m.do(Publish{EventCallHeld})
}

// sootheBoth lets whoever is on hold hear music.
func (m *Machine) sootheBoth() {
	m.soothe(&m.contact, !m.contact.holds)
	m.soothePerson()
}

// soothePerson plays music to the person whom the contact put on hold, unless a
// coach speaks to them.
func (m *Machine) soothePerson() {
	if m.phase != Talking {
		return
	}
	spoken := slices.ContainsFunc(m.coaches, (*coach).speaks)
	m.soothe(&m.person, m.rec.State == StateHeld && m.contact.holds && !m.person.holds && !spoken)
}

// soothe plays music to a side that is on hold, or ends it. The side that
// holds, and the user who asked for it from the screen, hear nothing.
func (m *Machine) soothe(l *leg, music bool) {
	switch {
	case l.gone || l.soothed == music:
		return
	case music:
		m.do(Play{Leg: l.id, Sound: m.plan.Reception.Music, Loop: true})
	default:
		m.do(Hush{Leg: l.id})
	}
	l.soothed = music
}

// mute keeps from the others what the salesperson says, or ends that.
func (m *Machine) mute(in Mute) {
	if m.phase != Talking || m.muted == in.On {
		return
	}
	m.muted = in.On
	if m.rec.State == StateActive {
		m.wire()
	}
}

// digit takes a key. Those that came by INFO are passed on here; *1 of the
// salesperson pauses the recording and goes on with it.
func (m *Machine) digit(in Digit) {
	l := m.find(in.Leg)
	if l == nil {
		return
	}
	if in.Signalled {
		m.do(Press{Leg: l.id, Key: in.Key})
	}
	if l != &m.person || l.user == "" || m.phase != Talking {
		return
	}
	if m.starred && in.Key == '1' {
		m.pauseRecording(PauseRecording{By: l.user, On: !m.paused})
	}
	m.starred = in.Key == '*'
}

// pauseRecording makes the recording silence, or ends that.
func (m *Machine) pauseRecording(in PauseRecording) {
	if m.phase != Talking || !m.plan.Record || m.paused == in.On {
		return
	}
	m.paused = in.On
	what := "recording_resumed"
	if in.On {
		what = "recording_paused"
	}
	m.mark(what, in.By, "")
	m.turnTape()
}

// startRecording starts the recording of a conversation, once, after what the
// contact has to be told about it.
func (m *Machine) startRecording() {
	switch {
	case !m.plan.Record || m.recording:
	case m.plan.Announce != "" && !m.announced:
		m.do(Play{Leg: m.contact.id, Sound: m.plan.Announce})
	default:
		m.recording = true
		m.tape = [2]LegID{m.contact.id, m.person.id}
		m.do(StartRecording{Contact: m.contact.id, Person: m.person.id})
		m.turnTape() // it may have been paused before it began
	}
}

// stopRecording seals the recording, if one runs.
func (m *Machine) stopRecording() {
	if m.recording {
		m.recording = false
		m.do(StopRecording{})
	}
}

// turnTape points the recording at those who talk, or at nobody.
func (m *Machine) turnTape() {
	if !m.recording {
		return
	}
	want := [2]LegID{m.contact.id, m.person.id}
	if m.paused || m.phase != Talking || m.rec.State != StateActive {
		want = [2]LegID{}
	}
	if want == m.tape {
		return
	}
	m.tape = want
	m.do(TurnTape{Contact: want[0], Person: want[1]})
}
