package routing

import (
	"time"

	"tandem/call"
)

// news is an input that the floor has for a call.
type news struct {
	call  call.ID
	input call.Input
}

// Supervise implements call.Supervision.
func (f *Floor) Supervise(id call.ID, user string) {
	f.put(func(r *roster, now time.Time) { r.supervise(now, id, user) })
}

// Follow implements call.Supervision.
func (f *Floor) Follow(id call.ID, user string) {
	f.put(func(r *roster, _ time.Time) { r.follow(id, user) })
}

// supervise marks a user as coaching a call.
func (r *roster) supervise(now time.Time, id call.ID, user string) {
	if m := r.touch(user); m != nil {
		m.coaches, m.follows, m.since = id, "", now
	}
}

// follow notes in whose next conversation the coach of a call is to be, and
// tells of it at once when it has begun by now.
func (r *roster) follow(id call.ID, user string) {
	for _, m := range r.members {
		if m.coaches == id {
			m.follows = user
			r.following++
		}
	}
	followed := r.members[user]
	if followed == nil {
		followed = &member{user: User{Name: user}, former: true}
	}
	r.tellFollowers(followed)
}

// tellFollowers tells the coaches who wait for a user's next conversation that
// it has begun, or that there will be none.
func (r *roster) tellFollowers(m *member) {
	var in call.Input
	switch {
	case r.following == 0:
		return
	case len(m.met) > 0:
		in = call.Conversing{Call: m.met[len(m.met)-1]}
	case m.former || m.status.Status == StatusOffline:
		in = call.Hangup{By: "switch"}
	default:
		return
	}
	r.following = 0
	for _, coach := range r.members {
		switch coach.follows {
		case "":
		case m.user.Name:
			r.news = append(r.news, news{coach.coaches, in})
			coach.follows = ""
		default:
			r.following++
		}
	}
}
