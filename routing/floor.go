package routing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tandem/call"
)

// Lines posts the floor's choices to calls.
type Lines interface {
	// Post hands an input to a live call; false when there is no such call. It
	// never blocks.
	Post(id call.ID, in call.Input) bool
}

// FloorOptions are what the floor works with.
type FloorOptions struct {
	Account Account
	Zone    *time.Location // whose midnight begins a new count of calls; nil: UTC
	Desk    Desk           // keeps the users' statuses
	Events  call.Publisher // is told when a user changes
	Seed    uint64         // of the random strategy
}

// Floor knows who is free, who is offered which call, and who waits. One
// goroutine, Run, owns all of it, so that a user never has two offers and a
// call never two users unless its strategy says so. Everybody else leaves
// orders in its inbox, and none of the methods that calls and phones use ever
// blocks.
//
// Run looks at its inbox as soon as something lies there; a call that waits is
// offered by the event that makes somebody free.
type Floor struct {
	desk   Desk
	events call.Publisher
	inbox  *inbox
	roster *roster // Run's own
	view   atomic.Pointer[view]
	closed chan struct{} // Run has returned

	statusMu sync.Mutex // statuses are stored in the order in which they take effect
}

// NewFloor returns a floor on which the users have the statuses that they
// chose last. It takes no effect before Run.
func NewFloor(ctx context.Context, o FloorOptions) (*Floor, error) {
	if o.Desk == nil || o.Events == nil {
		return nil, errors.New("floor: no desk or no events")
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	statuses, err := o.Desk.UserStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("floor: users' statuses: %w", err)
	}
	f := &Floor{
		desk: o.Desk, events: o.Events, inbox: newInbox(), closed: make(chan struct{}),
		roster: newRoster(o.Zone, o.Seed, statuses),
	}
	f.view.Store(&view{})
	f.roster.configure(time.Now(), o.Account)
	f.show()
	return f, nil
}

// Run works until ctx is done. It is called once.
func (f *Floor) Run(ctx context.Context, lines Lines) error {
	defer close(f.closed)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.inbox.wake:
		case <-timer.C:
		}
		now := time.Now()
		f.work(now, lines)
		timer.Stop()
		if due := f.roster.due(); !due.IsZero() {
			timer.Reset(due.Sub(now))
		}
	}
}

// work carries out what lies in the inbox and what follows from it.
func (f *Floor) work(now time.Time, lines Lines) {
	orders := f.inbox.take()
	f.roster.tick(now)
	for _, o := range orders {
		o.do(f.roster, now)
		// After each order, not after all: who was free first comes first.
		f.settle(now, lines)
	}
	f.settle(now, lines)
	f.tell(now)
	for _, o := range orders {
		if o.done != nil {
			close(o.done)
		}
	}
}

// settle posts what calls have to hear, and assignments until no waiting call has
// a free user. A call that is gone gives its users back to those that wait.
func (f *Floor) settle(now time.Time, lines Lines) {
	for _, n := range f.roster.news {
		lines.Post(n.call, n.input)
	}
	f.roster.news = f.roster.news[:0]
	for again := true; again; {
		again = false
		for _, a := range f.roster.match(now) {
			if !lines.Post(a.call, a.Assigned) {
				f.roster.revert(a)
				again = true
			}
		}
	}
}

// show lets others see the floor as it stands, and returns the users who look
// different.
func (f *Floor) show() []*UserState {
	next, changed := f.roster.look(f.view.Load())
	f.view.Store(next)
	return changed
}

// tell shows the floor as it stands and publishes which users look different.
func (f *Floor) tell(now time.Time) {
	for _, u := range f.show() {
		f.events.Publish(call.Event{Type: call.EventUserChanged, At: now.UTC(), User: u.Name, CallID: u.CallID, Data: *u})
	}
}

// put leaves an order that nobody waits for.
func (f *Floor) put(do func(r *roster, now time.Time)) { f.inbox.put(order{do: do}) }

// ask leaves an order and waits until it has taken effect.
func (f *Floor) ask(ctx context.Context, do func(r *roster, now time.Time)) error {
	done := make(chan struct{})
	f.inbox.put(order{do: do, done: done})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closed:
		return errors.New("floor: closed")
	}
}

// Seek asks for a user for a call; call.Assigned is posted to the call, at once
// or when somebody becomes free.
func (f *Floor) Seek(req call.Request) {
	f.put(func(r *roster, now time.Time) { r.seek(now, req) })
}

// Leave takes a call out of the queue; offers already made stay.
func (f *Floor) Leave(id call.ID) {
	f.put(func(r *roster, _ time.Time) { r.leave(id) })
}

// Over frees a user whose offer by this call ended without a conversation.
func (f *Floor) Over(id call.ID, user string, outcome call.Outcome) {
	f.put(func(r *roster, now time.Time) { r.over(now, id, user, outcome) })
}

// Talk marks a user as talking, in a call that was offered or in their own.
func (f *Floor) Talk(id call.ID, user string) {
	f.put(func(r *roster, now time.Time) { r.talk(now, id, user) })
}

// Free ends a user's conversation; the wrap-up begins.
func (f *Floor) Free(id call.ID, user string) {
	f.put(func(r *roster, now time.Time) { r.end(now, id, user) })
}

// PhoneUp says that a phone of the user's has registered or answered. It may be
// said as often as it happens.
func (f *Floor) PhoneUp(user string) {
	f.put(func(r *roster, now time.Time) { r.phone(now, user, true) })
}

// PhoneDown says that the last of the user's phones is gone.
func (f *Floor) PhoneDown(user string) {
	f.put(func(r *roster, now time.Time) { r.phone(now, user, false) })
}

// Reconfigure takes on users and playbooks and waits until it has taken
// effect. Calls, offers, waiting calls and statuses stay.
func (f *Floor) Reconfigure(ctx context.Context, a Account) error {
	return f.ask(ctx, func(r *roster, now time.Time) { r.configure(now, a) })
}

// SetStatus takes on a user's choice of status and keeps it over a restart; At
// and Since are filled in. A break or an absence that is asked for during a
// call begins after it. ErrNotFound: no such user; *InvalidError: no such
// status.
func (f *Floor) SetStatus(ctx context.Context, s UserStatus) error {
	switch s.Status {
	case StatusAvailable:
		s.Reason = ""
	case StatusBreak, StatusOffline:
		s.Reason = CleanName(s.Reason)
	default:
		return &InvalidError{Field: "status", Why: "must be available, break or offline"}
	}
	if _, known := f.User(s.User); !known {
		return fmt.Errorf("user %q: %w", s.User, ErrNotFound)
	}
	s.Since = time.Now().UTC()
	f.statusMu.Lock()
	defer f.statusMu.Unlock()
	if err := f.desk.SetUserStatus(ctx, s); err != nil {
		return fmt.Errorf("user %s: keep status: %w", s.User, err)
	}
	return f.ask(ctx, func(r *roster, now time.Time) { r.setStatus(now, s) })
}

// Users returns all users by name, as they stand.
func (f *Floor) Users() []UserState {
	users := f.view.Load().users
	list := make([]UserState, len(users))
	for i, u := range users {
		list[i] = *u
	}
	return list
}

// User returns one user as they stand.
func (f *Floor) User(name string) (UserState, bool) {
	u := f.view.Load().user(name)
	if u == nil {
		return UserState{}, false
	}
	return *u, true
}

// Queues returns the calls for which nobody rings yet, by playbook.
func (f *Floor) Queues() []Queue { return f.view.Load().queues }

// Prospect is whom a call would be offered to at the moment.
type Prospect struct {
	Asked  []string // at once; several for ring-all
	Why    string   // they are asked
	Later  []string // in this order, when those do not take it
	Passed []call.Passed
}

// Prospect says whom a call would be offered to if it came now. It changes nothing.
func (f *Floor) Prospect(ctx context.Context, req call.Request) (Prospect, error) {
	var p Prospect
	err := f.ask(ctx, func(r *roster, now time.Time) {
		w := &waiter{Request: req, since: now}
		c := r.choose(now, w, r.ready(now, w), nil)
		p = Prospect{Asked: names(c.asked), Why: c.why, Later: names(c.later), Passed: c.passed}
	})
	if err != nil {
		return Prospect{}, err
	}
	return p, nil
}

func names(list []candidate) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.name
	}
	return out
}
