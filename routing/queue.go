package routing

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tandem/call"
)

// waiter is a call that waits for a user, or rings at all of them.
type waiter struct {
	call.Request
	since   time.Time       // of the request
	asked   map[string]bool // users who are not asked (again)
	ringing int             // users whose phones ring: ring-all alone stays here while it rings
}

// assignment is the floor's choice for a call, to be posted to it.
type assignment struct {
	call call.ID
	call.Assigned
}

// seek puts a call among those that wait.
func (r *roster) seek(now time.Time, req call.Request) {
	w := &waiter{Request: req, since: now, asked: make(map[string]bool)}
	for _, name := range req.Exclude {
		w.asked[name] = true
	}
	r.leave(req.Call)
	i, _ := slices.BinarySearchFunc(r.waiting, w, func(a, b *waiter) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.Call, b.Call))
	})
	r.waiting = slices.Insert(r.waiting, i, w)
}

// leave takes a call out of the queue; offers already made stay.
func (r *roster) leave(id call.ID) {
	r.waiting = slices.DeleteFunc(r.waiting, func(w *waiter) bool { return w.Call == id })
}

// waiter returns a call that waits, or nil.
func (r *roster) waiter(id call.ID) *waiter {
	i := slices.IndexFunc(r.waiting, func(w *waiter) bool { return w.Call == id })
	if i < 0 {
		return nil
	}
	return r.waiting[i]
}

// stopRinging follows a ring-all call whose offer to one user is over. When
// nobody rings any more the call leaves: it seeks anew, or has ended.
func (r *roster) stopRinging(id call.ID, user string, outcome call.Outcome) {
	w := r.waiter(id)
	if w == nil || w.ringing == 0 {
		return
	}
	if outcome == call.OutcomeUnreachable {
		delete(w.asked, user) // may join again once the phone is heard of
	}
	if w.ringing--; w.ringing == 0 {
		r.leave(id)
	}
}

// match reserves users for the calls that wait, oldest first.
func (r *roster) match(now time.Time) []assignment {
	if len(r.waiting) == 0 {
		return nil
	}
	free := 0
	for _, m := range r.members {
		if m.available() {
			free++
		}
	}
	var list []assignment
	for _, w := range slices.Clone(r.waiting) {
		if free == 0 {
			break
		}
		if a, ok := r.assign(now, w); ok {
			list = append(list, a)
			free -= len(a.Users)
		}
	}
	return list
}

// assign reserves whom a call's strategy picks; false when nobody can be asked.
func (r *roster) assign(now time.Time, w *waiter) (assignment, bool) {
	ready := r.ready(now, w)
	if len(ready) == 0 {
		return assignment{}, false
	}
	c := r.choose(now, w, ready, r.draw)
	a := assignment{call: w.Call, Assigned: call.Assigned{Passed: c.passed, Why: c.why}}
	if waited := now.Sub(w.since); waited >= time.Second {
		a.Why = fmt.Sprintf("%s, after %s in the queue", c.why, span(waited))
	}
	team := r.playbooks[w.Playbook]
	for _, one := range c.asked {
		m := r.touch(one.name)
		m.offer, m.playbook, m.since = w.Call, w.Playbook, now
		w.asked[one.name] = true
		a.Users = append(a.Users, one.name)
	}
	if w.Strategy == call.RoundRobin && !c.owner {
		team.last = c.asked[0].place
	}
	if w.Strategy == call.RingAll && !c.owner {
		w.ringing += len(c.asked)
	} else {
		r.leave(w.Call)
	}
	return a, true
}

// revert undoes an assignment whose call is gone.
func (r *roster) revert(a assignment) {
	r.leave(a.call)
	for _, name := range a.Users {
		if m := r.touch(name); m != nil && m.offer == a.call {
			m.offer = ""
			m.since = m.free
			r.dismiss(m)
		}
	}
}

// choice is whom a call would be offered to now, and why others not.
type choice struct {
	asked  []candidate
	owner  bool // the contact's own salesperson alone is asked
	why    string
	passed []call.Passed
	later  []candidate // available, in the order in which they would be asked next
}

// ready returns the available users of a call's playbook who may be asked.
func (r *roster) ready(now time.Time, w *waiter) []candidate {
	team := r.playbooks[w.Playbook]
	if team == nil {
		return nil
	}
	list := make([]candidate, 0, len(team.users))
	today := dateOf(now.In(r.zone))
	for place, name := range team.users {
		if m := r.members[name]; m != nil && m.available() && !w.asked[name] {
			list = append(list, candidate{name: name, free: m.free, taken: m.takenOn(today), place: place})
		}
	}
	return list
}

// choose picks among those who are ready; it changes nothing but the draw.
func (r *roster) choose(now time.Time, w *waiter, ready []candidate, draw *rand.Rand) choice {
	c := choice{passed: r.hindered(w)}
	if len(ready) == 0 {
		return c
	}
	rank(w.Strategy, ready, r.playbooks[w.Playbook].last, draw)
	c.why = chosen(w.Strategy, ready[0], now)
	owner := slices.IndexFunc(ready, func(one candidate) bool { return one.name == w.Owner })
	switch {
	case w.PreferOwner && owner >= 0 && w.ringing == 0:
		c.owner, c.why = true, "the contact's own salesperson"
		c.asked = []candidate{ready[owner]}
		c.later = slices.Delete(ready, owner, owner+1)
	case w.Strategy == call.RingAll:
		c.asked = ready
	default:
		c.asked, c.later = ready[:1], ready[1:]
	}
	for _, one := range c.later {
		why := "the contact's own salesperson is available"
		if !c.owner {
			why = passed(w.Strategy, one, now)
		}
		c.passed = append(c.passed, call.Passed{User: one.name, Why: why})
	}
	return c
}

// hindered returns the users of a call's playbook who cannot be asked, but not
// those whose phones it rings already.
func (r *roster) hindered(w *waiter) []call.Passed {
	team := r.playbooks[w.Playbook]
	if team == nil {
		return nil
	}
	var list []call.Passed
	for _, name := range team.users {
		m := r.members[name]
		if m == nil || m.offer != "" && m.offer == w.Call {
			continue
		}
		if why := r.hindrance(m, w); why != "" {
			list = append(list, call.Passed{User: name, Why: why})
		}
	}
	return list
}

// hindrance says why a call is not offered to a user.
func (r *roster) hindrance(m *member, w *waiter) string {
	if w.asked[m.user.Name] {
		return "already asked"
	}
	return m.hindrance(r.zone)
}
