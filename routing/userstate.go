package routing

import (
	"slices"
	"time"

	"tandem/call"
)

// Activity is what a user does at the moment.
type Activity string

// The activities.
const (
	ActivityIdle     Activity = "idle"
	ActivityOffered  Activity = "offered"
	ActivityTalking  Activity = "talking"
	ActivityCoaching Activity = "coaching"
	ActivityWrapUp   Activity = "wrap_up"
)

// UserState is a user as everybody sees them.
type UserState struct {
	Name      string   `json:"name"`
	Display   string   `json:"display"`
	Role      string   `json:"role"`
	Extension string   `json:"extension"`
	Playbooks []string `json:"playbooks"`

	Status Status    `json:"status"`
	Reason string    `json:"reason"` // of a break
	Since  time.Time `json:"since"`  // when the status or the activity changed last
	// Next is a status that was asked for during a call and begins after it,
	// or empty.
	Next Status `json:"next_status"`

	Activity    Activity   `json:"activity"`
	CallID      call.ID    `json:"call_id"` // the call they are offered, talk in or coach
	WrapUpUntil *time.Time `json:"wrap_up_until"`

	Registered bool `json:"registered"` // a phone of theirs is registered
	Suspect    bool `json:"suspect"`    // it did not answer when it was called last
}

// Available reports whether the user would be offered a call.
func (u UserState) Available() bool {
	return u.Status == StatusAvailable && u.Activity == ActivityIdle && u.Registered && !u.Suspect
}

// same reports whether two states are of one user and look alike.
func (u UserState) same(o UserState) bool {
	wrap := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	if !wrap(u.WrapUpUntil).Equal(wrap(o.WrapUpUntil)) || !slices.Equal(u.Playbooks, o.Playbooks) {
		return false
	}
	return u.Name == o.Name && u.Display == o.Display && u.Role == o.Role && u.Extension == o.Extension &&
		u.Status == o.Status && u.Reason == o.Reason && u.Next == o.Next && u.Since.Equal(o.Since) &&
		u.Activity == o.Activity && u.CallID == o.CallID && u.Registered == o.Registered && u.Suspect == o.Suspect
}
