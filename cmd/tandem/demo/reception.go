package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

// registration is how long a phone asks to be registered for; it refreshes in
// time by itself.
const registration = 10 * time.Minute

// busyHere is how a phone says that its owner rejects a call (RFC 3261 21.4.24).
const busyHere = 486

// morning waits for the switch and registers the phones.
func (d *day) morning(ctx context.Context) error {
	if err := d.api.ready(ctx); err != nil {
		return err
	}
	d.screen.step("switch", "takes calls: SIP on udp %s, HTTP on %s", d.switchboard.SIPAddrs()[0], d.switchboard.HTTPAddr())
	events, err := d.api.follow(context.WithoutCancel(ctx)) // the day's events, not the scene's
	if err != nil {
		return err
	}
	d.events = events
	for _, p := range d.floor() {
		if err := p.phone.StayRegistered(ctx, registration); err != nil {
			return fmt.Errorf("phone of %s: %w", p.name, err)
		}
		if err := d.api.user(ctx, p.user, "available", shownUser.available); err != nil {
			return err
		}
		d.screen.step(p.name, "phone registered from %s; %s is available", p.phone.Addr(), p.display)
	}
	return nil
}

// conversation is a call that is answered, coached and recorded, and meanwhile
// another that is rejected.
func (d *day) conversation(ctx context.Context) error {
	who := maria()
	contact, id, err := d.dial(ctx, who, salesNumber)
	if err != nil {
		return err
	}
	invite := moment{began(contact), "the INVITE"}
	phone, err := d.rings(ctx, d.ana, who, invite)
	if err != nil {
		return err
	}
	if err := d.screenShows(ctx, d.ana, id, who, 0, invite); err != nil {
		return err
	}
	if err := d.task(ctx, id, taskOpen); err != nil {
		return err
	}
	if err := d.hearsMusic(ctx, contact, who); err != nil {
		return err
	}
	if err := d.lifts(ctx, d.ana, phone); err != nil {
		return err
	}
	if err := d.task(ctx, id, taskInProgress); err != nil {
		return err
	}
	if err := d.hearEachOther(ctx, contact, who, phone, d.ana.name, d.ana.voice); err != nil {
		return err
	}
	if err := d.coached(ctx, contact, who, phone, id); err != nil {
		return err
	}
	if err := d.rejected(ctx); err != nil {
		return err
	}
	if err := d.hangUp(ctx, who.name, contact, phone, peer.ByBYE); err != nil {
		return err
	}
	d.screen.step(who.name, "hangs up")
	call, err := d.became(ctx, id, "completed", "")
	if err != nil {
		return err
	}
	if err := d.task(ctx, id, taskDone); err != nil {
		return err
	}
	if err := d.unbroken(contact, who, "music"); err != nil {
		return err
	}
	if err := d.recorded(ctx, call.ID, who, d.ana); err != nil {
		return err
	}
	if err := d.noCoachOnTape(ctx, call.ID); err != nil {
		return err
	}
	return d.notes(ctx, call.ID)
}

// rejected is a call during Ana's: it rings at the other salesperson, who
// rejects it.
func (d *day) rejected(ctx context.Context) error {
	if err := d.api.user(ctx, d.ana.user, "talking", func(u shownUser) bool { return u.Activity == "talking" }); err != nil {
		return err
	}
	d.screen.step(d.ana.name, "is talking, so the next call has to go past her")
	who := jorge()
	contact, id, err := d.dial(ctx, who, salesNumber)
	if err != nil {
		return err
	}
	phone, err := d.rings(ctx, d.luis, who, moment{began(contact), "the INVITE"})
	if err != nil {
		return err
	}
	if err := phone.Reject(busyHere); err != nil {
		return err
	}
	d.screen.step(d.luis.name, "rejects the call (%d)", busyHere)
	message := tone.Unavailable("es")
	if err := recognise(ctx, contact, "the message that nobody can take the call", message); err != nil {
		return fmt.Errorf("%s: %w", who.name, err)
	}
	d.screen.step(who.name, "hears the spoken message that somebody will call back (%.1f s long)", message.Duration().Seconds())
	end, err := contact.WaitEnded(ctx)
	if err != nil {
		return fmt.Errorf("%s is not released: %w", who.name, err)
	}
	if end.How != peer.ByBYE || !end.Remote {
		return fmt.Errorf("%s is not released by the switch: %s", who.name, end)
	}
	d.screen.step(who.name, "is released by the switch")
	call, err := d.became(ctx, id, "no_answer", "rejected")
	if err != nil {
		return err
	}
	return d.followed(ctx, call)
}

// abandoned is a caller who hangs up while the phone rings.
func (d *day) abandoned(ctx context.Context) error {
	who := sofia()
	contact, id, err := d.dial(ctx, who, salesNumber)
	if err != nil {
		return err
	}
	p, phone, err := d.anyRings(ctx, who, moment{began(contact), "the INVITE"})
	if err != nil {
		return err
	}
	if err := d.hearsMusic(ctx, contact, who); err != nil {
		return err
	}
	if err := d.hangUp(ctx, who.name, contact, phone, peer.ByCANCEL); err != nil {
		return err
	}
	d.screen.step(who.name, "gives up, and the phone of %s stops ringing", p.name)
	call, err := d.became(ctx, id, "cancelled", "abandoned")
	if err != nil {
		return err
	}
	return d.followed(ctx, call)
}

// hearsMusic waits until a caller hears the hold music.
func (d *day) hearsMusic(ctx context.Context, call *peer.Call, who caller) error {
	if err := recognise(ctx, call, "the hold music", tone.HoldMusic()); err != nil {
		return fmt.Errorf("%s: %w", who.name, err)
	}
	d.screen.step(who.name, "hears the hold music")
	return nil
}

// lifts answers a ringing phone.
func (d *day) lifts(ctx context.Context, p *salesperson, phone *peer.Call) error {
	if err := phone.Answer(); err != nil {
		return fmt.Errorf("%s lifts: %w", p.name, err)
	}
	ctx, cancel := during(ctx, phone)
	defer cancel()
	if _, err := phone.WaitRequest(ctx, "ACK"); err != nil {
		return fmt.Errorf("%s lifts: %w", p.name, errors.Join(err, context.Cause(ctx)))
	}
	d.screen.step(p.name, "lifts")
	return nil
}

// task waits until a call's one Inbound Call task is in a state.
func (d *day) task(ctx context.Context, call, state string) error {
	err := eventually(ctx, "the call's Inbound Call task is "+state, func() (bool, error) {
		tasks, err := list[shownTask](ctx, d.api, "/tasks?kind=inbound_call")
		tasks = slices.DeleteFunc(tasks, func(t shownTask) bool { return t.CallID != call })
		if err != nil || len(tasks) == 0 {
			return false, err
		}
		if len(tasks) > 1 || tasks[0].State == taskDone && state != taskDone {
			return false, fmt.Errorf("%d tasks, the first is %s", len(tasks), tasks[0].State)
		}
		return tasks[0].State == state, nil
	})
	if err != nil {
		return err
	}
	d.screen.step("switch", "the call's Inbound Call task is %s", strings.ReplaceAll(state, "_", " "))
	return nil
}
