package demo

import (
	"context"
	"fmt"

	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

// afterHours is a call to the number whose office is closed: a message, then
// an outside number.
func (d *day) afterHours(ctx context.Context) error {
	who, message := carmen(), tone.OfficeClosed("es")
	contact, id, err := d.dial(ctx, who, serviceNumber)
	if err != nil {
		return err
	}
	if err := recognise(ctx, contact, "the office-closed message", message); err != nil {
		return fmt.Errorf("%s: %w", who.name, err)
	}
	d.screen.step(who.name, "hears the spoken message that the office is closed (%.1f s long)", message.Duration().Seconds())
	outside, err := d.carrier.Accept(ctx)
	if err != nil {
		return fmt.Errorf("no call to %s comes to the carrier: %w", outsideNumber, err)
	}
	if dialed := peer.ParseAddress(outside.Invite().URI).User(); dialed != outsideNumber {
		return fmt.Errorf("the switch calls %s, not %s", dialed, outsideNumber)
	}
	d.screen.step("carrier", "gets a call to %s, %d ms after Carmen's INVITE", outsideNumber, began(outside).Sub(began(contact)).Milliseconds())
	if err := d.redirected(ctx, contact, who, outside); err != nil {
		return err
	}
	if err := d.hangUp(ctx, who.name, contact, outside, peer.ByBYE); err != nil {
		return err
	}
	d.screen.step(who.name, "hangs up")
	call, err := d.became(ctx, id, "office_closed", "")
	if err != nil {
		return err
	}
	if call.RedirectedTo != outsideNumber {
		return fmt.Errorf("call %s: redirected to %q", id, call.RedirectedTo)
	}
	return d.unbroken(contact, who, "message")
}

// redirected is the conversation of a caller after hours with Eva, who lifts at
// the outside number.
func (d *day) redirected(ctx context.Context, contact *peer.Call, who caller, outside *peer.Call) error {
	if err := outside.UseMedia(peer.MediaOptions{Source: peer.Tone(outsideVoice)}); err != nil {
		return err
	}
	if err := outside.Ring(); err != nil {
		return err
	}
	if err := outside.Answer(); err != nil {
		return err
	}
	d.screen.step("Eva", "lifts at %s", outsideNumber)
	return d.hearEachOther(ctx, contact, who, outside, "Eva", outsideVoice)
}
