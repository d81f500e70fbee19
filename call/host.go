package call

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// mailboxSize bounds what one call may have waiting. The floor, sip and
	// media send a handful of inputs each; digits are the only stream.
	mailboxSize = 128
	// saveTimeout bounds how long a call waits for the store. The call goes on
	// without it: a live conversation is worth more than its record.
	saveTimeout = 2 * time.Second
)

// host is the goroutine of one call: it owns the machine and carries out what
// the machine decides.
type host struct {
	id       ID
	ports    Ports
	log      *slog.Logger
	mailbox  chan Input
	overrun  chan struct{} // holds one token when the mailbox was full
	snapshot atomic.Pointer[view]

	machine *Machine
	began   time.Time
	rang    bool
	timers  map[Timer]time.Time // deadlines
	results []Input             // what effects came back with
	unsaved *Change             // the newest change, when the store did not take it
	tape    Tape                // of the recording that runs, or nil
	placed  chan<- outcome      // told once what became of an origination, or nil
	others  exchangeSide
	waits   bool // it is a coach's wait; the exchange's, under its lock
}

// exchangeSide is what a call asks of the exchange that hosts it.
type exchangeSide interface {
	// Post hands an input to another call; false when there is no such call.
	Post(id ID, in Input) bool
	// stand hosts the wait of a coach.
	stand(in Standby) error
}

// outcome is what became of an origination: the call, or why there is none.
type outcome struct {
	record Record
	err    error
}

// view is a call as others see it between two inputs.
type view struct {
	record  Record
	offered []string
}

func newHost(id ID, ports Ports, others exchangeSide, log *slog.Logger) *host {
	return &host{
		id: id, ports: ports, log: log, machine: NewMachine(), others: others,
		mailbox: make(chan Input, mailboxSize),
		overrun: make(chan struct{}, 1),
		timers:  make(map[Timer]time.Time),
	}
}

// post never blocks. A full mailbox ends the call; the input is lost then, and
// false tells so.
func (h *host) post(in Input) bool {
	select {
	case h.mailbox <- in:
		return true
	default:
	}
	select {
	case h.overrun <- struct{}{}:
		h.ports.Meter.Stalled("mailbox")
		h.log.Error("a call fell behind its inputs and is hung up")
	default:
	}
	return false
}

// run steps the machine until the call has ended.
func (h *host) run() {
	h.began = time.Now()
	clock := time.NewTimer(time.Hour)
	defer clock.Stop()
	for h.machine.Phase() != Ended {
		name, wait := h.nextTimer()
		clock.Reset(wait)
		select {
		case in := <-h.mailbox:
			h.take(in)
		case <-h.overrun:
			h.take(Hangup{By: "switch"})
		case <-clock.C:
			if name != "" {
				delete(h.timers, name)
				h.take(TimerFired{Timer: name})
			}
		}
	}
	if rec := h.machine.Record(); rec.EndedAt != nil {
		h.ports.Meter.Ended(rec)
	}
}

// empty steps what was posted while the call ended, so that a user who was
// assigned in that instant is free again. Nothing is posted any more.
func (h *host) empty() {
	for {
		select {
		case in := <-h.mailbox:
			h.take(in)
		default:
			return
		}
	}
}

// nextTimer returns the timer that runs out first.
func (h *host) nextTimer() (Timer, time.Duration) {
	var name Timer
	var next time.Time
	for t, at := range h.timers {
		if name == "" || at.Before(next) {
			name, next = t, at
		}
	}
	if name == "" {
		return "", time.Hour
	}
	return name, max(0, time.Until(next))
}

// take steps the machine with an input and with what its effects come back with.
func (h *host) take(in Input) {
	h.results = append(h.results, in)
	for len(h.results) > 0 {
		in, h.results = h.results[0], h.results[1:]
		h.observe(in)
		effects, err := h.machine.Step(time.Now(), in)
		if err != nil {
			h.log.Error("an input was refused", "error", err)
			continue
		}
		for _, fx := range effects {
			h.carryOut(fx)
		}
		h.show()
		if _, placed := in.(Placed); placed {
			h.tell(outcome{record: h.machine.Record()})
		}
	}
}

// show lets others see the call as it stands: never before it was saved.
func (h *host) show() {
	h.snapshot.Store(&view{record: h.machine.Record(), offered: h.machine.Offered()})
}

// observe counts what only the host sees.
func (h *host) observe(in Input) {
	switch in := in.(type) {
	case Planned, Placed:
		h.ports.Meter.Began(h.machine.Record())
	case LegProgress:
		if in.Status >= 180 {
			h.ringing()
		}
	case LegAnswered: // lifted before it could ring
		h.ringing()
	}
}

// ringing measures once how long it took until a user's phone reacted.
func (h *host) ringing() {
	if !h.rang && h.machine.Phase() == Offering {
		h.rang = true
		h.ports.Meter.Ringing(h.machine.Record(), time.Since(h.began))
	}
}

// back queues an input that an effect came back with.
func (h *host) back(in Input) { h.results = append(h.results, in) }

// carryOut hands one effect to its port.
func (h *host) carryOut(fx Effect) {
	p := h.ports
	switch fx := fx.(type) {
	case AskPlan:
		h.askPlan(fx.Arrival)
	case AskPlace:
		h.askPlace(fx.Origination)
	case AskDirection:
		h.askDirection(fx)
	case AskPartner:
		h.askPartner(fx.Leg)
	case Hand:
		h.hand(fx)
	case StandBy:
		h.standBy(fx)
	case Save:
		h.save(fx.Change)
	case Seek:
		p.Floor.Seek(fx.Request)
	case Leave:
		p.Floor.Leave(h.id)
	case OfferOver:
		p.Floor.Over(h.id, fx.User, fx.Outcome)
	case Talk:
		p.Floor.Talk(h.id, fx.User)
	case Free:
		p.Floor.Free(h.id, fx.User)
	case Supervise:
		p.Coaches.Supervise(h.id, fx.User)
	case Follow:
		p.Coaches.Follow(h.id, fx.User)
	case Publish:
		h.publish(fx.Type)
	case ArmTimer:
		h.timers[fx.Timer] = time.Now().Add(fx.After)
	case StopTimer:
		delete(h.timers, fx.Timer)
	case Invite, Progress, Answer, Release, Take, Notify:
		h.signal(fx)
	default:
		h.sound(fx)
	}
}

// signal carries out the effects of signalling.
func (h *host) signal(fx Effect) {
	sip := h.ports.Signalling
	switch fx := fx.(type) {
	case Invite:
		sip.Invite(fx.Leg, fx.To, fx.SDP)
	case Progress:
		sip.Progress(fx.Leg, fx.Status, fx.SDP)
	case Answer:
		sip.Answer(fx.Leg, fx.SDP)
	case Release:
		sip.Release(fx.Leg, fx.Cause)
	case Take:
		h.ports.Transfers.Take(fx.Leg, fx.From, fx.SDP)
	case Notify:
		h.ports.Transfers.Notify(fx.Leg, fx.Status)
	}
}

// sound carries out the effects of media and recording.
func (h *host) sound(fx Effect) {
	p := h.ports
	switch fx := fx.(type) {
	case OpenMedia:
		h.openMedia(fx)
	case AcceptMedia:
		if err := p.Media.Accept(fx.Leg, fx.SDP, fx.Source); err != nil {
			h.mediaFailed(fx.Leg, err)
			return
		}
		h.back(MediaReady{Leg: fx.Leg})
	case CloseMedia:
		h.back(MediaClosed{Leg: fx.Leg, Quality: p.Media.Close(fx.Leg)})
	case Reanswer:
		h.reanswer(fx)
	case Play:
		p.Room.Play(fx.Leg, fx.Sound, fx.Loop)
	case Hush:
		p.Room.Hush(fx.Leg)
	case Press:
		p.Room.Press(fx.Leg, fx.Key)
	case Wire:
		p.Room.Wire(h.id, fx.Edges)
	case StartRecording:
		h.startRecording(fx)
	case TurnTape:
		if h.tape != nil {
			p.Room.Tap(h.id, fx.Contact, fx.Person, h.tape)
		}
	case StopRecording:
		h.tape = nil
		p.Room.Tap(h.id, "", "", nil)
		p.Recorder.Stop(h.id)
	}
}

func (h *host) askPlan(in Arrival) {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	plan, err := h.ports.Router.Admit(ctx, in, time.Now())
	if err == nil {
		h.back(Planned{Plan: plan})
		return
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		h.log.Info("call refused", "trunk", in.Trunk, "cause", refusal.Cause.Text)
		h.back(Refused{Cause: refusal.Cause})
		return
	}
	// Without a durable task the call cannot be promised to anybody.
	h.ports.Meter.Stalled("admit")
	h.log.Error("call could not be stored and is turned away", "trunk", in.Trunk, "error", err)
	h.back(Refused{Cause: Cause{Kind: CauseFailed, Code: 503, Q850: 41, Text: "store failure"}})
}

// askPlace has routing decide about a user who calls out.
func (h *host) askPlace(in Origination) {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	placement, err := h.ports.Router.Place(ctx, in, time.Now())
	if err == nil {
		h.back(Placed{Placement: placement})
		return
	}
	cause := h.refusal(err, "place", in.User)
	h.tell(outcome{err: err})
	h.back(Refused{Cause: cause})
}

// askDirection has routing find where a call is passed on to.
func (h *host) askDirection(fx AskDirection) {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	to, err := h.ports.Router.Direct(ctx, h.machine.Record(), fx.To, fx.By)
	if err == nil {
		h.back(Directed{Destination: to})
		return
	}
	h.back(Undirected{Cause: h.refusal(err, "transfer", fx.By)})
}

// refusal is the cause within routing's error about something that a user
// wants. An error that is no refusal is our own fault.
func (h *host) refusal(err error, wanted, user string) Cause {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		h.log.Info("refused", "wanted", wanted, "user", user, "cause", refusal.Cause.Text)
		return refusal.Cause
	}
	h.ports.Meter.Stalled(wanted)
	h.log.Error("what a user wants could not be routed", "wanted", wanted, "user", user, "error", err)
	return Cause{Kind: CauseFailed, Code: 503, Q850: 41, Text: "store failure"}
}

// tell answers whoever waits for what becomes of an origination.
func (h *host) tell(o outcome) {
	if h.placed != nil {
		h.placed <- o
		h.placed = nil
	}
}

// askPartner asks the call of another leg to give its other side up.
func (h *host) askPartner(leg LegID) {
	if leg.Call() == h.id || !h.others.Post(leg.Call(), Surrender{By: h.id, Leg: leg}) {
		h.back(Handed{For: leg})
	}
}

// hand gives a leg to another call; when that is over by now, nobody is left
// who could want it.
func (h *host) hand(fx Hand) {
	in := fx.Handed
	if h.others.Post(fx.To, in) {
		return
	}
	if in.Coaching != nil && in.Coaching.Stays && !in.Early {
		h.standBy(StandBy{Leg: in.Leg, Coaching: *in.Coaching})
		return
	}
	if in.Leg != "" {
		h.ports.Signalling.Release(in.Leg, Cause{Kind: CauseUnreachable, Code: 480, Text: "The call is over"})
	}
	switch {
	case in.Early:
		h.ports.Floor.Over(fx.To, in.User, OutcomeWithdrawn)
	case in.Coaching != nil:
		h.ports.Floor.Free(h.id, in.User)
	}
}

// standBy lets a coach wait for the next conversation of whom they stay with.
func (h *host) standBy(fx StandBy) {
	err := h.others.stand(Standby{Call: NewID(time.Now()), Leg: fx.Leg, Coaching: fx.Coaching})
	if err == nil {
		return
	}
	h.log.Warn("a coach cannot wait for the next conversation and is let go", "user", fx.Coaching.User, "error", err)
	h.ports.Signalling.Release(fx.Leg, Cause{Kind: CauseNormal})
	h.ports.Floor.Free(h.id, fx.Coaching.User)
}

func (h *host) publish(t EventType) {
	h.show() // whoever hears of it looks
	rec := h.machine.Record()
	rec.Trail = nil // whoever wants it asks for it
	h.ports.Events.Publish(Event{
		Type: t, At: time.Now().UTC(), User: rec.User, Playbook: rec.Playbook,
		CallID: rec.ID, ContactID: rec.ContactID, TaskID: rec.TaskID, Call: &rec,
	})
}

func (h *host) openMedia(fx OpenMedia) {
	host, secure := h.ports.Signalling.Reach(fx.Leg, Target{User: fx.User, Trunk: fx.Trunk})
	if fx.Source == "" {
		fx.Source = host
	}
	sdp, err := h.ports.Media.Open(fx.Leg, MediaSpec{
		Remote: fx.Remote, Trunk: fx.Trunk, User: fx.User, Source: fx.Source, Secure: secure, Private: fx.Private,
	})
	if err != nil {
		h.mediaFailed(fx.Leg, err)
		return
	}
	h.back(MediaOpened{Leg: fx.Leg, SDP: sdp})
}

// mediaFailed turns a media error into an input. 488 and Q.850 cause 88
// (incompatible destination) tell the peer that its offer is at fault, 503 and
// cause 34 (no circuit available) that the switch is.
func (h *host) mediaFailed(leg LegID, err error) {
	h.log.Warn("media failed", "leg_id", leg, "error", err)
	cause := Cause{Kind: CauseFailed, Code: 488, Q850: 88, Text: "Incompatible media"}
	if errors.Is(err, ErrExhausted) {
		cause = Cause{Kind: CauseFailed, Code: 503, Q850: 34, Text: "No channel free"}
	}
	h.back(MediaFailed{Leg: leg, Why: err.Error(), Cause: cause})
}

func (h *host) reanswer(fx Reanswer) {
	sdp, held, err := h.ports.Media.Reoffer(fx.Leg, fx.Offer)
	if err != nil {
		h.log.Warn("a new offer was refused", "leg_id", fx.Leg, "error", err)
		h.ports.Signalling.Reanswer(fx.Leg, nil)
		return
	}
	h.ports.Signalling.Reanswer(fx.Leg, sdp)
	h.back(LegHeld{Leg: fx.Leg, On: held})
}

func (h *host) startRecording(fx StartRecording) {
	tape, err := h.ports.Recorder.Start(h.machine.Record())
	if err != nil {
		h.ports.Meter.Stalled("recording")
		h.log.Error("recording could not be started; the call goes on", "error", err)
		return
	}
	h.tape = tape
	if tape != nil {
		h.ports.Room.Tap(h.id, fx.Contact, fx.Person, tape)
	}
}
