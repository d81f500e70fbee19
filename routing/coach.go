package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tandem/call"
)

// CoachRequest is a user who is to coach a conversation.
type CoachRequest struct {
	User  string
	Mode  call.CoachMode // in which they join
	Stays bool           // with the salesperson, call after call
}

// CoachingRules returns who may coach, and how.
func (d *Dispatch) CoachingRules() CoachingRules { return d.Directory.Account().Coaching }

// Coach checks that a user may coach a conversation now, and reserves them for it
// until call.Floor.Free or Over. A *call.Refusal says why they may not.
func (d *Dispatch) Coach(ctx context.Context, rec call.Record, in CoachRequest) (call.Coaching, error) {
	rules, err := d.mayCoach(in.User)
	if err != nil {
		return call.Coaching{}, err
	}
	present := 0
	for _, s := range rec.Coachings {
		if s.LeftAt == nil {
			present++
		}
	}
	switch {
	case in.Mode == call.CoachBarges && !rules.Barge:
		return call.Coaching{}, NoBarge()
	case rec.User == in.User:
		return call.Coaching{}, refuse(call.RefusedBusy, 486, in.User+" talks in this call")
	case rec.State != call.StateActive && rec.State != call.StateHeld:
		return call.Coaching{}, refuse(call.RefusedBusy, 480, "nobody is connected in the call: it is "+string(rec.State))
	case present >= call.MaxCoaches:
		return call.Coaching{}, refuse(call.RefusedBusy, 486, fmt.Sprintf("%d coach this call already", present))
	}
	if err := d.Floor.Reserve(ctx, rec.ID, in.User, ReserveCoach); err != nil {
		return call.Coaching{}, busy(err)
	}
	salesperson, _ := d.Floor.User(rec.User)
	return d.coaching(salesperson, in, rules), nil
}

// NoBarge is the refusal of a coach who wants the contact to hear them where that
// is not allowed.
func NoBarge() error {
	return refuse(call.RefusedForbidden, 403, "coaching.barge is off: no contact hears a coach")
}

// mayCoach returns the rules of coaching, or why the user may not coach at all.
func (d *Dispatch) mayCoach(name string) (CoachingRules, error) {
	rules := d.CoachingRules()
	user, known := d.Directory.User(name)
	switch {
	case !known:
		return rules, refuse(call.RefusedUnknown, 404, "there is no user "+name)
	case !slices.Contains(rules.Roles, user.Role):
		return rules, refuse(call.RefusedForbidden, 403,
			fmt.Sprintf("%s is %s; coaching is for %s", name, user.Role, strings.Join(rules.Roles, ", ")))
	}
	return rules, nil
}

// coaching is what the call hears of a coach. Their phone names the salesperson.
func (d *Dispatch) coaching(salesperson UserState, in CoachRequest, rules CoachingRules) call.Coaching {
	show := call.Party{Name: salesperson.Display, Number: salesperson.Extension}
	if show.Name == "" {
		show.Name = salesperson.Name
	}
	return call.Coaching{
		User: in.User, Mode: in.Mode, Stays: in.Stays, Barge: rules.Barge, Show: show,
		Music: d.music(d.playbookOf(salesperson.Name, "")), RingTimeout: summonTime,
	}
}
