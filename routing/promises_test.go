package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// The floor's promises hold whatever happens in whatever order.
func TestPromises(t *testing.T) {
	for seed := range uint64(40) {
		newChaos(t, seed).run(600)
	}
}

// chaos plays calls, phones and users at random and keeps its own account of
// who was promised to whom.
type chaos struct {
	t      *testing.T
	rng    *rand.Rand
	r      *roster
	now    time.Time
	view   *view // as others saw it last
	users  []string
	teams  map[string][]string
	offers map[string]call.ID // user to the call that was promised to them
	talks  map[string]map[call.ID]bool
	kind   map[call.ID]call.Strategy
	calls  []call.ID
	log    []string
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), now: noon, users: []string{"a", "b", "c", "d", "e"},
		teams:  map[string][]string{"p": {"a", "b", "c"}, "q": {"c", "d", "e"}},
		offers: make(map[string]call.ID), talks: make(map[string]map[call.ID]bool), kind: make(map[call.ID]call.Strategy),
	}
	for _, name := range c.users {
		c.talks[name] = make(map[call.ID]bool)
	}
	c.r, c.view = newRoster(time.UTC, seed, nil), &view{}
	c.configure("nobody")
	return c
}

// configure takes on all users but one.
func (c *chaos) configure(without string) {
	var account Account
	for _, name := range c.users {
		if name != without {
			account.Users = append(account.Users, User{Name: name})
		}
	}
	for _, p := range []string{"p", "q"} {
		account.Playbooks = append(account.Playbooks, Playbook{Name: p, Users: c.teams[p], WrapUp: 5 * time.Second})
	}
	c.r.configure(c.now, account)
}

func (c *chaos) run(steps int) {
	for range steps {
		c.now = c.now.Add(time.Duration(c.rng.IntN(3000)) * time.Millisecond)
		c.r.tick(c.now)
		c.settle()
		c.step()
		c.settle()
		c.look()
	}
}

func (c *chaos) note(format string, args ...any) { c.log = append(c.log, fmt.Sprintf(format, args...)) }

func (c *chaos) fail(format string, args ...any) {
	c.t.Helper()
	tail := c.log[max(0, len(c.log)-40):]
	c.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(tail, "\n"))
}

// step does one thing at random.
func (c *chaos) step() {
	user := c.users[c.rng.IntN(len(c.users))]
	switch c.rng.IntN(10) {
	case 0, 1:
		c.seek()
	case 2, 3:
		c.endOffer(user)
	case 4:
		c.talk(user)
	case 5:
		for id := range c.talks[user] {
			c.note("end %s %s", id, user)
			c.r.end(c.now, id, user)
			delete(c.talks[user], id)
			break
		}
	case 6:
		up := c.rng.IntN(4) > 0
		c.note("phone %s %v", user, up)
		c.r.phone(c.now, user, up)
	case 7:
		s := []Status{StatusAvailable, StatusAvailable, StatusBreak, StatusOffline}[c.rng.IntN(4)]
		c.note("status %s %s", user, s)
		c.r.setStatus(c.now, UserStatus{User: user, Status: s})
	case 8:
		if len(c.calls) > 0 {
			id := c.calls[c.rng.IntN(len(c.calls))]
			c.note("leave %s", id)
			c.r.leave(id)
		}
	case 9:
		if c.rng.IntN(10) == 0 {
			c.note("all but %s", user)
			c.configure(user)
		}
	}
}

// look checks that what others see, which is only ever brought up to date, is
// what they would see if they looked at everything, and that they are told of
// every difference.
func (c *chaos) look() {
	next, changed := c.r.look(c.view)
	var want []string
	for _, name := range c.users {
		m := c.r.members[name]
		if m == nil || m.former {
			if next.user(name) != nil {
				c.fail("%s has left and is still seen", name)
			}
			continue
		}
		if u := next.user(name); u == nil || !u.same(m.state()) {
			c.fail("%s is seen as %+v, is %+v", name, u, m.state())
		}
		if was := c.view.user(name); was == nil || !was.same(m.state()) {
			want = append(want, name)
		}
	}
	var got []string
	for _, u := range changed {
		got = append(got, u.Name)
	}
	if !slices.Equal(got, want) {
		c.fail("told of %v, want %v", got, want)
	}
	if !slices.IsSortedFunc(next.users, func(a, b *UserState) int { return strings.Compare(a.Name, b.Name) }) {
		c.fail("users are seen in disorder")
	}
	c.view = next
}

// seek begins a call, or asks anew for one that nobody is offered.
func (c *chaos) seek() {
	id := call.ID(fmt.Sprintf("c%04d", len(c.calls)))
	if len(c.calls) > 0 && c.rng.IntN(3) == 0 {
		id = c.calls[c.rng.IntN(len(c.calls))]
	}
	for _, other := range c.offers {
		if other == id {
			return
		}
	}
	if c.kind[id] == "" {
		c.calls = append(c.calls, id)
		c.kind[id] = []call.Strategy{call.LongestIdle, call.RoundRobin, call.FewestCalls, call.Random, call.RingAll}[c.rng.IntN(5)]
	}
	req := call.Request{
		Call: id, Playbook: []string{"p", "q"}[c.rng.IntN(2)], Strategy: c.kind[id], PreferOwner: c.rng.IntN(2) == 0,
		Owner: c.users[c.rng.IntN(len(c.users))], Arrived: noon.Add(time.Duration(c.rng.IntN(600)) * time.Second),
	}
	if c.rng.IntN(3) == 0 {
		req.Exclude = []string{c.users[c.rng.IntN(len(c.users))]}
	}
	c.note("seek %+v", req)
	c.r.seek(c.now, req)
}

func (c *chaos) endOffer(user string) {
	id, outcome := c.offers[user], []call.Outcome{call.OutcomeRejected, call.OutcomeTimeout, call.OutcomeUnreachable, call.OutcomeWithdrawn}[c.rng.IntN(4)]
	if id == "" || c.rng.IntN(5) == 0 {
		id = "nobody's"
	} else {
		delete(c.offers, user)
	}
	c.note("over %s %s %s", id, user, outcome)
	c.r.over(c.now, id, user, outcome)
}

// talk accepts an offer, or dials out.
func (c *chaos) talk(user string) {
	if c.r.members[user] == nil {
		return
	}
	id := c.offers[user]
	if id == "" || c.rng.IntN(4) == 0 {
		id = call.ID(fmt.Sprintf("out%d", len(c.log)))
	} else {
		delete(c.offers, user)
	}
	c.note("talk %s %s", id, user)
	c.r.talk(c.now, id, user)
	c.talks[user][id] = true
}

// settle takes the floor's choices and checks every promise.
func (c *chaos) settle() {
	for again := true; again; {
		again = false
		before := slices.Clone(c.r.waiting)
		for _, a := range c.r.match(c.now) {
			c.note("chosen %s %v", a.call, a.Users)
			c.checkOrder(before, a)
			c.checkPromise(a)
			if c.rng.IntN(10) == 0 { // the call is gone
				c.note("revert %s", a.call)
				c.r.revert(a)
				for user, id := range c.offers {
					if id == a.call && slices.Contains(a.Users, user) {
						delete(c.offers, user)
					}
				}
				again = true
			}
		}
	}
	seen := make(map[call.ID]bool)
	for _, w := range c.r.waiting {
		if seen[w.Call] {
			c.fail("%s waits twice", w.Call)
		}
		seen[w.Call] = true
		if ready := c.r.ready(c.now, w); len(ready) > 0 {
			c.fail("%s waits while %v are free", w.Call, ready)
		}
	}
}

// checkPromise: nobody has two calls, and no call two users but by ring-all.
func (c *chaos) checkPromise(a assignment) {
	for _, user := range a.Users {
		if c.offers[user] != "" || len(c.talks[user]) > 0 {
			c.fail("%s is offered %s beside %q and %v", user, a.call, c.offers[user], c.talks[user])
		}
		c.offers[user] = a.call
	}
	if c.kind[a.call] == call.RingAll {
		return
	}
	for user, id := range c.offers {
		if id == a.call && user != a.Users[0] || len(a.Users) != 1 {
			c.fail("%s is offered to %v and %s", a.call, a.Users, user)
		}
	}
}

// checkOrder: nobody is offered a call while an older one could have had them.
func (c *chaos) checkOrder(before []*waiter, a assignment) {
	i := slices.IndexFunc(before, func(w *waiter) bool { return w.Call == a.call })
	if i < 0 {
		c.fail("%s was not waiting", a.call)
	}
	for _, older := range before {
		if !older.Arrived.Before(before[i].Arrived) {
			continue
		}
		stillWaits := c.r.waiter(older.Call) == older
		for _, user := range a.Users {
			if stillWaits && slices.Contains(c.teams[older.Playbook], user) && !older.asked[user] {
				c.fail("%s is offered %s although %s is older", user, a.call, older.Call)
			}
		}
	}
}
