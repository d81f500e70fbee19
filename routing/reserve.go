package routing

import (
	"context"
	"slices"
	"time"

	"tandem/call"
)

// Reservation is what a user is reserved for. It decides what may hinder it.
type Reservation uint8

// The reservations.
const (
	// ReserveCaller: the user wants to call out, and their own phone is called
	// first. Neither a break nor the wrap-up hinders them.
	ReserveCaller Reservation = iota
	// ReservePhone: the user's phone called out by itself.
	ReservePhone
	// ReserveColleague: somebody inside calls the user, or passes a call on to them.
	ReserveColleague
	// ReserveRecall: a call that the user passed on comes back.
	ReserveRecall
	// ReservePickup: the user takes a call that waits.
	ReservePickup
	// ReserveCoach: the user coaches a call.
	ReserveCoach
)

// BusyError says why a user cannot be reserved.
type BusyError struct {
	User     string
	Why      string // e.g. "on another call"
	Occupied bool   // by a call; otherwise they are away
}

func (e *BusyError) Error() string { return e.User + ": " + e.Why }

// Reserve takes a user for a call: their own until Over or Free, or one that
// somebody gives them until Over or Talk. *BusyError says why not.
func (f *Floor) Reserve(ctx context.Context, id call.ID, user string, as Reservation) error {
	var why error
	err := f.ask(ctx, func(r *roster, now time.Time) { why = r.reserve(now, id, user, as) })
	if err != nil {
		return err
	}
	return why
}

// Oldest returns the call that waits longest, and rings nowhere, for one of the
// user's playbooks.
func (f *Floor) Oldest(ctx context.Context, user string) (id call.ID, any bool, err error) {
	err = f.ask(ctx, func(r *roster, _ time.Time) { id, any = r.oldest(user) })
	return id, any, err
}

func (r *roster) reserve(now time.Time, id call.ID, user string, as Reservation) error {
	m := r.touch(user)
	if m == nil || m.former {
		return &BusyError{User: user, Why: "is no user"}
	}
	if why := m.unreservable(as); why != "" {
		return &BusyError{User: user, Why: why, Occupied: m.busy()}
	}
	if as == ReserveCaller || as == ReservePhone {
		r.occupy(now, id, user)
		return nil
	}
	if as == ReserveCoach {
		r.supervise(now, id, user)
		return nil
	}
	m.offer, m.playbook, m.since = id, "", now
	if w := r.waiter(id); w != nil {
		m.playbook, w.asked[user] = w.Playbook, true
	}
	return nil
}

// unreservable says why the user cannot be reserved, or nothing.
func (m *member) unreservable(as Reservation) string {
	away := m.status.Status != StatusAvailable
	switch {
	case as == ReservePhone:
		return ""
	case !m.registered:
		return "no phone registered"
	case len(m.talks) > 0:
		return "on another call"
	case m.offer != "":
		return "is being offered another call"
	case m.coaches != "":
		return "coaches a call"
	case as == ReserveColleague && away:
		return m.hindrance(time.UTC)
	}
	return ""
}

func (r *roster) oldest(user string) (call.ID, bool) {
	for _, w := range r.waiting {
		if team := r.playbooks[w.Playbook]; w.ringing == 0 && team != nil && slices.Contains(team.users, user) {
			return w.Call, true
		}
	}
	return "", false
}
