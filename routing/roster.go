package routing

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
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
	waiting   []*waiter // oldest first
	offers    map[call.Outcome]uint64
}

// team is the users of a playbook.
type team struct {
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
	for _, p := range a.Playbooks {
		t := &team{users: slices.Clone(p.Users), wrapUp: p.WrapUp, last: -1}
		if old := r.playbooks[p.Name]; old != nil && old.last >= 0 && old.last < len(old.users) {
			t.last = slices.Index(t.users, old.users[old.last])
		}
		teams[p.Name] = t
		r.order = append(r.order, p.Name)
		for _, name := range p.Users {
			memberships[name] = append(memberships[name], p.Name)
		}
	}
	r.playbooks = teams
	for _, m := range r.members {
		m.former = true
	}
	for _, u := range a.Users {
		m := r.members[u.Name]
		if m == nil {
			m = r.join(now, u.Name)
		}
		m.user, m.playbooks, m.former = u, memberships[u.Name], false
	}
	for _, m := range r.members {
		r.dismiss(m)
	}
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

// setStatus takes on a user's choice; of an unknown user there is none.
func (r *roster) setStatus(now time.Time, s UserStatus) {
	m := r.members[s.User]
	if m == nil || m.former {
		return
	}
	r.statuses[s.User] = s
	m.setStatus(now, s)
}

// phone notes that a user's phone is heard of, or that the last one is gone.
func (r *roster) phone(now time.Time, user string, up bool) {
	if !up {
		delete(r.phones, user)
	} else {
		r.phones[user] = true
	}
	m := r.members[user]
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
	m := r.members[user]
	if m == nil {
		return
	}
	switch {
	case m.offer == id:
		m.offer = ""
		r.offers[outcome]++
		r.stopRinging(id, user, outcome)
	case slices.Contains(m.talks, id): // an outbound call that was not answered
		m.talks = slices.DeleteFunc(m.talks, func(t call.ID) bool { return t == id })
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
	m.released(now)
	r.dismiss(m)
}

// talk marks a user as talking, whether the call was offered to them or is
// their own.
func (r *roster) talk(now time.Time, id call.ID, user string) {
	m := r.members[user]
	if m == nil || slices.Contains(m.talks, id) {
		return
	}
	if m.offer == id {
		m.offer = ""
		r.offers[call.OutcomeAccepted]++
	} else {
		m.playbook = ""
	}
	r.leave(id)
	m.take(dateOf(now.In(r.zone)))
	m.talks = append(m.talks, id)
	m.wrapUntil, m.since = time.Time{}, now
}

// end ends a user's conversation; after the last one the wrap-up begins.
func (r *roster) end(now time.Time, id call.ID, user string) {
	m := r.members[user]
	if m == nil || !slices.Contains(m.talks, id) {
		return
	}
	m.talks = slices.DeleteFunc(m.talks, func(t call.ID) bool { return t == id })
	m.free = now
	if wrapUp := r.wrapUp(m); len(m.talks) == 0 && wrapUp > 0 {
		m.wrapUntil = now.Add(wrapUp)
	}
	m.released(now)
	r.dismiss(m)
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
	for _, m := range r.members {
		if !m.wrapUntil.IsZero() && !now.Before(m.wrapUntil) {
			m.since, m.free = m.wrapUntil, m.wrapUntil
			m.wrapUntil = time.Time{}
		}
	}
}

// due returns when the next wrap-up ends; zero when there is none.
func (r *roster) due() time.Time {
	var next time.Time
	for _, m := range r.members {
		if !m.wrapUntil.IsZero() && (next.IsZero() || m.wrapUntil.Before(next)) {
			next = m.wrapUntil
		}
	}
	return next
}

// view returns the floor as it stands.
func (r *roster) view() *view {
	v := &view{offers: make(map[call.Outcome]uint64, len(r.offers))}
	for _, m := range r.members {
		if !m.former {
			v.users = append(v.users, m.state())
		}
	}
	slices.SortFunc(v.users, func(a, b UserState) int { return strings.Compare(a.Name, b.Name) })
	for _, name := range r.order {
		q := Queue{Playbook: name}
		for _, w := range r.waiting {
			if w.Playbook != name || w.ringing > 0 {
				continue
			}
			if q.Calls == 0 {
				q.Oldest = w.Arrived
			}
			q.Calls++
		}
		v.queues = append(v.queues, q)
	}
	maps.Copy(v.offers, r.offers)
	return v
}
