package storetest

import (
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

// missedTasks lists the Missed Call tasks.
func (b *bench) missedTasks(t *testing.T) []routing.Task {
	t.Helper()
	tasks, _, err := b.Tasks(t.Context(), routing.TaskFilter{Kind: routing.TaskMissedCall})
	must(t, err)
	return tasks
}

func testMissedOnce(t *testing.T, b *bench) {
	got := b.admit(t, number(1))
	due := start().Add(time.Hour)
	c := routing.Closing{
		Change: call.Change{Record: got.Record, MissedTask: true}, User: "ana", Due: due,
	}
	first, err := b.SaveCall(t.Context(), c) // missed, and not over yet: a closed office plays its message
	must(t, err)
	if !first.Created || first.Missed == nil {
		t.Fatalf("no task: %+v", first)
	}
	c.Change.Record = ended(got.Record, call.ResultOfficeClosed)
	second, err := b.SaveCall(t.Context(), c)
	must(t, err)
	if second.Missed != nil || second.Created {
		t.Errorf("a second task for one call: %+v", second.Missed)
	}
	tasks := b.missedTasks(t)
	if len(tasks) != 1 {
		t.Fatalf("%d tasks", len(tasks))
	}
	task := tasks[0]
	equal(t, "count", task.Count, 1)
	equal(t, "user", task.User, "ana")
	equal(t, "call", task.CallID, got.Record.ID)
	equal(t, "contact", task.ContactID, got.Contact.ID)
	equal(t, "playbook", task.Playbook, "sales-es")
	equal(t, "state", task.State, call.TaskOpen)
	if task.DueAt == nil || !task.DueAt.Equal(due) {
		t.Errorf("due: %v", task.DueAt)
	}
}

func testMissedAgain(t *testing.T, b *bench) {
	first, second := b.admit(t, number(1)), b.admit(t, number(1))
	other := b.admit(t, number(2))
	b.miss(t, first.Record, "ana")
	again := b.miss(t, second.Record, "eva")
	if again.Created || again.Missed == nil {
		t.Fatalf("piled up: %+v", again)
	}
	equal(t, "count", again.Missed.Count, 2)
	equal(t, "newest call", again.Missed.CallID, second.Record.ID)
	equal(t, "user stays", again.Missed.User, "ana")
	equal(t, "last time", again.Missed.UpdatedAt, *ended(second.Record, call.ResultNoAnswer).EndedAt)
	if !b.miss(t, other.Record, "ana").Created {
		t.Error("another contact's call was added to the task")
	}

	_, _, err := b.ChangeTask(t.Context(), again.Missed.ID, func(task *routing.Task) error {
		task.State = call.TaskDone
		return nil
	})
	must(t, err)
	third := b.admit(t, number(1))
	if !b.miss(t, third.Record, "ana").Created {
		t.Error("a call was added to a task that is done")
	}
	equal(t, "tasks", len(b.missedTasks(t)), 3)
}

func testMissedAtOnce(t *testing.T, b *bench) {
	const n = 16
	var calls [n]routing.Admitted
	for i := range calls {
		calls[i] = b.admit(t, number(1))
	}
	var wg sync.WaitGroup
	errs := make(chan error, 2*n)
	for i := range calls {
		for range 2 {
			wg.Go(func() {
				_, err := b.SaveCall(t.Context(), missing(calls[i].Record, "ana"))
				errs <- err
			})
		}
	}
	wg.Wait()
	for range 2 * n {
		must(t, <-errs)
	}
	tasks := b.missedTasks(t)
	if len(tasks) != 1 || tasks[0].Count != n {
		t.Errorf("%d calls, each saved twice: %+v", n, tasks)
	}
}

func testLeastLoaded(t *testing.T, b *bench) {
	missFor := func(n int, users ...string) string {
		got, err := b.SaveCall(t.Context(), routing.Closing{
			Change: call.Change{Record: ended(b.admit(t, number(n)).Record, call.ResultNoAnswer), Task: call.TaskDone, MissedTask: true},
			Least:  users,
		})
		must(t, err)
		return got.Missed.User
	}
	equal(t, "first of equals", missFor(1, "ana", "eva"), "ana")
	equal(t, "the other", missFor(2, "ana", "eva"), "eva")
	equal(t, "first of equals again", missFor(3, "eva", "ana"), "eva")
	equal(t, "fewest", missFor(4, "eva", "ana"), "ana")
	for _, task := range b.missedTasks(t) {
		if task.User != "eva" {
			continue
		}
		_, _, err := b.ChangeTask(t.Context(), task.ID, func(task *routing.Task) error {
			task.State = call.TaskDone
			return nil
		})
		must(t, err)
	}
	equal(t, "who has done theirs", missFor(5, "ana", "eva"), "eva")
	equal(t, "nobody", missFor(6), "")
	b.reopen(t)
	equal(t, "after a restart", missFor(7, "ana", "eva"), "eva")
}

func testFlag(t *testing.T, b *bench) {
	flagged := func() bool {
		t.Helper()
		c, err := b.ContactByNumber(t.Context(), number(1))
		must(t, err)
		return c.FollowUp
	}
	missed := b.miss(t, b.admit(t, number(1)).Record, "ana")
	if missed.Contact == nil || !missed.Contact.FollowUp || !flagged() {
		t.Errorf("a missed call raised no flag: %+v", missed.Contact)
	}
	if again := b.miss(t, b.admit(t, number(1)).Record, "ana"); again.Contact != nil {
		t.Error("a raised flag was raised")
	}
	done, err := b.SaveCall(t.Context(), routing.Closing{
		Change: call.Change{Record: ended(b.admit(t, number(1)).Record, call.ResultCompleted), Task: call.TaskDone},
	})
	must(t, err)
	if done.Contact == nil || done.Contact.FollowUp || flagged() {
		t.Errorf("a completed call left the flag: %+v", done.Contact)
	}

	b.miss(t, b.admit(t, number(1)).Record, "ana")
	for i, state := range []call.TaskState{call.TaskInProgress, call.TaskDone} {
		_, contact, err := b.ChangeTask(t.Context(), missed.Missed.ID, func(task *routing.Task) error {
			task.State = state
			return nil
		})
		must(t, err)
		over := i == 1
		equal(t, "contact returned when "+string(state), contact != nil, over)
		equal(t, "flag when "+string(state), flagged(), !over)
	}
}
