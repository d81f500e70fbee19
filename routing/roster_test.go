package routing

import (
	"fmt"
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

// view is the floor as it stands, whatever was seen before.
func (s *stage) view() *view {
	s.regrouped = true
	v, _ := s.look(&view{})
	return v
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
	for i, want := range []string{"bea", "carl", "ana"} {
		s.ask("c2", call.LongestIdle)
		s.want("c2: " + want)
		s.wait(time.Second)
		outcome := []call.Outcome{call.OutcomeRejected, call.OutcomeTimeout, call.OutcomeFailed}[i]
		s.over(s.now, "c2", want, outcome) // goes to the end
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

func TestRingAllThatWasTaken(t *testing.T) {
	s := newStage(t, 0, "ana", "bea")
	s.phone(s.now, "bea", false)
	s.ask("c1", call.RingAll)
	s.want("c1: ana")
	if q := s.view().queues[0]; q.Calls != 0 {
		t.Errorf("a call that rings is in the queue: %+v", q)
	}
	s.talk(s.now, "c1", "ana")
	s.phone(s.now, "bea", true)
	s.want("")
}

func TestOwnerJoinsRingAll(t *testing.T) {
	s := newStage(t, 0, "ana", "bea", "carl")
	s.phone(s.now, "bea", false)
	s.phone(s.now, "carl", false)
	s.seek(s.now, call.Request{Call: "c1", Playbook: "sales", Owner: "bea", PreferOwner: true, Arrived: s.now, Strategy: call.RingAll})
	s.want("c1: ana")
	s.phone(s.now, "bea", true)
	s.want("c1: bea")
	s.phone(s.now, "carl", true)
	s.want("c1: carl")
}

func TestOwnCallDuringWrapUp(t *testing.T) {
	s := newStage(t, time.Minute, "ana")
	s.talk(s.now, "c1", "ana")
	s.end(s.now, "c1", "ana")
	s.talk(s.now, "own", "ana")
	if u := s.members["ana"].state(); u.Activity != ActivityTalking || u.WrapUpUntil != nil || !s.due().IsZero() {
		t.Errorf("ana = %+v", u)
	}
	s.over(s.now, "own", "ana", call.OutcomeTimeout)
	if u := s.members["ana"].state(); !u.Available() {
		t.Errorf("ana = %+v", u)
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

func TestUserWithoutPlaybook(t *testing.T) {
	r := newRoster(time.UTC, 1, nil)
	r.configure(noon, Account{Users: []User{{Name: "eva", Role: "supervisor"}}})
	v, _ := r.look(&view{})
	if u := v.users[0]; u.Playbooks == nil || len(u.Playbooks) != 0 || u.Role != "supervisor" {
		t.Errorf("eva = %+v", u)
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
