package routing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

func TestInterrupted(t *testing.T) {
	answered := noon.Add(10 * time.Second)
	alive := noon.Add(70 * time.Second)
	tests := []struct {
		name     string
		rec      call.Record
		less     bool // missed_task: unanswered
		result   call.Result
		missed   bool
		reason   call.MissedReason
		task     call.TaskState
		missTask bool
		duration float64
	}{
		{"waiting", call.Record{Direction: call.Inbound}, false, call.ResultFailed, true, call.MissedNoUser, call.TaskDone, true, 0},
		{"talking", call.Record{Direction: call.Inbound, AnsweredAt: &answered}, false, call.ResultCompleted, false, "", call.TaskDone, false, 60},
		{"closed", call.Record{Direction: call.Inbound, Reason: call.MissedClosed}, true, call.ResultOfficeClosed, true, call.MissedClosed, call.TaskDone, true, 0},
		{"redirected", call.Record{Direction: call.Inbound, Reason: call.MissedClosed, AnsweredAt: &answered}, false, call.ResultOfficeClosed, false, "", call.TaskDone, true, 60},
		{"redirected, no task", call.Record{Direction: call.Inbound, Reason: call.MissedClosed, AnsweredAt: &answered}, true, call.ResultOfficeClosed, false, "", call.TaskDone, false, 60},
		{"dialing", call.Record{Direction: call.Outbound}, false, call.ResultFailed, false, "", call.TaskOpen, false, 0},
		{"dialed", call.Record{Direction: call.Outbound, AnsweredAt: &answered}, false, call.ResultCompleted, false, "", call.TaskDone, false, 60},
	}
	for _, tt := range tests {
		tt.rec.StartedAt = noon
		got := interrupted(tt.rec, alive, tt.less)
		rec := got.Record
		if rec.Result != tt.result || rec.Missed != tt.missed || rec.Reason != tt.reason || got.Task != tt.task ||
			got.MissedTask != tt.missTask || rec.Duration != tt.duration || rec.State != call.StateEnded || !rec.EndedAt.Equal(alive) {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if !strings.Contains(rec.Trail[len(rec.Trail)-1].Why, "stopped") {
			t.Errorf("%s: trail %+v", tt.name, rec.Trail)
		}
	}
	// The clock or the note of when the switch was alive may be wrong.
	got := interrupted(call.Record{StartedAt: noon, AnsweredAt: &answered}, noon.Add(-time.Hour), false)
	if got.Record.Duration != 0 || !got.Record.EndedAt.Equal(answered) {
		t.Errorf("alive before the call: %+v", got.Record)
	}
}

// A call that the store took after it was turned away gets its result; those
// that go on, and one that ends in that very moment, are left alone.
func TestReconcile(t *testing.T) {
	d := newDesk(t, account(t))
	left, live, ending := arrival(), arrival(), arrival()
	for _, in := range []call.Arrival{left, live, ending} {
		if _, err := d.Admit(t.Context(), in, noon); err != nil {
			t.Fatal(err)
		}
	}
	hosted := func(id call.ID) bool {
		if id == ending.Call {
			rec := d.store.calls[id]
			rec.Result = call.ResultCancelled
			d.store.calls[id] = rec
		}
		return id == live.Call
	}
	if n, err := d.Reconcile(t.Context(), hosted, noon.Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("reconciled %d, %v", n, err)
	}
	for id, want := range map[call.ID]call.Result{
		left.Call: call.ResultFailed, live.Call: call.ResultNone, ending.Call: call.ResultCancelled,
	} {
		if got := d.store.calls[id].Result; got != want {
			t.Errorf("call %s: result %q, want %q", id, got, want)
		}
	}
	if rec := d.store.calls[left.Call]; !rec.Missed || rec.Reason != call.MissedNoUser {
		t.Errorf("missed %v, %q", rec.Missed, rec.Reason)
	}
	if n, err := d.Reconcile(t.Context(), hosted, noon.Add(2*time.Minute)); n != 0 || err != nil {
		t.Errorf("a second time %d, %v", n, err)
	}
}

func TestRecover(t *testing.T) {
	a := account(t)
	a.CRM = "acme"
	d := newDesk(t, a)
	first, second := arrival(), arrival()
	second.Called = "+34910000002"
	for _, in := range []call.Arrival{first, second} {
		if _, err := d.Admit(t.Context(), in, noon); err != nil {
			t.Fatal(err)
		}
	}
	d.events.types()
	d.store.fail = errors.New("disk full")
	if n, err := d.Recover(t.Context(), noon); n != 0 || !errors.Is(err, d.store.fail) {
		t.Errorf("store failed: %d, %v", n, err)
	}
	d.store.fail = nil
	if n, err := d.Recover(t.Context(), noon.Add(time.Minute)); n != 2 || err != nil {
		t.Errorf("recovered %d, %v", n, err)
	}
	if got := d.store.calls[first.Call].Result; got != call.ResultFailed {
		t.Errorf("first: %s", got)
	}
	if got := d.store.calls[second.Call].Result; got != call.ResultOfficeClosed {
		t.Errorf("second: %s", got)
	}
	for _, c := range d.store.closings {
		if c.CRM != "acme" {
			t.Errorf("call %s is not logged", c.Change.Record.ID)
		}
	}
	if got := d.events.types(); !slices.Contains(got, call.EventCallEnded) || !slices.Contains(got, call.EventCallMissed) {
		t.Errorf("events %v", got)
	}
	if n, err := d.Recover(t.Context(), noon.Add(time.Minute)); n != 0 || err != nil || len(d.store.closings) != 2 {
		t.Errorf("a second time %d, %v, %d closings", n, err, len(d.store.closings))
	}
}
