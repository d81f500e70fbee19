package routing

import (
	"slices"
	"time"

	"tandem/call"
)

// member is one user on the floor.
type member struct {
	user      User
	playbooks []string // never changed, but replaced; not nil
	former    bool     // no longer configured; leaves after the call

	status UserStatus
	next   *UserStatus // asked for during a call

	registered bool
	suspect    bool // did not answer; until the phone is heard of again

	offer     call.ID   // the call that is offered, or empty
	talks     []call.ID // more than one during a consultation
	met       []call.ID // those of them in which somebody is connected
	coaches   call.ID   // the call that they coach, or wait for a conversation in
	follows   string    // in whose next conversation they wait to coach
	playbook  string    // of the call that is offered or talked in; empty: unknown
	wrapUntil time.Time

	since time.Time // of the status or the activity
	free  time.Time // available since, as far as the user is concerned
	taken int       // calls on day
	day   Date
}

// busy reports whether a call holds the user.
func (m *member) busy() bool { return m.offer != "" || len(m.talks) > 0 || m.coaches != "" }

// available reports whether the user can be offered a call.
func (m *member) available() bool {
	return m.status.Status == StatusAvailable && m.registered && !m.suspect &&
		!m.busy() && m.wrapUntil.IsZero() && !m.former
}

// hindrance says why the user is not available, or nothing.
func (m *member) hindrance(zone *time.Location) string {
	switch {
	case m.former:
		return "no longer a user"
	case m.status.Status == StatusBreak && m.status.Reason != "":
		return "on a break (" + m.status.Reason + ")"
	case m.status.Status == StatusBreak:
		return "on a break"
	case m.status.Status == StatusOffline:
		return "offline"
	case !m.registered:
		return "no phone registered"
	case m.suspect:
		return "phone did not answer"
	case len(m.talks) > 0:
		return "on another call"
	case m.offer != "":
		return "is being offered another call"
	case m.coaches != "":
		return "coaches a call"
	case !m.wrapUntil.IsZero():
		return "wrap-up until " + m.wrapUntil.In(zone).Format(time.TimeOnly)
	}
	return ""
}

// activity is what the user does.
func (m *member) activity() Activity {
	switch {
	case len(m.talks) > 0:
		return ActivityTalking
	case m.offer != "":
		return ActivityOffered
	case m.coaches != "":
		return ActivityCoaching
	case !m.wrapUntil.IsZero():
		return ActivityWrapUp
	}
	return ActivityIdle
}

// setStatus takes on the user's choice, or keeps it until the call is over.
// Asking to be available ends the wrap-up.
func (m *member) setStatus(now time.Time, s UserStatus) {
	if m.busy() && s.Status != StatusAvailable {
		m.next = &s
		return
	}
	m.next = nil
	if m.status.Status != StatusAvailable || !m.wrapUntil.IsZero() {
		m.free = now
	}
	m.status, m.wrapUntil, m.since = s, time.Time{}, now
}

// released applies what waited for the end of a call.
func (m *member) released(now time.Time) {
	m.since = now
	if m.busy() || m.next == nil {
		return
	}
	m.status, m.wrapUntil, m.next = *m.next, time.Time{}, nil
}

// quit takes a call from those that the user talks in.
func (m *member) quit(id call.ID) {
	over := func(t call.ID) bool { return t == id }
	m.talks, m.met = slices.DeleteFunc(m.talks, over), slices.DeleteFunc(m.met, over)
}

// take counts a call on its day.
func (m *member) take(today Date) {
	if m.day != today {
		m.day, m.taken = today, 0
	}
	m.taken++
}

// takenOn returns how many calls the user took on a day.
func (m *member) takenOn(today Date) int {
	if m.day != today {
		return 0
	}
	return m.taken
}

// state is the user as everybody sees them.
func (m *member) state() UserState {
	u := UserState{
		Name: m.user.Name, Display: m.user.Display, Role: m.user.Role, Extension: m.user.Extension,
		Playbooks: m.playbooks,
		Status:    m.status.Status, Reason: m.status.Reason, Since: m.since.UTC(),
		Activity: m.activity(), CallID: m.offer, Registered: m.registered, Suspect: m.suspect,
	}
	switch {
	case len(m.talks) > 0:
		u.CallID = m.talks[len(m.talks)-1]
	case m.offer == "":
		u.CallID = m.coaches
	}
	if m.next != nil {
		u.Next = m.next.Status
	}
	if !m.wrapUntil.IsZero() {
		until := m.wrapUntil.UTC()
		u.WrapUpUntil = &until
	}
	return u
}
