package routing

import (
	"slices"
	"time"

	"tandem/call"
)

// Queue is the calls of one playbook for which nobody rings yet.
type Queue struct {
	Playbook string
	Calls    int
	Oldest   time.Time // arrival of the oldest; zero when there is none
}

// view is the floor at one moment; it never changes. What did not change from
// one moment to the next is shared between their views.
type view struct {
	users  []*UserState   // by name
	places map[string]int // where among them each is
	queues []Queue        // by playbook, in the order of the configuration
	offers map[call.Outcome]uint64
}

// user returns a user as they stand, or nil.
func (v *view) user(name string) *UserState {
	place, known := v.places[name]
	if !known {
		return nil
	}
	return v.users[place]
}

// look returns the floor as it stands and the users who look different from
// before, by name. It looks at nobody who was not touched since.
func (r *roster) look(before *view) (now *view, changed []*UserState) {
	now = &view{places: before.places, queues: r.queues(), offers: r.offers}
	names := r.touched
	if r.regrouped {
		names, now.places = r.shown()
		now.users = make([]*UserState, len(names))
	} else {
		now.users = slices.Clone(before.users)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		place, shown := now.places[name]
		if !shown {
			continue // has left
		}
		next := r.members[name].state()
		if was := before.user(name); was != nil && was.same(next) {
			now.users[place] = was
			continue
		}
		now.users[place] = &next
		changed = append(changed, &next)
	}
	r.touched, r.regrouped = r.touched[:0], false
	return now, changed
}

// shown returns the names of all users in order, and the place of each.
func (r *roster) shown() (names []string, places map[string]int) {
	for name, m := range r.members {
		if !m.former {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	places = make(map[string]int, len(names))
	for i, name := range names {
		places[name] = i
	}
	return names, places
}

// queues returns the calls for which nobody rings yet.
func (r *roster) queues() []Queue {
	list := make([]Queue, len(r.order))
	for i, name := range r.order {
		list[i].Playbook = name
	}
	for _, w := range r.waiting {
		t := r.playbooks[w.Playbook]
		if t == nil || w.ringing > 0 {
			continue
		}
		q := &list[t.place]
		if q.Calls == 0 {
			q.Oldest = w.Arrived
		}
		q.Calls++
	}
	return list
}
