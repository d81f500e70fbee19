package crm

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// noon is when the tests' call ended.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func acme() policy {
	return policy{
		provider: "acme", syncAfter: 5 * time.Minute,
		steps: []Step{StepContact, StepActivity, StepAssociation, StepRecording, StepCompletion},
	}
}

func fresh() Entry {
	return NewEntry(call.Record{ID: "c", From: "+34600000001", Direction: call.Inbound, EndedAt: &noon}, "acme", 7)
}

// at fills in what the tests do not care for.
func at(d time.Duration, o outcome) outcome {
	o.at, o.roll = noon.Add(d), 0.5
	return o
}

func TestNewEntry(t *testing.T) {
	e := fresh()
	want := Entry{CallID: "c", Provider: "acme", Number: "+34600000001", Seq: 7, EndedAt: noon, Phase: PhaseLog, Due: noon.Add(sealDelay)}
	if !reflect.DeepEqual(e, want) || e.Lane() != e.Number || !e.Active() {
		t.Errorf("%+v", e)
	}
	for _, to := range []string{"112", "", "+", "+34a", "+1234567890123456", "+34\x00600"} {
		e := NewEntry(call.Record{ID: "c", Direction: call.Outbound, To: to, StartedAt: noon}, "acme", 1)
		if e.Number != "" || e.Lane() != "c" || !e.EndedAt.Equal(noon) {
			t.Errorf("to %q: number %q, lane %q", to, e.Number, e.Lane())
		}
	}
}

// TestNext takes an entry through all steps.
func TestNext(t *testing.T) {
	p, e := acme(), fresh()
	for i, o := range []outcome{
		{step: StepContact, refs: Refs{Contact: "c1"}},
		{step: StepActivity, refs: Refs{Contact: "c1", Activity: "a1"}},
		{step: StepAssociation},
		{step: StepRecording},
	} {
		if got := p.step(e); got != o.step {
			t.Fatalf("step %d is %s, not %s", i, got, o.step)
		}
		if e.Phase != PhaseLog || e.Sync().Status != SyncPending {
			t.Fatalf("before step %d: %+v", i, e)
		}
		e = p.next(e, at(time.Second, o))
	}
	if e.Phase != PhaseComplete || !e.Due.Equal(noon.Add(5*time.Minute)) || e.Refs != (Refs{Contact: "c1", Activity: "a1"}) || p.step(e) != StepCompletion {
		t.Fatalf("logged: %+v", e)
	}
	e = e.Edited(noon.Add(time.Minute))
	done := at(6*time.Minute, outcome{step: StepCompletion, sent: "hash", edits: 1})
	if rest := p.next(e, done); rest.Phase != PhaseRest || rest.Active() || rest.Sent != "hash" {
		t.Errorf("completed: %+v", rest)
	}
	more := p.next(e.Edited(noon), done)
	if more.Phase != PhaseComplete || !more.Due.Equal(done.at.Add(editDelay)) {
		t.Errorf("edited meanwhile: %+v", more)
	}
	rest := p.next(e, done)
	if again := rest.Edited(noon.Add(time.Hour)); again.Phase != PhaseComplete || !again.Due.Equal(noon.Add(time.Hour+editDelay)) {
		t.Errorf("edited later: %+v", again)
	}
	if recorded := rest.Recorded(noon.Add(time.Hour)); p.step(recorded) != StepRecording || p.step(rest) != StepCompletion {
		t.Errorf("recorded later: %+v", recorded)
	}
}

// TestNextKnownContact: a contact that is known is not looked for.
func TestNextKnownContact(t *testing.T) {
	e := fresh()
	e.Refs.Contact = "c1"
	if got := acme().step(e); got != StepActivity {
		t.Errorf("first step %s", got)
	}
}

func TestNextFaults(t *testing.T) {
	p, e := acme(), fresh()
	fault := func(kind FaultKind, after time.Duration) outcome {
		return at(time.Minute, outcome{step: StepActivity, refs: Refs{Contact: "c1"}, err: &Fault{Kind: kind, After: after, Say: "why"}})
	}
	soon := noon.Add(time.Minute)
	for _, test := range []struct {
		name string
		o    outcome
		want func(*Entry)
	}{
		{"retry", fault(FaultRetry, 0), func(e *Entry) { e.Attempts, e.FailingSince, e.Due = 1, &soon, soon.Add(time.Second/2) }},
		{"retry after", fault(FaultRetry, 90*time.Second), func(e *Entry) { e.Attempts, e.FailingSince, e.Due = 1, &soon, soon.Add(90*time.Second) }},
		{"retry after days", fault(FaultRetry, 99*time.Hour), func(e *Entry) { e.Attempts, e.FailingSince, e.Due = 1, &soon, soon.Add(time.Hour) }},
		{"budget", fault(FaultBudget, time.Hour), func(e *Entry) { e.Due = soon }},
		{"access", fault(FaultAccess, 0), func(e *Entry) { e.Due = soon }},
		{"refused", fault(FaultRefused, 0), func(e *Entry) { e.Failed = true }},
		{"no contact", fault(FaultNoContact, 0), func(e *Entry) { e.Refs.Contact, e.SoughtAgain, e.Due = "", true, soon }},
	} {
		want := e
		want.Refs.Contact, want.Error = "c1", "why"
		test.want(&want)
		if got := p.next(e, test.o); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, got, want)
		}
	}
	interrupted := at(time.Minute, outcome{step: StepActivity, refs: e.Refs, err: context.Canceled})
	if got := p.next(e, interrupted); !reflect.DeepEqual(got, e) {
		t.Errorf("interrupted: %+v", got)
	}
	for _, err := range []error{context.DeadlineExceeded, errors.New("x\x1b[31m\u202e" + strings.Repeat("y", 1000))} {
		got := p.next(e, at(0, outcome{step: StepActivity, err: err}))
		if got.Attempts != 1 || got.Error == "" || len([]rune(got.Error)) > maxSay || strings.ContainsAny(got.Error, "\x1b\u202e") {
			t.Errorf("%v: %+v", err, got)
		}
	}
	gone := p.next(p.next(e, fault(FaultNoContact, 0)), fault(FaultNoContact, 0))
	if !gone.Failed {
		t.Errorf("the contact is gone twice: %+v", gone)
	}
}

// TestNextGivesUp: three days of failures, and not one hour less, even when the
// clock is set back meanwhile.
func TestNextGivesUp(t *testing.T) {
	p, e := acme(), fresh()
	fail := func(d time.Duration) {
		e = p.next(e, at(d, outcome{step: StepContact, err: &Fault{Say: "HTTP 503"}}))
	}
	for _, d := range []time.Duration{0, 71 * time.Hour, -300 * time.Hour, 71*time.Hour + 59*time.Minute} {
		if fail(d); e.Failed {
			t.Fatalf("after %v: %+v", d, e)
		}
	}
	if fail(72 * time.Hour); !e.Failed || e.Sync() != (call.Sync{Status: SyncFailed, Error: "given up after 72 hours: HTTP 503"}) {
		t.Errorf("%+v", e)
	}
	e = e.Again("acme", noon.Add(80*time.Hour))
	if e.Failed || e.Attempts != 0 || e.FailingSince != nil || e.Error != "" || !e.Due.Equal(noon.Add(80*time.Hour)) {
		t.Errorf("again: %+v", e)
	}
	fail(81 * time.Hour)
	if fail(82 * time.Hour); e.Failed {
		t.Errorf("the days before count: %+v", e)
	}
}

func TestAgain(t *testing.T) {
	e := fresh()
	e.Refs, e.Done, e.Phase, e.Sent = Refs{Contact: "c1", Activity: "a1"}, []Step{StepActivity}, PhaseComplete, "x"
	if got := e.Again("other", noon); !reflect.DeepEqual(got, e) {
		t.Errorf("one that did not fail: %+v", got)
	}
	e = parked(e, "other")
	got := e.Again("other", noon)
	if want := (Entry{CallID: "c", Provider: "other", Number: e.Number, Seq: 7, EndedAt: noon, Phase: PhaseLog, Due: noon}); !reflect.DeepEqual(got, want) {
		t.Errorf("with another provider: %+v", got)
	}
	if got := e.Again("acme", noon); got.Refs != e.Refs || !slices.Equal(got.Done, e.Done) || got.Failed {
		t.Errorf("with its own: %+v", got)
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: 300 * time.Second, 1 << 30: 300 * time.Second} {
		if got := backoff(n, 1); got != want {
			t.Errorf("after %d: %v, not %v", n, got, want)
		}
		if got := backoff(n, 0.25); got != want/4 {
			t.Errorf("after %d, less a part: %v", n, got)
		}
	}
}

func TestGate(t *testing.T) {
	var g gate
	open := func(what string, d time.Duration, want int) {
		t.Helper()
		if got := g.open(8, noon.Add(d)); got != want {
			t.Fatalf("%s: %d lanes, not %d; %+v", what, got, want, g)
		}
	}
	ask := func(d time.Duration, err error) {
		g = g.after(outcome{err: err, at: noon.Add(d), roll: 1, whole: err == nil})
	}
	down := &Fault{Kind: FaultRetry, Say: "HTTP 503"}
	for range tripAfter - 1 {
		ask(0, down)
	}
	ask(0, &Fault{Kind: FaultRefused}) // an answer is an answer
	for range tripAfter - 1 {
		ask(0, down)
	}
	ask(0, context.Canceled)
	open("four failures", 0, 8)
	ask(0, down)
	open("five", 4*time.Second, 0)
	ask(time.Second, down) // began before
	open("a probe", 5*time.Second, 1)
	ask(5*time.Second, down)
	open("a probe that failed", 14*time.Second, 0)
	for range 20 {
		ask(g.until.Sub(noon), down)
	}
	if wait := g.until.Sub(noon); g.stop != StopUnreachable || !g.since.Equal(noon) || wait > 20*maxBackoff {
		t.Errorf("%+v", g)
	}
	g = g.after(outcome{at: noon.Add(3 * time.Hour)})
	open("a step that went well", time.Hour*3, 1)
	ask(time.Hour*3, nil)
	open("a call that went well", time.Hour*3, 8)

	ask(0, &Fault{Kind: FaultBudget, After: 3 * time.Hour, Say: "used up"})
	ask(time.Second, nil) // began before
	ask(time.Second, down)
	open("no budget", 3*time.Hour-1, 0)
	open("perhaps again", 3*time.Hour, 1)
	ask(3*time.Hour, &Fault{Kind: FaultBudget, After: 1000 * time.Hour})
	if wait := g.until.Sub(noon); wait > 30*time.Hour {
		t.Errorf("a vendor has all wait for %v", wait)
	}
	ask(100*time.Hour, &Fault{Kind: FaultAccess, Say: "no token"})
	open("no access", 100*time.Hour+accessPause-1, 0)
	open("perhaps again", 100*time.Hour+accessPause, 1)
	ask(101*time.Hour, &Fault{Kind: FaultNoContact})
	open("access", 101*time.Hour, 8)
}
