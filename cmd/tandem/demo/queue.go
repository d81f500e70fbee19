package demo

import (
	"context"
	"fmt"
	"net/http"

	"tandem/cmd/tandem/peer"
)

// setStatus sends a user on a break, or back to work, by the API.
func (d *day) setStatus(ctx context.Context, p *salesperson, status, reason string) error {
	body := map[string]string{"status": status}
	if reason != "" {
		body["reason"] = reason
	}
	if _, err := d.api.ask(ctx, http.MethodPut, "/api/v1/users/"+p.user+"/status", body); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// queue is a caller who has to wait because the only free salesperson talks,
// and is served as soon as she is free. It is Jorge, who was rejected before.
func (d *day) queue(ctx context.Context) error {
	if err := d.onlyAna(ctx); err != nil {
		return err
	}
	first, second := pablo(), jorge()
	talking, firstID, err := d.dial(ctx, first, salesNumber)
	if err != nil {
		return err
	}
	phone, err := d.talks(ctx, talking, firstID, first, 0, moment{began(talking), "the INVITE"})
	if err != nil {
		return err
	}
	waiting, secondID, err := d.dial(ctx, second, salesNumber)
	if err != nil {
		return err
	}
	if err := d.hearsMusic(ctx, waiting, second); err != nil {
		return err
	}
	if err := d.hangUp(ctx, first.name, talking, phone, peer.ByBYE); err != nil {
		return err
	}
	over, err := phone.WaitEnded(ctx)
	if err != nil {
		return err
	}
	d.screen.step(first.name, "hangs up; Ana's wrap-up of 1 s begins")
	if _, err := d.became(ctx, firstID, "completed", ""); err != nil {
		return err
	}
	if phone, err = d.talks(ctx, waiting, secondID, second, 1, moment{over.At, "the last call"}); err != nil {
		return err
	}
	if err := d.hangUp(ctx, d.ana.name, phone, waiting, peer.ByBYE); err != nil {
		return err
	}
	d.screen.step(d.ana.name, "hangs up")
	call, err := d.became(ctx, secondID, "completed", "")
	if err != nil {
		return err
	}
	return d.lowered(ctx, call)
}

// onlyAna sends Luis on a break and waits until Ana is available.
func (d *day) onlyAna(ctx context.Context) error {
	if err := d.setStatus(ctx, d.luis, "break", "lunch"); err != nil {
		return err
	}
	if err := d.api.user(ctx, d.luis.user, "on a break", func(u shownUser) bool { return u.Status == "break" }); err != nil {
		return err
	}
	d.screen.step(d.luis.name, "takes a break (lunch)")
	return d.api.user(ctx, d.ana.user, "available", shownUser.available)
}

// talks waits until Ana's phone and screen tell of a caller who called some
// times before, lifts, and lets them talk.
func (d *day) talks(ctx context.Context, contact *peer.Call, id string, who caller, earlier int, after moment) (*peer.Call, error) {
	phone, err := d.rings(ctx, d.ana, who, after)
	if err != nil {
		return nil, err
	}
	if err := d.screenShows(ctx, d.ana, id, who, earlier, after); err != nil {
		return nil, err
	}
	if err := d.lifts(ctx, d.ana, phone); err != nil {
		return nil, err
	}
	return phone, d.hearEachOther(ctx, contact, who, phone, d.ana.name, d.ana.voice)
}

// lowered checks that nobody has to follow up a contact who was talked with.
func (d *day) lowered(ctx context.Context, call shownCall) error {
	contact, err := d.contact(ctx, call.ContactID)
	if err != nil {
		return err
	}
	if contact.FollowUp {
		return fmt.Errorf("%s was talked with and is still flagged for follow-up", contact.Name)
	}
	d.screen.step("switch", "%s needs no follow-up any more", contact.Name)
	return nil
}
