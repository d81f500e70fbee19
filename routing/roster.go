package routing

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"tandem/call"
)

// roster is the floor's state: who is free, who is offered which call, and who
// waits. It has no clock and does no I/O. Its owner tells it what happened and
// then carries out what match returns.
type roster struct {
	zone      *time.Location // whose midnight begins a new count of calls
	draw      *rand.Rand
	members   map[string]*member
	statuses  map[string]UserStatus // as last chosen, former users included
	phones    map[string]bool       // users with a registered phone
	order     []string              // playbooks as configured
	playbooks map[string]*team
	waiting   []*waiter               // oldest first
	offers    map[call.Outcome]uint64 // never changed, but replaced

	wrapping  []*member // in wrap-up; some may have left it
	following int       // how many may follow somebody; none: nobody has to look
	news      []news    // for calls
	touched   []string  // users who may look different since the last look
	regrouped bool      // as may all of them
}

// team is the users of a playbook.
type team struct {
	place  int // among the playbooks
	users  []string
	wrapUp time.Duration
	last   int // place of the user whom round-robin asked last
}

func newRoster(zone *time.Location, seed uint64, statuses []UserStatus) *roster {
	r := &roster{
		zone: zone, draw: rand.New(rand.NewPCG(seed, seed)),
		members: make(map[string]*member), statuses: make(map[string]UserStatus), phones: make(map[string]bool),
		playbooks: make(map[string]*team), offers: make(map[call.Outcome]uint64),
	}
	for _, s := range statuses {
		r.statuses[s.User] = s
	}
	return r
}

// configure takes on users and playbooks. Calls, offers and statuses stay; a
// user who is no longer configured leaves after the call.
func (r *roster) configure(now time.Time, a Account) {
	teams := make(map[string]*team, len(a.Playbooks))
	r.order = r.order[:0:0]
	memberships := make(map[string][]string)
	for i, p := range a.Playbooks {
		t := &team{place: i, users: slices.Clone(p.Users), wrapUp: p.WrapUp, last: -1}
		if old := r.playbooks[p.Name]; old != nil && old.last >= 0 && old.last < len(old.users) {
			t.last = slices.Index(t.users, old.users[old.last])
		}
		teams[p.Name] = t
		r.order = append(r.order, p.Name)
		for _, name := range p.Users {
			memberships[name] = append(memberships[name], p.Name)
		}
	}
	r.playbooks, r.regrouped = teams, true
	for _, m := range r.members {
		m.former = true
	}
	for _, u := range a.Users {
		m := r.members[u.Name]
		if m == nil {
			m = r.join(now, u.Name)
		}
		m.user, m.playbooks, m.former = u, append([]string{}, memberships[u.Name]...), false
	}
	for _, m := range r.members {
		r.dismiss(m)
		r.tellFollowers(m)
	}
}

// touch returns a member who is about to change, or nil. Whoever changes a
// member gets them here: what others see is brought up to date from it.
func (r *roster) touch(name string) *member {
	m := r.members[name]
	if m != nil {
		r.touched = append(r.touched, name)
	}
	return m
}

// count counts an offer that is over.
func (r *roster) count(outcome call.Outcome) {
	r.offers = maps.Clone(r.offers) // views share the old one
	r.offers[outcome]++
}

// join adds a user, who is available unless they chose otherwise before.
func (r *roster) join(now time.Time, name string) *member {
	status, ok := r.statuses[name]
	if !ok {
		status = UserStatus{User: name, Status: StatusAvailable, Since: now.UTC()}
	}
	m := &member{status: status, registered: r.phones[name], since: status.Since, free: now}
	r.members[name] = m
	return m
}

// dismiss removes a former user whom no call holds any more.
func (r *roster) dismiss(m *member) {
	if m.former && !m.busy() {
		delete(r.members, m.user.Name)
	}
}

// released lets go of a user whom a call held.
func (r *roster) released(m *member, now time.Time) {
	m.released(now)
	r.dismiss(m)
	r.tellFollowers(m)
}

// setStatus takes on a user's choice; of an unknown user there is none.
func (r *roster) setStatus(now time.Time, s UserStatus) {
	m := r.touch(s.User)
	if m == nil || m.former {
		return
	}
	r.statuses[s.User] = s
	m.setStatus(now, s)
	r.tellFollowers(m)
}

// phone notes that a user's phone is heard of, or that the last one is gone.
func (r *roster) phone(now time.Time, user string, up bool) {
	if !up {
		delete(r.phones, user)
	} else {
		r.phones[user] = true
	}
	m := r.touch(user)
	if m == nil || m.registered == up && !m.suspect {
		return
	}
	if up && !m.registered {
		m.free = now
	}
	m.registered = up
	m.suspect = m.suspect && !up
}

// over frees a user whose offer by a call ended without a conversation.
func (r *roster) over(now time.Time, id call.ID, user string, outcome call.Outcome) {
	m := r.touch(user)
	if m == nil {
		return
	}
	switch {
	case m.offer == id:
		m.offer = ""
		r.count(outcome)
		r.stopRinging(id, user, outcome)
	case slices.Contains(m.talks, id): // an outbound call that was not answered
		m.quit(id)
	case m.coaches == id:
		m.coaches = ""
	default:
		return
	}
	switch outcome {
	case call.OutcomeUnreachable:
		m.suspect = true
	case call.OutcomeRejected, call.OutcomeTimeout, call.OutcomeFailed:
		m.free = now // or the longest idle would be asked first again, call after call
	case call.OutcomeAccepted, call.OutcomeWithdrawn, call.OutcomeElsewhere: // the user keeps their place
	}
	r.released(m, now)
}

// talk marks a user as connected in a call, whether it was offered to them or is
// their own.
func (r *roster) talk(now time.Time, id call.ID, user string) {
	r.occupy(now, id, user)
	m := r.members[user]
	if m == nil || slices.Contains(m.met, id) {
		return
	}
	m.met = append(m.met, id)
	r.tellFollowers(m)
}

// occupy marks a user as talking, or calling out.
func (r *roster) occupy(now time.Time, id call.ID, user string) {
	m := r.touch(user)
	if m == nil || slices.Contains(m.talks, id) {
		return
	}
	if m.coaches == id { // they take over what they coached
		m.coaches = ""
	}
	if m.offer == id {
		m.offer = ""
		r.count(call.OutcomeAccepted)
	} else {
		m.playbook = ""
	}
	r.leave(id)
	m.take(dateOf(now.In(r.zone)))
	m.talks = append(m.talks, id)
	m.wrapUntil, m.since = time.Time{}, now
}

// end ends a user's conversation; after the last one the wrap-up begins. Who
// coached has none.
func (r *roster) end(now time.Time, id call.ID, user string) {
	m := r.touch(user)
	switch {
	case m == nil:
		return
	case m.coaches == id:
		m.coaches, m.follows = "", ""
		r.released(m, now)
		return
	case !slices.Contains(m.talks, id):
		return
	}
	m.quit(id)
	m.free = now
	if wrapUp := r.wrapUp(m); len(m.talks) == 0 && wrapUp > 0 {
		m.wrapUntil = now.Add(wrapUp)
		r.wrapping = append(r.wrapping, m)
	}
	r.released(m, now)
}

// wrapUp is the wrap-up of the playbook whose call ended; of the user's first
// playbook when the call came from none.
func (r *roster) wrapUp(m *member) time.Duration {
	name := m.playbook
	if name == "" && len(m.playbooks) > 0 {
		name = m.playbooks[0]
	}
	if t := r.playbooks[name]; t != nil {
		return t.wrapUp
	}
	return 0
}

// tick ends the wrap-ups that are due.
func (r *roster) tick(now time.Time) {
	r.wrapping = slices.DeleteFunc(r.wrapping, func(m *member) bool {
		if m.wrapUntil.After(now) {
			return false
		}
		if !m.wrapUntil.IsZero() { // else the user left it before its end
			r.touch(m.user.Name)
			m.since, m.free = m.wrapUntil, m.wrapUntil
			m.wrapUntil = time.Time{}
		}
		return true
	})
}

// due returns when the next wrap-up ends; zero when there is none.
func (r *roster) due() time.Time {
	var next time.Time
	for _, m := range r.wrapping {
		if !m.wrapUntil.IsZero() && (next.IsZero() || m.wrapUntil.Before(next)) {
			next = m.wrapUntil
		}
	}
	return next
}
