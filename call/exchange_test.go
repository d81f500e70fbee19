package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// desk notes what the ports were asked, and answers like adapters do.
type desk struct {
	mu    sync.Mutex
	asked []string
	plan  Plan
	place Placement
	admit error
	save  func(context.Context) error
	keep  func(Change) error
}

func (d *desk) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf(format, args...))
}

func (d *desk) saw(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.asked, what)
}

func (d *desk) Invite(leg LegID, to Target, _ []byte) {
	d.note("invite %d %s", legNumber(leg), to.User)
}
func (d *desk) Reach(LegID, Target) (string, bool) { return "192.0.2.7", false }
func (d *desk) Progress(leg LegID, status int, _ []byte) {
	d.note("progress %d %d", legNumber(leg), status)
}
func (d *desk) Answer(leg LegID, _ []byte)            { d.note("answer %d", legNumber(leg)) }
func (d *desk) Reanswer(leg LegID, sdp []byte)        { d.note("reanswer %d %s", legNumber(leg), sdp) }
func (d *desk) Release(leg LegID, why Cause)          { d.note("release %d %s", legNumber(leg), why.Kind) }
func (d *desk) Open(LegID, MediaSpec) ([]byte, error) { return []byte("sdp"), nil }
func (d *desk) Accept(LegID, []byte, string) error    { return nil }
func (d *desk) Reoffer(LegID, []byte) ([]byte, bool, error) {
	return nil, false, errors.New("no codec")
}
func (d *desk) Press(leg LegID, key byte)      { d.note("press %d %c", legNumber(leg), key) }
func (d *desk) Take(leg, from LegID, _ []byte) { d.note("take %s %s", leg, from) }
func (d *desk) Notify(leg LegID, status int)   { d.note("notify %d %d", legNumber(leg), status) }
func (d *desk) Place(context.Context, Origination, time.Time) (Placement, error) {
	return d.place, d.admit
}
func (d *desk) Direct(_ context.Context, _ Record, to, _ string) (Destination, error) {
	if d.admit != nil {
		return Destination{}, d.admit
	}
	return Destination{Route: Route{User: to, RingTimeout: time.Minute}}, nil
}
func (d *desk) Close(LegID) Quality                   { return Quality{} }
func (d *desk) Wire(ID, []Edge)                       { d.note("wire") }
func (d *desk) Play(leg LegID, s Sound, _ bool)       { d.note("play %d %s", legNumber(leg), s) }
func (d *desk) Hush(LegID)                            {}
func (d *desk) Tap(_ ID, _, _ LegID, tape Tape)       { d.note("tap %v", tape != nil) }
func (d *desk) Start(Record) (Tape, error)            { return nil, errors.New("disk full") }
func (d *desk) Stop(ID)                               {}
func (d *desk) Seek(Request)                          { d.note("seek") }
func (d *desk) Leave(ID)                              {}
func (d *desk) Over(_ ID, user string, o Outcome)     { d.note("over %s %s", user, o) }
func (d *desk) Talk(ID, string)                       {}
func (d *desk) Free(_ ID, user string)                { d.note("free %s", user) }
func (d *desk) Supervise(_ ID, user string)           { d.note("supervise %s", user) }
func (d *desk) Follow(id ID, user string)             { d.note("follow %s as %s", user, id) }
func (d *desk) Publish(e Event)                       { d.note("%s", e.Type) }
func (d *desk) Began(Record)                          { d.note("began") }
func (d *desk) Ringing(_ Record, after time.Duration) { d.note("ringing %s", after) }
func (d *desk) Ended(r Record)                        { d.note("ended %s %gs", r.Result, r.Duration) }
func (d *desk) Stalled(what string)                   { d.note("stalled %s", what) }
func (d *desk) Admit(context.Context, Arrival, time.Time) (Plan, error) {
	return d.plan, d.admit
}
func (d *desk) Save(ctx context.Context, c Change) error {
	if d.save != nil {
		return d.save(ctx)
	}
	if d.keep != nil {
		return d.keep(c)
	}
	return nil
}

// open runs an exchange over a desk inside a synctest bubble.
func open(t *testing.T, d *desk, maxCalls int) (*Exchange, context.CancelFunc) {
	t.Helper()
	x, err := NewExchange(Options{MaxCalls: maxCalls, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		_ = x.Run(ctx, Ports{Signalling: d, Transfers: d, Media: d, Room: d, Recorder: d, Router: d, Floor: d, Coaches: d, Events: d, Meter: d})
	})
	synctest.Wait()
	return x, func() {
		cancel()
		running.Wait()
	}
}

func arrive(t *testing.T, x *Exchange) ID {
	t.Helper()
	id := NewID(time.Now())
	if err := x.Arrive(Arrival{Call: id, Leg: id.Leg(1)}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return id
}

func expect(t *testing.T, d *desk, what ...string) {
	t.Helper()
	synctest.Wait()
	for _, w := range what {
		if !d.saw(w) {
			t.Errorf("not seen: %q in %q", w, d.asked)
		}
	}
}

func TestCallThroughExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan([]string{"record"})}
		x, cancel := open(t, d, 10)
		defer cancel()
		id := arrive(t, x)
		expect(t, d, "began", "answer 1", "play 1 music:sales", "seek", "call.arrived")

		x.Post(id, Assigned{Users: []string{"ana"}})
		expect(t, d, "invite 2 ana", "call.offered")
		time.Sleep(90 * time.Millisecond)
		x.Post(id, LegProgress{Leg: id.Leg(2), Status: 180})
		expect(t, d, "ringing 90ms")
		if rec, ok := x.Live(id); !ok || rec.State != StateRinging || rec.User != "ana" || !x.Offered(id, "ana") || x.Offered(id, "luis") {
			t.Errorf("live call: %+v, %v", rec, ok)
		}
		x.Post(id, LegAnswered{Leg: id.Leg(2)})
		// The recorder refuses; the conversation goes on.
		expect(t, d, "wire", "call.answered", "stalled recording")
		x.Post(id, LegOffered{Leg: id.Leg(2)})
		expect(t, d, "reanswer 2 ")

		time.Sleep(30 * time.Second)
		x.Post(id, LegGone{Leg: id.Leg(2)})
		expect(t, d, "release 1 normal", "free ana", "call.ended", "ended completed 30s")
		if x.Post(id, Hangup{}) || len(x.Active()) != 0 {
			t.Error("the call is over but still there")
		}
	})
}

func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil)}
		x, cancel := open(t, d, 10)
		defer cancel()
		id := arrive(t, x)
		x.Post(id, Assigned{Users: []string{"ana"}})
		synctest.Wait()
		time.Sleep(20*time.Second - time.Millisecond)
		if synctest.Wait(); d.saw("over ana timeout") {
			t.Error("the offer ended too early")
		}
		time.Sleep(time.Millisecond)
		expect(t, d, "release 2 no_answer", "over ana timeout")
		time.Sleep(40*time.Second - time.Millisecond)
		if synctest.Wait(); d.saw("call.missed") {
			t.Error("the call was missed too early")
		}
		time.Sleep(time.Millisecond)
		expect(t, d, "call.missed", "play 1 unavailable")
		time.Sleep(farewellTime)
		expect(t, d, "release 1 no_answer")
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil)}
		x, cancel := open(t, d, 1)
		id := arrive(t, x)
		second := NewID(time.Now())
		if err := x.Arrive(Arrival{Call: second, Leg: second.Leg(1)}); !errors.Is(err, ErrFull) {
			t.Errorf("beyond the limit: %v", err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := x.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain with a live call: %v", err)
		}
		if err := x.Arrive(Arrival{Call: second, Leg: second.Leg(1)}); !errors.Is(err, ErrDraining) {
			t.Errorf("while draining: %v", err)
		}
		if !x.Post(id, Digit{Leg: id.Leg(1), Key: '1'}) {
			t.Error("a live call is not served while draining")
		}
		cancel()
		expect(t, d, "ended failed 0s")
	})
}

func TestArriveBeforeRun(t *testing.T) {
	x, err := NewExchange(Options{MaxCalls: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Arrive(Arrival{Call: stageID, Leg: stageID.Leg(1)}); !errors.Is(err, ErrDraining) {
		t.Errorf("before Run: %v", err)
	}
	if _, err := NewExchange(Options{}); err == nil {
		t.Error("an exchange for no calls was made")
	}
}

// A call whose inputs overflow is hung up; the sender never waits, and knows
// that what it posted is lost: a user, or another call's leg, goes elsewhere.
func TestOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		d := &desk{plan: parsePlan(nil), save: func(context.Context) error { <-stuck; return nil }}
		x, cancel := open(t, d, 10)
		defer cancel()
		id := arrive(t, x)
		x.Post(id, Assigned{Users: []string{"ana"}})
		synctest.Wait()
		for range mailboxSize + 10 {
			x.Post(id, Digit{Leg: id.Leg(1), Key: '5'})
		}
		expect(t, d, "stalled mailbox")
		if x.Post(id, Assigned{Users: []string{"luis"}}) {
			t.Error("a call with a full mailbox took a user")
		}
		close(stuck)
		time.Sleep(farewellTime)
		expect(t, d, "ended no_answer 0s", "over ana withdrawn")
	})
}

// A store that fails is loud and costs no call that is already there.
func TestStoreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil), save: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		x, cancel := open(t, d, 10)
		defer cancel()
		id := arrive(t, x)
		x.Post(id, Assigned{Users: []string{"ana"}})
		time.Sleep(saveTimeout)
		expect(t, d, "stalled save", "invite 2 ana")

		d.admit = errors.New("disk full")
		refused := arrive(t, x)
		expect(t, d, "stalled admit", "release 1 failed")
		d.admit = &Refusal{Cause: Cause{Kind: CauseFailed, Code: 404, Text: "unknown number"}}
		arrive(t, x)
		if _, ok := x.Live(refused); ok {
			t.Error("a refused call is still there")
		}
	})
}

// A user who is assigned in the instant in which the call ends is free again.
func TestLateAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil)}
		x, cancel := open(t, d, 10)
		defer cancel()
		id := arrive(t, x)
		x.Post(id, LegGone{Leg: id.Leg(1)})
		if x.Post(id, Assigned{Users: []string{"ana"}}) {
			expect(t, d, "over ana withdrawn")
		}
	})
}

func TestBus(t *testing.T) {
	start := time.Now()
	b := NewBus(start)
	sub, missed, complete := b.Subscribe(0)
	if len(missed) != 0 || !complete {
		t.Errorf("a new reader missed %v", missed)
	}
	for range 3 {
		b.Publish(Event{Type: EventCallArrived})
	}
	first := <-sub.Events()
	if first.Seq <= uint64(start.UnixMicro()) {
		t.Errorf("sequence %d does not continue above %d", first.Seq, start.UnixMicro())
	}
	_, missed, complete = b.Subscribe(first.Seq)
	if len(missed) != 2 || missed[0].Seq != first.Seq+1 || !complete {
		t.Errorf("resumed after %d: %v, %v", first.Seq, missed, complete)
	}
	if _, _, complete = b.Subscribe(first.Seq - 100); complete {
		t.Error("a gap was not told")
	}
	if _, _, complete = b.Subscribe(first.Seq + 100); complete {
		t.Error("a number that was never given was taken")
	}
	for range busHistory + 10 {
		b.Publish(Event{Type: EventCallEnded})
	}
	if _, missed, complete = b.Subscribe(first.Seq); complete || len(missed) != busHistory {
		t.Errorf("after the history overflowed: %d events, complete %v", len(missed), complete)
	}
	n := 0
	for range sub.Events() {
		n++
	}
	if n > busBacklog {
		t.Errorf("a slow reader was given %d events", n)
	}
	sub.Close() // closing what was cut off is harmless
}

func TestIDs(t *testing.T) {
	id := NewID(time.Now())
	if !ValidID(string(id)) || ValidID("../../etc/passwd") || ValidID("") {
		t.Error("ValidID")
	}
	if id.Leg(3).Call() != id {
		t.Errorf("leg %s is of call %s", id.Leg(3), id.Leg(3).Call())
	}
}
