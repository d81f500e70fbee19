package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"tandem/cmd/tandem/peer"
)

// ringbackPitch is what a caller in Spain hears while it rings, in Hz.
const ringbackPitch = 425

// callback is a call that goes out: Ana works on the missed call of Sofía, whom
// the switch calls from the number that Sofía knows.
func (d *day) callback(ctx context.Context) error {
	if err := d.api.user(ctx, d.ana.user, "available", shownUser.available); err != nil {
		return err
	}
	who := sofia()
	missed, err := d.missedTask(ctx, who)
	if err != nil {
		return err
	}
	asked := time.Now()
	placed, err := d.order(ctx, d.ana, missed)
	if err != nil {
		return err
	}
	if placed.To != who.number || placed.Number != salesNumber || placed.NumberRule != "last_called" {
		return fmt.Errorf("call %s goes to %s from %s by rule %q", placed.ID, placed.To, placed.Number, placed.NumberRule)
	}
	d.screen.step(d.ana.name, "asks on her screen to call %s back; %s is shown, by the rule %s", who.name, placed.Number, placed.NumberRule)
	phone, err := d.rings(ctx, d.ana, who, moment{asked, "the order"})
	if err != nil {
		return err
	}
	if !phone.AutoAnswerAsked() {
		return errors.New("the phone of Ana is not asked to lift by itself")
	}
	if err := d.lifts(ctx, d.ana, phone); err != nil {
		return err
	}
	contact, err := d.reached(ctx, who, phone)
	if err != nil {
		return err
	}
	if err := d.hearEachOther(ctx, contact, who, phone, d.ana.name, d.ana.voice); err != nil {
		return err
	}
	if err := d.hangUp(ctx, who.name, contact, phone, peer.ByBYE); err != nil {
		return err
	}
	d.screen.step(who.name, "hangs up")
	call, err := d.became(ctx, placed.ID, "completed", "")
	if err != nil {
		return err
	}
	if err := d.taskEnds(ctx, missed); err != nil {
		return err
	}
	if err := d.lowered(ctx, call); err != nil {
		return err
	}
	return d.recorded(ctx, call.ID, who, d.ana)
}

// missedTask returns the open Missed Call task of somebody.
func (d *day) missedTask(ctx context.Context, who caller) (shownTask, error) {
	contacts, err := list[shownContact](ctx, d.api, "/contacts")
	if err != nil {
		return shownTask{}, err
	}
	tasks, err := list[shownTask](ctx, d.api, "/tasks?kind=missed_call")
	if err != nil {
		return shownTask{}, err
	}
	for _, c := range contacts {
		at := slices.IndexFunc(tasks, func(t shownTask) bool { return t.ContactID == c.ID && t.State == taskOpen })
		if slices.Contains(c.Numbers, who.number) && at >= 0 {
			return tasks[at], nil
		}
	}
	return shownTask{}, fmt.Errorf("there is no missed call of %s to work on", who.name)
}

// order has the switch call a task's contact for a salesperson.
func (d *day) order(ctx context.Context, p *salesperson, task shownTask) (shownCall, error) {
	answer, err := d.api.ask(ctx, http.MethodPost, "/api/v1/calls", map[string]string{"user": p.user, "task_id": task.ID})
	if err != nil {
		return shownCall{}, fmt.Errorf("%s calls: %w", p.name, err)
	}
	var call shownCall
	if err := json.Unmarshal(answer, &call); err != nil {
		return shownCall{}, fmt.Errorf("%s calls: %w", p.name, err)
	}
	return call, nil
}

// reached is the call of the switch that comes to somebody outside: it rings,
// which the salesperson hears, and they lift.
func (d *day) reached(ctx context.Context, who caller, phone *peer.Call) (*peer.Call, error) {
	ctx, cancel := during(ctx, phone)
	defer cancel()
	contact, err := d.carrier.Accept(ctx)
	if err != nil {
		return nil, fmt.Errorf("no call to %s comes to the carrier: %w", who.number, errors.Join(err, context.Cause(ctx)))
	}
	dialed := peer.ParseAddress(contact.Invite().URI).User()
	shown := peer.ParseAddress(contact.Invite().Get("P-Asserted-Identity")).User()
	if dialed != who.number || shown != salesNumber {
		return nil, fmt.Errorf("the switch calls %s and shows %s", dialed, shown)
	}
	d.screen.step("carrier", "gets a call to %s, showing %s", dialed, shown)
	if err := contact.UseMedia(peer.MediaOptions{Source: peer.Tone(who.voice)}); err != nil {
		return nil, err
	}
	if err := contact.Ring(); err != nil {
		return nil, err
	}
	if err := phone.Media().HearsTone(ctx, ringbackPitch); err != nil {
		return nil, fmt.Errorf("%s does not hear that it rings: %w", d.ana.name, errors.Join(err, context.Cause(ctx)))
	}
	d.screen.step(d.ana.name, "hears that it rings (%d Hz)", ringbackPitch)
	if err := contact.Answer(); err != nil {
		return nil, err
	}
	d.screen.step(who.name, "lifts")
	return contact, nil
}

// taskEnds waits until a task is done.
func (d *day) taskEnds(ctx context.Context, task shownTask) error {
	err := eventually(ctx, "the task is done", func() (bool, error) {
		tasks, err := list[shownTask](ctx, d.api, "/tasks?kind="+task.Kind)
		return slices.ContainsFunc(tasks, func(t shownTask) bool { return t.ID == task.ID && t.State == taskDone }), err
	})
	if err != nil {
		return err
	}
	d.screen.step("switch", "the missed-call task is done")
	return nil
}
