package call

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// coachOps are what can happen to two coaches and to the call around them: lines
// of a transcript. The legs of coaches are found when they run.
var coachOps = []string{
	"coach eva", "coach pau whisper", "switch eva whisper", "switch eva barge", "switch eva listen", "switch pau listen",
	"leave eva", "leave pau", "hold on", "hold off", "held 1 on", "held 2 on", "mute",
}

// TestEveryOrderOfCoaching plays every order of three of them, and long random
// ones, and compares who hears whom after each with the table of who hears whom
// and a book kept beside.
func TestEveryOrderOfCoaching(t *testing.T) {
	run := func(order ...int) {
		p := newPlay(t)
		for _, op := range order {
			p.act(coachOps[op%len(coachOps)])
		}
	}
	for a := range coachOps {
		for b := range coachOps {
			for c := range coachOps {
				run(a, b, c)
			}
		}
	}
	random := rand.New(rand.NewPCG(9, 4))
	for range 1000 {
		run(random.Perm(4 * len(coachOps))...)
	}
}

// play is a conversation with coaches, and the book of what it should be.
type play struct {
	t       *testing.T
	s       *stage
	told    []string
	wired   []Edge
	modes   map[string]CoachMode // of those who joined
	onHold  bool
	holds   [3]bool // by leg
	muted   bool
	history int // sessions
}

func newPlay(t *testing.T) *play {
	p := &play{t: t, s: newStage(), modes: make(map[string]CoachMode)}
	for _, line := range []string{"> 0s arrival", "> 0s planned record", "> 0s assigned ana", "> 0s answered 2"} {
		if err := p.s.input(line); err != nil {
			t.Fatal(err)
		}
	}
	contact, ana := stageID.Leg(1), stageID.Leg(2)
	p.wired = []Edge{{Listener: contact, Speaker: ana}, {Listener: ana, Speaker: contact}}
	return p
}

// act runs one operation, lets a phone that is called lift, and checks.
func (p *play) act(op string) {
	p.t.Helper()
	p.told = append(p.told, op)
	words := strings.Fields(op)
	in, err := parseInput(words[0], words[1:])
	if err != nil {
		p.t.Fatal(err)
	}
	p.note(in)
	p.step(in)
	for _, c := range p.s.m.coaches {
		if !c.joined {
			p.step(LegAnswered{Leg: c.id, SDP: []byte("answer")})
		}
	}
	p.check()
}

// note writes into the book what an operation should do.
func (p *play) note(in Input) {
	switch in := in.(type) {
	case Coach:
		if _, there := p.modes[in.Coaching.User]; !there {
			p.modes[in.Coaching.User] = in.Coaching.Mode
			p.history++
		}
	case CoachSwitch:
		if _, there := p.modes[in.User]; there {
			p.modes[in.User] = in.Mode
		}
	case CoachLeave:
		delete(p.modes, in.User)
	case Hold:
		p.onHold = in.On
	case LegHeld:
		p.holds[legNumber(in.Leg)] = in.On
	case Mute:
		p.muted = true
	}
}

func (p *play) step(in Input) {
	fx, err := p.s.m.Step(p.s.at, in)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range fx {
		if w, is := f.(Wire); is {
			p.wired = w.Edges
		}
		for _, back := range p.s.result(f) {
			p.step(back)
		}
	}
}

// check compares what is wired with what the book says.
func (p *play) check() {
	p.t.Helper()
	contact, ana := stageID.Leg(1), stageID.Leg(2)
	var want []Edge
	hears := func(listener LegID, speakers ...LegID) {
		for _, s := range speakers {
			want = append(want, Edge{Listener: listener, Speaker: s})
		}
	}
	held := p.onHold || p.holds[1] || p.holds[2]
	if !held {
		hears(ana, contact)
		if !p.muted {
			hears(contact, ana)
		}
	}
	for _, c := range p.s.m.coaches {
		mode := p.modes[c.user]
		if !held {
			hears(c.id, contact)
		}
		if !p.holds[2] {
			hears(c.id, ana)
			if mode != CoachListens {
				hears(ana, c.id)
			}
		}
		if !held && mode == CoachBarges {
			hears(contact, c.id)
		}
		for _, other := range p.s.m.coaches {
			if other != c && p.modes[other.user] != CoachListens {
				hears(c.id, other.id)
			}
		}
	}
	if len(want) != len(p.wired) || slices.ContainsFunc(want, func(e Edge) bool { return !slices.Contains(p.wired, e) }) {
		p.t.Fatalf("after %s: who hears whom is %v, want %v", strings.Join(p.told, ", "), p.wired, want)
	}
	rec := p.s.m.Record()
	open := 0
	for _, s := range rec.Coachings {
		if s.LeftAt == nil {
			open++
			if s.Mode() != p.modes[s.User] {
				p.t.Fatalf("after %s: %s is written down as %s", strings.Join(p.told, ", "), s.User, s.Mode())
			}
		}
	}
	if open != len(p.modes) || len(rec.Coachings) != p.history {
		p.t.Fatalf("after %s: coachings %+v", strings.Join(p.told, ", "), rec.Coachings)
	}
}

// TestCoachWhoKeepsTurning: what is kept of a coach's changes of mind is bounded,
// and the last of it is right.
func TestCoachWhoKeepsTurning(t *testing.T) {
	p := newPlay(t)
	p.act("coach eva")
	shown := p.s.m.Record()
	for range maxTurns {
		p.act("switch eva whisper")
		p.act("switch eva listen")
	}
	p.act("switch eva barge")
	rec := p.s.m.Record()
	if n := len(rec.Coachings[0].Modes); n != maxTurns || len(rec.Trail) > maxTurns+10 {
		t.Errorf("%d modes and %d marks are kept", n, len(rec.Trail))
	}
	if len(shown.Coachings[0].Modes) != 1 || shown.Coachings[0].Mode() != CoachListens {
		t.Errorf("what was shown has changed: %+v", shown.Coachings)
	}
}

// coached runs a conversation that eva coaches and is to stay in beyond its end.
func coached(t *testing.T, d *desk, x *Exchange) ID {
	t.Helper()
	id := arrive(t, x)
	x.Post(id, Assigned{Users: []string{"ana"}})
	synctest.Wait()
	x.Post(id, LegAnswered{Leg: id.Leg(2)})
	x.Post(id, Coach{Coaching{User: "eva", Mode: CoachListens, Stays: true, RingTimeout: time.Minute}})
	expect(t, d, "invite 3 eva")
	x.Post(id, LegAnswered{Leg: id.Leg(3)})
	expect(t, d, "call.coached")
	return id
}

// waiting is the ID of the wait that eva's leg was taken over by.
func (d *desk) waiting(t *testing.T, from LegID) ID {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.asked {
		var leg, was string
		if n, _ := fmt.Sscanf(line, "take %s %s", &leg, &was); n == 2 && LegID(was) == from {
			return LegID(leg).Call()
		}
	}
	t.Fatalf("nobody takes %s: %q", from, d.asked)
	return ""
}

// TestCoachStaysThroughExchange: between conversations the coach is hosted by
// themself; a conversation that is over by then leads to another wait.
func TestCoachStaysThroughExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil)}
		x, cancel := open(t, d, 1) // the wait needs no place of its own
		defer cancel()
		id := coached(t, d, x)
		x.Post(id, LegGone{Leg: id.Leg(1)})
		wait := d.waiting(t, id.Leg(3))
		expect(t, d, "supervise eva")
		if len(x.Active()) != 0 {
			t.Errorf("a wait is shown as a call: %+v", x.Active())
		}
		x.Post(wait, LegAnswered{Leg: wait.Leg(1)})
		expect(t, d, "follow ana as "+string(wait))
		x.Post(wait, Conversing{Call: "GONE"})
		again := d.waiting(t, wait.Leg(1))
		x.Post(again, LegAnswered{Leg: again.Leg(1)})
		x.Post(again, CoachLeave{User: "eva"})
		expect(t, d, "release 1 normal", "free eva")
	})
}

// TestCoachIsLetGoWhenTheSwitchStops: nobody waits for a conversation that will
// not come.
func TestCoachIsLetGoWhenTheSwitchStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{plan: parsePlan(nil)}
		x, cancel := open(t, d, 10)
		coached(t, d, x)
		cancel()
		expect(t, d, "release 3 normal", "free eva")

		d = &desk{plan: parsePlan(nil)}
		x, cancel = open(t, d, 10)
		defer cancel()
		id := coached(t, d, x)
		x.Post(id, LegGone{Leg: id.Leg(1)})
		wait := d.waiting(t, id.Leg(3))
		if rec, live := x.Live(wait); live {
			t.Errorf("a wait is shown as a call: %+v", rec)
		}
		if err := x.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		expect(t, d, "release 1 normal", "free eva")
	})
}
