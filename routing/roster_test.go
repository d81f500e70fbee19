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

// noon is when the tests of the floor begin.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// teamOf returns an account with one playbook, sales, of the given users.
func teamOf(wrapUp time.Duration, names ...string) Account {
	a := Account{Country: "ES", Playbooks: []Playbook{{Name: "sales", Users: names, WrapUp: wrapUp}}}
	for i, name := range names {
		a.Users = append(a.Users, User{Name: name, Display: strings.ToUpper(name), Role: "salesperson", Extension: fmt.Sprint(101 + i)})
	}
	return a
}

// stage is a roster with the clock in the test's hand.
type stage struct {
	*roster
	t   *testing.T
	now time.Time
}

// newStage returns a roster on which every user's phone is registered, one
// minute after the other, so that the first has been idle for longest.
func newStage(t *testing.T, wrapUp time.Duration, names ...string) *stage {
	s := &stage{roster: newRoster(time.UTC, 1, nil), t: t, now: noon}
	s.configure(s.now, teamOf(wrapUp, names...))
	for _, name := range names {
		s.phone(s.now, name, true)
		s.wait(time.Minute)
	}
	return s
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	s.now = s.now.Add(d)
	s.tick(s.now)
}

// want checks whom the floor chooses now, written "call: users; ...".
func (s *stage) want(want string) []assignment {
	s.t.Helper()
	list := s.match(s.now)
	var got []string
	for _, a := range list {
		got = append(got, fmt.Sprintf("%s: %s", a.call, strings.Join(a.Users, " ")))
	}
	if g := strings.Join(got, "; "); g != want {
		s.t.Fatalf("the floor chose %q, want %q", g, want)
	}
	return list
}

// ask seeks a user for a call of sales that has just arrived.
func (s *stage) ask(id call.ID, strategy call.Strategy, exclude ...string) {
	s.seek(s.now, call.Request{Call: id, Playbook: "sales", Arrived: s.now, Strategy: strategy, Exclude: exclude})
}

func TestLongestIdle(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl")
	s.ask("c1", call.LongestIdle)
	list := s.want("c1: ana")
	if why := list[0].Why; why != "longest idle: 3m0s" {
		t.Errorf("why = %q", why)
	}
	s.talk(s.now, "c1", "ana")
	s.wait(time.Minute)
	s.end(s.now, "c1", "ana")
	for _, want := range []string{"bea", "carl", "ana"} {
		s.ask("c2", call.LongestIdle)
		s.want("c2: " + want)
		s.wait(time.Second)
		s.over(s.now, "c2", want, call.OutcomeRejected) // goes to the end
	}
	s.ask("c3", call.LongestIdle)
	s.want("c3: bea")
	s.over(s.now, "c3", "bea", call.OutcomeWithdrawn) // stays where they were
	s.ask("c4", call.LongestIdle)
	s.want("c4: bea")
}

func TestRoundRobin(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl")
	for i, want := range []string{"ana", "bea", "carl", "ana"} {
		id := call.ID(fmt.Sprint("c", i))
		s.ask(id, call.RoundRobin)
		s.want(fmt.Sprintf("%s: %s", id, want))
		s.over(s.now, id, want, call.OutcomeWithdrawn)
	}
	s.phone(s.now, "bea", false)
	s.ask("d1", call.RoundRobin)
	s.want("d1: carl") // bea is not there
	s.over(s.now, "d1", "carl", call.OutcomeWithdrawn)

	a := teamOf(0, "ana", "bea", "carl", "dan") // the turn survives a new configuration
	s.configure(s.now, a)
	s.phone(s.now, "dan", true)
	s.ask("d2", call.RoundRobin)
	s.want("d2: dan")
}

func TestFewestCalls(t *testing.T) {
	s := newStage(t, 0, "ana", "bea")
	for i, want := range []string{"ana", "bea", "ana", "bea"} {
		id := call.ID(fmt.Sprint("c", i))
		s.ask(id, call.FewestCalls)
		s.want(fmt.Sprintf("%s: %s", id, want))
		s.talk(s.now, id, want)
		s.wait(time.Second)
		s.end(s.now, id, want)
	}
	s.talk(s.now, "own", "ana")
	s.end(s.now, "own", "ana")
	s.wait(time.Hour)
	s.ask("c5", call.FewestCalls)
	if why := s.want("c5: bea")[0].Why; why != "fewest calls today: 2" {
		t.Errorf("why = %q", why)
	}
	s.over(s.now, "c5", "bea", call.OutcomeTimeout)
	s.wait(24 * time.Hour)
	s.ask("c6", call.FewestCalls)
	if why := s.want("c6: ana")[0].Why; why != "fewest calls today: 0" {
		t.Errorf("after midnight: why = %q", why)
	}
}

func TestRandomAsksEverybodySometimes(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl")
	count := make(map[string]int)
	for i := range 300 {
		id := call.ID(fmt.Sprint("c", i))
		s.ask(id, call.Random)
		a := s.match(s.now)[0]
		count[a.Users[0]]++
		s.over(s.now, id, a.Users[0], call.OutcomeWithdrawn)
	}
	for _, name := range []string{"ana", "bea", "carl"} {
		if count[name] < 50 {
			t.Errorf("%s was asked %d times in 300", name, count[name])
		}
	}
}

func TestOwnerFirst(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl")
	req := call.Request{Call: "c1", Playbook: "sales", Owner: "carl", PreferOwner: true, Arrived: s.now, Strategy: call.LongestIdle}
	s.seek(s.now, req)
	if why := s.want("c1: carl")[0].Why; why != "the contact's own salesperson" {
		t.Errorf("why = %q", why)
	}
	req.Call = "c2"
	s.seek(s.now, req)
	s.want("c2: ana") // the owner is busy
	req.Call, req.Owner, req.PreferOwner = "c3", "bea", true
	req.Strategy = call.RingAll
	s.over(s.now, "c2", "ana", call.OutcomeWithdrawn)
	s.seek(s.now, req)
	s.want("c3: bea") // with ring-all too the owner comes first, alone
	s.over(s.now, "c3", "bea", call.OutcomeRejected)
	req.Exclude = []string{"bea"}
	s.seek(s.now, req)
	s.want("c3: ana")

	req = call.Request{Call: "c4", Playbook: "sales", Owner: "bea", Arrived: s.now, Strategy: call.LongestIdle}
	s.phone(s.now, "bea", false)
	s.phone(s.now, "bea", true)
	s.seek(s.now, req)
	s.want("c4: bea")
}

func TestWaitingCallsOldestFirst(t *testing.T) {
	s := newStage(t, 0, "ana")
	s.phone(s.now, "ana", false)
	for i := range 3 {
		s.seek(s.now, call.Request{Call: call.ID(fmt.Sprint("c", i)), Playbook: "sales", Arrived: s.now.Add(-time.Duration(i) * time.Minute), Strategy: call.LongestIdle})
	}
	s.want("")
	if q := s.view().queues[0]; q.Calls != 3 || !q.Oldest.Equal(s.now.Add(-2*time.Minute)) {
		t.Errorf("queue = %+v", q)
	}
	s.wait(12 * time.Second)
	s.leave("c1")
	s.phone(s.now, "ana", true)
	if why := s.want("c2: ana")[0].Why; why != "longest idle: 0s, after 12s in the queue" {
		t.Errorf("why = %q", why)
	}
	s.over(s.now, "c2", "ana", call.OutcomeWithdrawn)
	s.want("c0: ana")
}

func TestUnreachablePhoneIsSuspect(t *testing.T) {
	s := newStage(t, 0, "ana", "bea")
	s.ask("c1", call.LongestIdle)
	s.want("c1: ana")
	s.over(s.now, "c1", "ana", call.OutcomeUnreachable)
	s.ask("c1", call.LongestIdle)
	list := s.want("c1: bea")
	if got := list[0].Passed; len(got) != 1 || got[0] != (call.Passed{User: "ana", Why: "phone did not answer"}) {
		t.Errorf("passed = %v", got)
	}
	s.ask("c2", call.LongestIdle)
	s.want("")
	s.phone(s.now, "ana", true)
	s.want("c2: ana")
}

func TestRingAll(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl", "dan")
	s.phone(s.now, "carl", false)
	s.phone(s.now, "dan", false)
	s.ask("c1", call.RingAll)
	s.want("c1: ana bea")
	s.over(s.now, "c1", "ana", call.OutcomeRejected)
	s.want("") // not again
	s.phone(s.now, "carl", true)
	s.want("c1: carl") // joins while it rings
	s.over(s.now, "c1", "carl", call.OutcomeUnreachable)
	s.want("")
	s.phone(s.now, "carl", true)
	s.want("c1: carl") // heard of again
	s.over(s.now, "c1", "bea", call.OutcomeElsewhere)
	s.leave("c1")
	s.talk(s.now, "c1", "carl")
	s.phone(s.now, "dan", true)
	s.want("") // taken
	if s.offers[call.OutcomeAccepted] != 1 || s.offers[call.OutcomeElsewhere] != 1 {
		t.Errorf("offers = %v", s.offers)
	}

	s.ask("c2", call.RingAll)
	s.want("c2: ana bea dan")
	for _, name := range []string{"ana", "bea", "dan"} {
		s.over(s.now, "c2", name, call.OutcomeTimeout)
	}
	s.want("") // over: the call seeks anew or has ended
	if len(s.waiting) != 0 {
		t.Errorf("%d calls wait", len(s.waiting))
	}
}

func TestPassed(t *testing.T) {
	s := newStage(t, time.Minute, "ana", "bea", "carl", "dan", "eva", "fay", "gus", "hal", "ida")
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusBreak, Reason: "lunch"})
	s.setStatus(s.now, UserStatus{User: "bea", Status: StatusOffline})
	s.phone(s.now, "carl", false)
	s.talk(s.now, "x", "dan")
	s.talk(s.now, "y", "eva")
	s.end(s.now, "y", "eva")
	s.ask("z", call.LongestIdle)
	s.want("z: fay")
	s.ask("c1", call.LongestIdle, "gus")
	list := s.want("c1: hal")
	want := []call.Passed{
		{User: "ana", Why: "on a break (lunch)"}, {User: "bea", Why: "offline"}, {User: "carl", Why: "no phone registered"},
		{User: "dan", Why: "on another call"}, {User: "eva", Why: "wrap-up until 12:10:00"},
		{User: "fay", Why: "is being offered another call"}, {User: "gus", Why: "already asked"},
		{User: "ida", Why: "idle for less: 1m0s"},
	}
	if got := list[0].Passed; !slices.Equal(got, want) {
		t.Errorf("passed = %q\nwant %q", got, want)
	}
}

func TestBreakAskedForDuringACall(t *testing.T) {
	s := newStage(t, time.Minute, "ana")
	s.ask("c1", call.LongestIdle)
	s.want("c1: ana")
	s.talk(s.now, "c1", "ana")
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusBreak, Reason: "coffee"})
	if u := s.members["ana"].state(); u.Status != StatusAvailable || u.Next != StatusBreak || u.Activity != ActivityTalking || u.CallID != "c1" {
		t.Errorf("during the call: %+v", u)
	}
	s.end(s.now, "c1", "ana")
	if u := s.members["ana"].state(); u.Status != StatusBreak || u.Reason != "coffee" || u.Next != "" || u.Activity != ActivityIdle {
		t.Errorf("after the call: %+v", u)
	}
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusAvailable})
	s.talk(s.now, "c2", "ana")
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusBreak})
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusAvailable}) // thought better of it
	s.end(s.now, "c2", "ana")
	if u := s.members["ana"].state(); u.Status != StatusAvailable || u.Activity != ActivityWrapUp || u.WrapUpUntil == nil {
		t.Errorf("wrap-up: %+v", u)
	}
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusAvailable}) // ready before its end
	if u := s.members["ana"].state(); !u.Available() {
		t.Errorf("ready: %+v", u)
	}
}

func TestTwoCallsOfOneUser(t *testing.T) {
	s := newStage(t, time.Minute, "ana")
	s.ask("c1", call.LongestIdle)
	s.want("c1: ana")
	s.talk(s.now, "own", "ana") // dialed out while it rang
	s.over(s.now, "c1", "ana", call.OutcomeWithdrawn)
	s.ask("c2", call.LongestIdle)
	s.want("")
	s.talk(s.now, "consult", "ana")
	s.end(s.now, "own", "ana")
	s.want("")
	s.over(s.now, "consult", "ana", call.OutcomeTimeout) // never answered: no wrap-up
	s.want("c2: ana")
}

func TestRevertGoesOnWithTheNext(t *testing.T) {
	s := newStage(t, 0, "ana")
	s.ask("c1", call.LongestIdle)
	s.wait(time.Second)
	s.ask("c2", call.LongestIdle)
	s.revert(s.want("c1: ana")[0])
	s.want("c2: ana")
	if n := len(s.offers); n != 0 {
		t.Errorf("offers = %v", s.offers)
	}
}

func TestConfigureKeepsCalls(t *testing.T) {
	s := newStage(t, 0, "ana", "bea")
	s.ask("c1", call.LongestIdle)
	s.want("c1: ana")
	s.talk(s.now, "c1", "ana")
	s.setStatus(s.now, UserStatus{User: "bea", Status: StatusBreak})
	s.configure(s.now, teamOf(0, "carl"))
	if v := s.view(); len(v.users) != 1 || v.users[0].Name != "carl" {
		t.Errorf("users = %+v", v.users)
	}
	s.end(s.now, "c1", "ana")
	if len(s.members) != 1 {
		t.Errorf("%d members: a former user stays after the call", len(s.members))
	}
	s.phone(s.now, "dan", true) // registered before the floor knows the user
	s.configure(s.now, teamOf(0, "bea", "dan"))
	if b := s.members["bea"]; b.status.Status != StatusBreak || !b.registered {
		t.Errorf("bea came back as %+v", b)
	}
	s.ask("c2", call.LongestIdle)
	s.want("c2: dan")
}

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
	account := Account{}
	for _, name := range c.users {
		account.Users = append(account.Users, User{Name: name})
		c.talks[name] = make(map[call.ID]bool)
	}
	for _, p := range []string{"p", "q"} {
		account.Playbooks = append(account.Playbooks, Playbook{Name: p, Users: c.teams[p], WrapUp: 5 * time.Second})
	}
	c.r = newRoster(time.UTC, seed, nil)
	c.r.configure(c.now, account)
	return c
}

func (c *chaos) run(steps int) {
	for range steps {
		c.now = c.now.Add(time.Duration(c.rng.IntN(3000)) * time.Millisecond)
		c.r.tick(c.now)
		c.settle()
		c.step()
		c.settle()
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
	switch c.rng.IntN(9) {
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
	}
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
