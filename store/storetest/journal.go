package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

func testAdmit(t *testing.T, b *bench) {
	a := b.admission(number(1))
	got, err := b.Admit(t.Context(), a)
	must(t, err)
	if !got.Created || got.Contact == nil {
		t.Fatalf("a new number made no contact: %+v", got)
	}
	equal(t, "contact of the call", got.Record.ContactID, got.Contact.ID)
	equal(t, "contact of the task", got.Task.ContactID, got.Contact.ID)
	equal(t, "task of the call", got.Record.TaskID, got.Task.ID)
	equal(t, "call of the task", got.Task.CallID, a.Record.ID)
	equal(t, "last number", got.Contact.LastNumber, a.Record.Number)

	rec, err := b.Call(t.Context(), a.Record.ID)
	must(t, err)
	if !reflect.DeepEqual(rec, got.Record) {
		t.Errorf("stored call differs:\n got %+v\nwant %+v", rec, got.Record)
	}
	task, err := b.Task(t.Context(), got.Task.ID)
	must(t, err)
	if !reflect.DeepEqual(task, got.Task) {
		t.Errorf("stored task differs:\n got %+v\nwant %+v", task, got.Task)
	}

	again := b.admission(number(1))
	again.Record.Number = "+34910000002"
	second, err := b.Admit(t.Context(), again)
	must(t, err)
	equal(t, "created", second.Created, false)
	equal(t, "same contact", second.Contact.ID, got.Contact.ID)
	equal(t, "last number called", second.Contact.LastNumber, "+34910000002")
	stored, err := b.ContactByNumber(t.Context(), number(1))
	must(t, err)
	equal(t, "stored last number", stored.LastNumber, "+34910000002")

	if _, err := b.Admit(t.Context(), again); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("the same call admitted twice: %v", err)
	}
}

// testAdmitBare admits a call whose contact and task are hardly filled in.
func testAdmitBare(t *testing.T, b *bench) {
	rec := b.inbound(number(1))
	got, err := b.Admit(t.Context(), routing.Admission{Record: rec, Caller: &routing.Contact{Name: "Ana"}})
	must(t, err)
	if !call.ValidID(got.Task.ID) || !call.ValidID(got.Contact.ID) {
		t.Errorf("IDs: task %q, contact %q", got.Task.ID, got.Contact.ID)
	}
	equal(t, "kind", got.Task.Kind, routing.TaskInboundCall)
	equal(t, "state", got.Task.State, call.TaskOpen)
	equal(t, "playbook", got.Task.Playbook, rec.Playbook)
	equal(t, "made", got.Task.CreatedAt, rec.StartedAt)
	equal(t, "contact made", got.Contact.CreatedAt, rec.StartedAt)
	if !slices.Equal(got.Contact.Numbers, []string{number(1)}) {
		t.Errorf("numbers: %q", got.Contact.Numbers)
	}
	bad := b.admission("")
	bad.Task.User = "a\x00b"
	if _, err := b.Admit(t.Context(), bad); err == nil {
		t.Error("a NUL in a user's name was stored")
	}
	if _, err := b.Call(t.Context(), bad.Record.ID); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("half an admission was stored: %v", err)
	}
}

func testAdmitAtOnce(t *testing.T, b *bench) {
	const callers = 32
	var admissions [callers]routing.Admission
	for i := range admissions {
		admissions[i] = b.admission(number(1))
	}
	var wg sync.WaitGroup
	var got [callers]routing.Admitted
	var errs [callers]error
	for i := range callers {
		wg.Go(func() { got[i], errs[i] = b.Admit(t.Context(), admissions[i]) })
	}
	wg.Wait()
	created := 0
	for i := range got {
		must(t, errs[i])
		equal(t, "contact", got[i].Record.ContactID, got[0].Record.ContactID)
		if got[i].Created {
			created++
		}
	}
	equal(t, "contacts created", created, 1)
	contacts, _, err := b.Contacts(t.Context(), routing.ContactFilter{})
	must(t, err)
	equal(t, "contacts stored", len(contacts), 1)
	tasks, _, err := b.Tasks(t.Context(), routing.TaskFilter{Kind: routing.TaskInboundCall})
	must(t, err)
	equal(t, "tasks stored", len(tasks), callers)
}

func testWithheld(t *testing.T, b *bench) {
	first, second := b.admit(t, ""), b.admit(t, "")
	for _, got := range []routing.Admitted{first, second} {
		if got.Contact != nil || got.Created || got.Record.ContactID != "" || got.Task.ContactID != "" {
			t.Errorf("a withheld caller has a contact: %+v", got)
		}
	}
	one, two := b.miss(t, first.Record, "ana"), b.miss(t, second.Record, "ana")
	if !one.Created || !two.Created || one.Missed.ID == two.Missed.ID {
		t.Errorf("withheld callers share a task: %+v, %+v", one.Missed, two.Missed)
	}
	if one.Contact != nil {
		t.Errorf("a flag for nobody: %+v", one.Contact)
	}
}

func testSave(t *testing.T, b *bench) {
	rec := b.inbound("")
	rec.Direction, rec.To, rec.User = call.Outbound, number(7), "ana"
	if _, err := b.Call(t.Context(), rec.ID); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("an unknown call: %v", err)
	}
	b.save(t, rec)
	rec.State, rec.Trail = call.StateDialing, []call.Mark{{At: rec.StartedAt, What: "dialing"}}
	b.save(t, rec)
	got, err := b.Call(t.Context(), rec.ID)
	must(t, err)
	if !reflect.DeepEqual(got, rec) {
		t.Errorf("stored call differs:\n got %+v\nwant %+v", got, rec)
	}
	if _, err := b.SaveCall(t.Context(), routing.Closing{}); err == nil {
		t.Error("a call without an ID was stored")
	}
}

func testEnded(t *testing.T, b *bench) {
	got := b.admit(t, number(1))
	c := routing.Closing{
		Change: call.Change{Record: ended(got.Record, call.ResultCompleted), Task: call.TaskDone},
	}
	first, err := b.SaveCall(t.Context(), c)
	must(t, err)
	if first.Task == nil || first.Task.State != call.TaskDone {
		t.Errorf("task not done: %+v", first.Task)
	}
	before, err := b.Call(t.Context(), got.Record.ID)
	must(t, err)

	c.Change.Record.Duration = 99
	c.Change.MissedTask = true
	second, err := b.SaveCall(t.Context(), c)
	must(t, err)
	if second != (routing.Closed{}) {
		t.Errorf("saving an ended call again changed something: %+v", second)
	}
	for _, result := range []call.Result{call.ResultNone, call.ResultNoAnswer, call.ResultFailed} {
		other := routing.Closing{Change: call.Change{Record: got.Record, MissedTask: true}}
		other.Change.Record.Result = result
		if _, err := b.SaveCall(t.Context(), other); !errors.Is(err, routing.ErrConflict) {
			t.Errorf("a completed call became %q: %v", result, err)
		}
	}
	after, err := b.Call(t.Context(), got.Record.ID)
	must(t, err)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("an ended call changed:\n was %+v\n  is %+v", before, after)
	}
}

func testCallTask(t *testing.T, b *bench) {
	got := b.admit(t, number(1))
	rec := got.Record
	rec.User, rec.State = "ana", call.StateRinging
	closed, err := b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec, Task: call.TaskOpen}})
	must(t, err)
	if closed.Task == nil || closed.Task.User != "ana" || closed.Task.State != call.TaskOpen {
		t.Errorf("the task is not the user's: %+v", closed.Task)
	}
	for _, step := range []struct{ ask, want call.TaskState }{
		{call.TaskInProgress, call.TaskInProgress}, {"", call.TaskInProgress},
		{call.TaskDone, call.TaskDone}, {call.TaskOpen, call.TaskDone},
	} {
		_, err := b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec, Task: step.ask}})
		must(t, err)
		task, err := b.Task(t.Context(), got.Task.ID)
		must(t, err)
		equal(t, "state after "+string(step.ask), task.State, step.want)
	}
}

func testAnnotations(t *testing.T, b *bench) {
	got := b.admit(t, number(1))
	id := got.Record.ID
	notes, disposition := "wants a quote", "interested"
	_, err := b.Note(t.Context(), id, &notes, nil)
	must(t, err)
	rec, err := b.Note(t.Context(), id, nil, &disposition)
	must(t, err)
	equal(t, "notes", rec.Notes, notes)
	recording := call.Recording{URL: "/api/v1/calls/" + string(id) + "/recording", Seconds: 12.5, SHA256: "ab"}
	must(t, b.SetRecording(t.Context(), id, recording))

	b.save(t, ended(got.Record, call.ResultCompleted)) // knows nothing of all that
	must(t, b.SetRecording(t.Context(), id, recording))
	rec, err = b.Call(t.Context(), id)
	must(t, err)
	equal(t, "result", rec.Result, call.ResultCompleted)
	equal(t, "notes", rec.Notes, notes)
	equal(t, "disposition", rec.Disposition, disposition)
	if rec.Recording == nil || *rec.Recording != recording {
		t.Errorf("recording: %+v", rec.Recording)
	}

	unknown := call.NewID(start())
	if _, err := b.Note(t.Context(), unknown, &notes, nil); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("note on an unknown call: %v", err)
	}
	if err := b.SetRecording(t.Context(), unknown, recording); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("recording of an unknown call: %v", err)
	}
}

func testUnfinished(t *testing.T, b *bench) {
	first, second, third := b.admit(t, number(1)), b.admit(t, number(2)), b.admit(t, "")
	b.save(t, ended(second.Record, call.ResultCancelled))
	got, err := b.Unfinished(t.Context())
	must(t, err)
	if len(got) != 2 || got[0].ID != first.Record.ID || got[1].ID != third.Record.ID {
		t.Errorf("unfinished: %+v", got)
	}
}

func testContext(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Admit(ctx, b.admission(number(1))); !errors.Is(err, context.Canceled) {
		t.Errorf("admit for nobody: %v", err)
	}
	if _, _, err := b.Calls(ctx, routing.CallFilter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("list for nobody: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := b.Admit(ctx, b.admission(number(1))); err != nil {
		t.Errorf("the store does not go on: %v", err)
	}
}
