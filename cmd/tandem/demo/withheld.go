package demo

import (
	"context"
	"fmt"

	"tandem/cmd/tandem/peer"
)

// withheld is a caller who does not show a number: a task, but nobody to
// remember.
func (d *day) withheld(ctx context.Context) error {
	if err := d.setStatus(ctx, d.luis, "available", ""); err != nil {
		return err
	}
	if err := d.api.user(ctx, d.luis.user, "available", shownUser.available); err != nil {
		return err
	}
	d.screen.step(d.luis.name, "is back")
	before, err := list[shownContact](ctx, d.api, "/contacts")
	if err != nil {
		return err
	}
	who := unknown()
	contact, id, err := d.dial(ctx, who, salesNumber)
	if err != nil {
		return err
	}
	p, phone, err := d.anyRings(ctx, who, moment{began(contact), "the INVITE"})
	if err != nil {
		return err
	}
	if err := d.lifts(ctx, p, phone); err != nil {
		return err
	}
	if err := d.hearEachOther(ctx, contact, who, phone, p.name, p.voice); err != nil {
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
	after, err := list[shownContact](ctx, d.api, "/contacts")
	if err != nil {
		return err
	}
	if call.ContactID != "" || len(after) != len(before) {
		return fmt.Errorf("a caller without a number became a contact: %q, %d contacts before, %d after", call.ContactID, len(before), len(after))
	}
	d.screen.step("switch", "no contact was made")
	return nil
}
