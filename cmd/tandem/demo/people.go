package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/cmd/tandem/peer"
)

// The people outside.
func maria() caller {
	return caller{name: "María", display: "María López", number: "+34600111222", voice: 500}
}
func jorge() caller {
	return caller{name: "Jorge", display: "Jorge Díaz", number: "+34600222333", voice: 600}
}
func sofia() caller {
	return caller{name: "Sofía", display: "Sofía Ruiz", number: "+34600333444", voice: 800}
}
func pablo() caller {
	return caller{name: "Pablo", display: "Pablo Gil", number: "+34600444555", voice: 1000}
}
func carmen() caller {
	return caller{name: "Carmen", display: "Carmen Vega", number: "+34600555666", voice: 550}
}
func unknown() caller { return caller{name: "Unknown", voice: 650, withheld: true} }

// outsideVoice is the tone of Eva, who lifts at the number for calls after hours.
const outsideVoice = 1150

// talkPackets is how long people talk once they hear each other, in packets of
// 20 ms.
const talkPackets = 75

// moment is a point in time that others are measured from.
type moment struct {
	at   time.Time
	what string
}

// since tells how long after a moment something was.
func (m moment) since(at time.Time) string {
	return fmt.Sprintf("%d ms after %s", at.Sub(m.at).Milliseconds(), m.what)
}

// began is the moment when a call's INVITE went over the wire.
func began(call *peer.Call) time.Time { return call.Messages()[0].At }

// dial has somebody outside call one of the account's numbers, and returns
// what the switch calls the call.
func (d *day) dial(ctx context.Context, who caller, number string) (*peer.Call, string, error) {
	o := peer.CallOptions{
		From: who.number, Display: who.display, To: number, Server: d.switchboard.SIPAddrs()[0].String(),
		Media: &peer.MediaOptions{Source: peer.Tone(who.voice)},
	}
	shown := who.number
	if who.withheld {
		o.Anonymous, o.Privacy, shown = true, "id", "no number"
	}
	call, err := d.carrier.Call(ctx, o)
	if err != nil {
		return nil, "", fmt.Errorf("%s calls: %w", who.name, err)
	}
	d.screen.step(who.name, "calls %s, showing %s", number, shown)
	if err := call.WaitAnswered(ctx); err != nil {
		return nil, "", fmt.Errorf("%s calls: %w", who.name, err)
	}
	known, err := d.api.newest(ctx)
	if err != nil {
		return nil, "", err
	}
	if known.From != who.number || known.To != number {
		return nil, "", fmt.Errorf("%s calls: the newest call is one from %q to %q", who.name, known.From, known.To)
	}
	return call, known.ID, nil
}

// rings waits until the phone of a salesperson rings.
func (d *day) rings(ctx context.Context, p *salesperson, who caller, after moment) (*peer.Call, error) {
	call, err := p.phone.Accept(ctx)
	if err != nil {
		return nil, fmt.Errorf("the phone of %s does not ring for %s: %w", p.display, who.name, err)
	}
	return call, d.rung(p, call, who, after)
}

// rung lets a phone ring and checks whom it shows.
func (d *day) rung(p *salesperson, call *peer.Call, who caller, after moment) error {
	if err := call.Ring(); err != nil {
		return err
	}
	shown := call.From()
	name, number := who.display, who.number
	if who.withheld {
		name, number = shown.Display, "anonymous"
	}
	if shown.Display != name || shown.User() != number {
		return fmt.Errorf("the phone of %s shows %s, not %s", p.display, shown, who.display)
	}
	d.screen.step(p.name, "phone rings %s, showing %q %s", after.since(began(call)), shown.Display, shown.User())
	return nil
}

// anyRings waits until the phone of any salesperson rings.
func (d *day) anyRings(ctx context.Context, who caller, after moment) (*salesperson, *peer.Call, error) {
	select {
	case call := <-d.ana.phone.Incoming():
		return d.ana, call, d.rung(d.ana, call, who, after)
	case call := <-d.luis.phone.Incoming():
		return d.luis, call, d.rung(d.luis, call, who, after)
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("no phone rings for %s: %w", who.name, ctx.Err())
	}
}

// hearEachOther waits until both ends of a conversation hear the other's voice,
// and talks on for a while.
func (d *day) hearEachOther(ctx context.Context, a *peer.Call, who caller, b *peer.Call, other string, voice float64) error {
	ctx, cancel := during(ctx, a, b)
	defer cancel()
	if err := a.Media().HearsTone(ctx, voice); err != nil {
		return fmt.Errorf("%s does not hear %s: %w", who.name, other, errors.Join(err, context.Cause(ctx)))
	}
	if err := b.Media().HearsTone(ctx, who.voice); err != nil {
		return fmt.Errorf("%s does not hear %s: %w", other, who.name, errors.Join(err, context.Cause(ctx)))
	}
	d.screen.step(who.name, "hears %s (%g Hz), and %s hears %s (%g Hz)", other, voice, other, who.name, who.voice)
	return a.Media().WaitPackets(ctx, talkPackets)
}

// during returns a context that ends, with the reason, when one of the calls
// does: who waits to hear something should not outwait the call.
func during(ctx context.Context, calls ...*peer.Call) (context.Context, func()) {
	ctx, over := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	for _, call := range calls {
		watching.Go(func() {
			if end, err := call.WaitEnded(ctx); err == nil {
				over(fmt.Errorf("the call is over: %s", end))
			}
		})
	}
	return ctx, func() { over(nil); watching.Wait() }
}

// hangUp ends a call and waits until the other end has it from the switch.
func (d *day) hangUp(ctx context.Context, who string, call, far *peer.Call, how peer.Ending) error {
	if err := call.Hangup(ctx); err != nil {
		return fmt.Errorf("%s hangs up: %w", who, err)
	}
	end, err := far.WaitEnded(ctx)
	if err != nil {
		return fmt.Errorf("%s hangs up: the other end: %w", who, err)
	}
	if end.How != how || !end.Remote {
		return fmt.Errorf("%s hangs up: the other end ended otherwise: %s", who, end)
	}
	return nil
}

// became waits for the end of a call, checks what became of it and tells it.
func (d *day) became(ctx context.Context, id, result, reason string) (shownCall, error) {
	call, err := d.api.settled(ctx, id, "over", func(c shownCall) bool { return c.State == "ended" })
	if err != nil {
		return call, err
	}
	if call.Result != result || call.MissedReason != reason {
		return call, fmt.Errorf("call %s: result %q, missed reason %q; want %q, %q", id, call.Result, call.MissedReason, result, reason)
	}
	told := call.Result
	if reason != "" {
		told += ", missed: " + reason
	}
	d.screen.step("switch", "result %s; waited %.1f s, talked %.1f s", told, call.Wait, call.Duration)
	return call, nil
}

// followed checks what a missed call leaves behind: a task and a flag.
func (d *day) followed(ctx context.Context, call shownCall) error {
	tasks, err := list[shownTask](ctx, d.api, "/tasks?kind=missed_call&state=open")
	if err != nil {
		return err
	}
	at := slices.IndexFunc(tasks, func(t shownTask) bool { return t.CallID == call.ID })
	if at < 0 {
		return fmt.Errorf("call %s was missed without a task", call.ID)
	}
	contact, err := d.contact(ctx, call.ContactID)
	if err != nil {
		return err
	}
	if !contact.FollowUp {
		return fmt.Errorf("call %s was missed, and %s is not flagged", call.ID, contact.Name)
	}
	d.screen.step("switch", "missed-call task for %s; %s is flagged for follow-up", tasks[at].User, contact.Name)
	return nil
}

// contact returns a contact as the API tells of it.
func (d *day) contact(ctx context.Context, id string) (shownContact, error) {
	contacts, err := list[shownContact](ctx, d.api, "/contacts")
	if err != nil {
		return shownContact{}, err
	}
	at := slices.IndexFunc(contacts, func(c shownContact) bool { return c.ID == id })
	if at < 0 {
		return shownContact{}, fmt.Errorf("no contact %q", id)
	}
	return contacts[at], nil
}
