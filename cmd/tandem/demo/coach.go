package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

// coachCode and an extension is what a supervisor dials to coach a conversation.
const coachCode = "*9101"

// unheard is the level below which a coach is not there, in dBFS.
const unheard = -60

// listenFor is how long a voice is looked for where it must not be, in packets of
// 20 ms; half of it is measured.
const listenFor = 50

// coached lets the supervisor dial herself into Ana's conversation, listen, and
// whisper: Ana hears her, the contact does not.
func (d *day) coached(ctx context.Context, contact *peer.Call, who caller, phone *peer.Call, id string) error {
	coach, err := d.nuria.phone.Dial(ctx, peer.CallOptions{To: coachCode})
	if err != nil {
		return fmt.Errorf("%s dials %s: %w", d.nuria.name, coachCode, err)
	}
	if err := d.supervised(ctx, contact, who, phone, coach, id); err != nil {
		return err
	}
	if err := coach.Hangup(ctx); err != nil {
		return fmt.Errorf("%s hangs up: %w", d.nuria.name, err)
	}
	d.screen.step(d.nuria.name, "hangs up; the conversation goes on")
	return d.coaches(ctx, id, "")
}

// supervised is what comes before the supervisor hangs up.
func (d *day) supervised(ctx context.Context, contact *peer.Call, who caller, phone, coach *peer.Call, id string) error {
	ctx, cancel := during(ctx, contact, phone, coach)
	defer cancel()
	if err := coach.WaitAnswered(ctx); err != nil {
		return fmt.Errorf("%s dials %s: %w", d.nuria.name, coachCode, errors.Join(err, context.Cause(ctx)))
	}
	if err := d.coaches(ctx, id, "listen"); err != nil {
		return err
	}
	d.screen.step(d.nuria.name, "dials %s and joins the conversation, heard by nobody", coachCode)
	for _, hz := range []float64{who.voice, d.ana.voice} {
		if err := coach.Media().HearsTone(ctx, hz); err != nil {
			return fmt.Errorf("%s does not hear %g Hz: %w", d.nuria.name, hz, errors.Join(err, context.Cause(ctx)))
		}
	}
	atContact, atAna, err := d.nuriaAt(ctx, contact, phone)
	if err != nil {
		return err
	}
	if atContact > unheard || atAna > unheard {
		return fmt.Errorf("%s only listens and is heard: by %s at %.0f dBFS, by %s at %.0f dBFS", d.nuria.name, who.name, atContact, d.ana.name, atAna)
	}
	d.screen.step(d.nuria.name, "hears %s (%g Hz) and %s (%g Hz); her own %g Hz: %s %.0f dBFS, %s %.0f dBFS (none)",
		who.name, who.voice, d.ana.name, d.ana.voice, d.nuria.voice, who.name, atContact, d.ana.name, atAna)
	return d.whispers(ctx, contact, who, phone, coach, id)
}

// whispers is the second half of supervised.
func (d *day) whispers(ctx context.Context, contact *peer.Call, who caller, phone, coach *peer.Call, id string) error {
	if err := coach.Media().SendDTMF("4"); err != nil {
		return err
	}
	if err := d.coaches(ctx, id, "whisper"); err != nil {
		return err
	}
	d.screen.step(d.nuria.name, "presses 4 and whispers")
	if err := phone.Media().HearsTone(ctx, d.nuria.voice); err != nil {
		return fmt.Errorf("%s does not hear the whisper: %w", d.ana.name, errors.Join(err, context.Cause(ctx)))
	}
	atContact, atAna, err := d.nuriaAt(ctx, contact, phone)
	if err != nil {
		return err
	}
	if atContact > unheard || atAna < ownVoice {
		return fmt.Errorf("%s whispers: %s hears her at %.0f dBFS, %s at %.0f dBFS", d.nuria.name, who.name, atContact, d.ana.name, atAna)
	}
	d.screen.step(d.ana.name, "hears %s at %.0f dBFS; %s hears her at %.0f dBFS (none)", d.nuria.name, atAna, who.name, atContact)
	if keys := contact.Media().Stats().Digits; keys != "" {
		return fmt.Errorf("%s is told the coach's keys: %s", who.name, keys)
	}
	return nil
}

// coaches waits until the supervisor coaches a call in a mode; empty: no longer.
func (d *day) coaches(ctx context.Context, id, mode string) error {
	_, err := d.api.settled(ctx, id, "coached: "+mode, func(c shownCall) bool {
		at := slices.IndexFunc(c.Coachings, func(s shownCoaching) bool { return s.User == d.nuria.user && s.Left == nil })
		if at < 0 {
			return mode == ""
		}
		modes := c.Coachings[at].Modes
		return len(modes) > 0 && modes[len(modes)-1].Mode == mode
	})
	return err
}

// nuriaAt measures the supervisor's voice at the ears of the contact and of Ana.
func (d *day) nuriaAt(ctx context.Context, contact, phone *peer.Call) (atContact, atAna float64, err error) {
	if err := contact.Media().WaitPackets(ctx, listenFor); err != nil {
		return 0, 0, errors.Join(err, context.Cause(ctx))
	}
	return d.nuriaIn(contact.Media().Heard()), d.nuriaIn(phone.Media().Heard()), nil
}

// nuriaIn is the level of the supervisor's voice in the last of what was heard.
func (d *day) nuriaIn(heard []int16) float64 {
	const samples = listenFor / 2 * 160
	return tone.Power(heard[max(0, len(heard)-samples):], d.nuria.voice)
}

// noCoachOnTape checks that neither channel of a recording holds the supervisor.
func (d *day) noCoachOnTape(ctx context.Context, id string) error {
	for _, side := range []string{"contact", "salesperson"} {
		pcm, err := d.channel(ctx, id, side)
		if err != nil {
			return err
		}
		if level := tone.Power(pcm, d.nuria.voice); level > unheard {
			return fmt.Errorf("the channel of the %s holds %s at %.0f dBFS", side, d.nuria.name, level)
		}
	}
	d.screen.step("", "neither channel holds %s, who coached", d.nuria.name)
	return nil
}
