package routing

import (
	"context"
	"strings"

	"tandem/call"
)

// The feature codes that a salesperson dials.
const (
	featureBreak  = "5" // on a break, and back
	featurePickup = "8" // takes the oldest waiting call of the own playbooks
	featureCoach  = "9" // and an extension: coaches that user's conversation
)

// featureCode returns the digits of a feature code.
func featureCode(dialed string) (string, bool) {
	return strings.CutPrefix(strings.TrimSpace(dialed), "*")
}

// feature does what a feature code stands for.
func (d *Dispatch) feature(ctx context.Context, in call.Origination, code string) (call.Placement, error) {
	switch code {
	case featureBreak:
		return d.toggleBreak(ctx, in.User)
	case featurePickup:
		return d.pickUp(ctx, in)
	}
	if extension, is := strings.CutPrefix(code, featureCoach); is && extension != "" {
		return d.coachByPhone(ctx, in, extension)
	}
	return call.Placement{}, refuse(call.RefusedNumber, 404, "there is no feature code *"+code)
}

// toggleBreak takes the user on a break, or back from it.
func (d *Dispatch) toggleBreak(ctx context.Context, user string) (call.Placement, error) {
	next := UserStatus{User: user, Status: StatusBreak, Reason: "by phone"}
	if now, _ := d.Floor.User(user); now.Status == StatusBreak || now.Next == StatusBreak {
		next = UserStatus{User: user, Status: StatusAvailable}
	}
	if err := d.Floor.SetStatus(ctx, next); err != nil {
		return call.Placement{}, err
	}
	return call.Placement{Service: call.SoundConfirm}, nil
}

// coachByPhone reserves the user who dialed for the conversation of another.
func (d *Dispatch) coachByPhone(ctx context.Context, in call.Origination, extension string) (call.Placement, error) {
	dialed := d.Directory.Dialed(extension)
	if dialed.Kind != KindExtension {
		return call.Placement{}, refuse(call.RefusedUnknown, 404, "there is no extension "+extension)
	}
	rules, err := d.mayCoach(in.User)
	if err != nil {
		return call.Placement{}, err
	}
	if dialed.User == in.User {
		return call.Placement{}, refuse(call.RefusedBusy, 486, in.User+" cannot coach themself")
	}
	u, _ := d.Floor.User(dialed.User)
	if u.Activity != ActivityTalking {
		return call.Placement{}, refuse(call.RefusedBusy, 480, dialed.User+" is in no conversation")
	}
	if err := d.Floor.Reserve(ctx, u.CallID, in.User, ReserveCoach); err != nil {
		return call.Placement{}, busy(err)
	}
	as := d.coaching(u, CoachRequest{User: in.User, Mode: call.CoachListens}, rules)
	return call.Placement{Pickup: u.CallID, Coaching: &as}, nil
}

// pickUp reserves the user for the call that waits longest.
func (d *Dispatch) pickUp(ctx context.Context, in call.Origination) (call.Placement, error) {
	waiting, any, err := d.Floor.Oldest(ctx, in.User)
	if err != nil {
		return call.Placement{}, err
	}
	if !any {
		return call.Placement{}, refuse(call.RefusedUnknown, 404, "no call waits for "+in.User)
	}
	if err := d.Floor.Reserve(ctx, waiting, in.User, ReservePickup); err != nil {
		return call.Placement{}, busy(err)
	}
	return call.Placement{Pickup: waiting}, nil
}
