package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

// checkLive has the writer compare what it remembers with what it would read.
func checkLive(t *testing.T, s *Store) (calls, tasks int) {
	t.Helper()
	err := change(t.Context(), s, func(tx *txn) error {
		calls, tasks = len(tx.calls.live.rows), len(tx.tasks.live.rows)
		return errors.Join(compareLive(tx, tx.calls), compareLive(tx, tx.tasks))
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls, tasks
}

func compareLive[T any](tx *txn, tb table[T]) error {
	for id, v := range tb.live.rows {
		raw, err := encode(v)
		if stored := tx.value(tb.name, id); err != nil || !bytes.Equal(raw, stored) {
			return fmt.Errorf("%s %s is remembered as\n%s\nand stored as\n%s, %w", tb.name, id, raw, stored, err)
		}
	}
	return nil
}

// Whatever is stored, refused or lost with a commit that failed, the writer
// remembers nothing but what the file holds.
func TestLiveRowsAreTrue(t *testing.T) {
	for seed := range uint64(6) {
		d := &disk{}
		s := openOn(t, d, nil)
		rng := rand.New(rand.NewPCG(seed, 1))
		var admitted []call.Record
		for n := range 150 {
			d.broken.Store(rng.IntN(10) == 0)
			if rng.IntN(4) == 0 || len(admitted) == 0 {
				admitted = append(admitted, admitAny(t, s, n))
			} else {
				step(t, s, rng, admitted[rng.IntN(len(admitted))])
			}
			d.broken.Store(false)
			checkLive(t, s)
		}
	}
}

func admitAny(t *testing.T, s *Store, n int) call.Record {
	rec := record(n)
	rec.Direction, rec.From, rec.Playbook = call.Inbound, fmt.Sprintf("+3460000000%d", n%10), "sales"
	got, err := s.Admit(t.Context(), routing.Admission{Record: rec, Caller: &routing.Contact{Name: "Ana"}})
	if err != nil && !errors.Is(err, errDisk) {
		t.Error(err)
	}
	if err != nil {
		return rec
	}
	return got.Record
}

// step does one thing about a call.
func step(t *testing.T, s *Store, rng *rand.Rand, rec call.Record) {
	ctx := t.Context()
	var err error
	switch rng.IntN(6) {
	case 0:
		notes := fmt.Sprint("note ", rng.IntN(100))
		_, err = s.Note(ctx, rec.ID, &notes, nil)
	case 1:
		_, _, err = s.ChangeTask(ctx, rec.TaskID, func(task *routing.Task) error {
			due := time.Now()
			task.User, task.DueAt = "eva", &due
			return nil
		})
	case 2: // half written when it fails
		err = change(ctx, s, func(tx *txn) error {
			rec.User = "nobody"
			_, err := tx.saveCall(routing.Closing{Change: call.Change{Record: rec}})
			return errors.Join(err, routing.ErrConflict)
		})
	case 3:
		rec.Result, rec.State = call.ResultCompleted, call.StateEnded
		err = saveAs(ctx, s, rec, call.TaskDone)
	default:
		rec.User, rec.State = fmt.Sprint("user", rng.IntN(3)), call.StateRinging
		rec.Trail = append(rec.Trail, call.Mark{At: time.Now().UTC(), What: "offered"})
		err = saveAs(ctx, s, rec, call.TaskOpen)
	}
	if err != nil && !errors.Is(err, errDisk) && !errors.Is(err, routing.ErrConflict) && !errors.Is(err, routing.ErrNotFound) {
		t.Error(err)
	}
}

func saveAs(ctx context.Context, s *Store, rec call.Record, task call.TaskState) error {
	_, err := s.SaveCall(ctx, routing.Closing{Change: call.Change{Record: rec, Task: task}})
	return err
}

// What is over is not remembered, and no number of calls that never end fills
// the memory.
func TestLiveRowsAreBounded(t *testing.T) {
	s := openOn(t, &disk{}, nil)
	rec := admitAny(t, s, 1)
	if calls, tasks := checkLive(t, s); calls != 1 || tasks != 1 {
		t.Errorf("of a live call %d calls and %d tasks are remembered", calls, tasks)
	}
	rec.Result = call.ResultCompleted
	if err := saveAs(t.Context(), s, rec, call.TaskDone); err != nil {
		t.Fatal(err)
	}
	if calls, tasks := checkLive(t, s); calls != 0 || tasks != 0 {
		t.Errorf("of an ended call %d calls and %d tasks are remembered", calls, tasks)
	}
	err := change(t.Context(), s, func(tx *txn) error {
		for n := range liveMax + 10 {
			rec := record(n)
			if err := tx.calls.put(tx, nil, rec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls, _ := checkLive(t, s); calls != 10 {
		t.Errorf("%d calls are remembered", calls)
	}
}

// A task's load follows it from user to user and ends when it is done.
func TestLoadFollowsTasks(t *testing.T) {
	s := openOn(t, &disk{}, nil)
	rec := admitAny(t, s, 1)
	for _, want := range []struct {
		user  string
		state call.TaskState
		loads string
	}{
		{"ana", call.TaskOpen, "1 0"}, {"ana", call.TaskInProgress, "1 0"},
		{"bea", call.TaskInProgress, "0 1"}, {"bea", call.TaskDone, "0 0"},
	} {
		rec.User = want.user
		if err := saveAs(t.Context(), s, rec, want.state); err != nil {
			t.Fatal(err)
		}
		err := s.view(t.Context(), func(tx *txn) error {
			if got := fmt.Sprintf("%d %d", tx.load("ana"), tx.load("bea")); got != want.loads {
				t.Errorf("%s %s: loads %s, want %s", want.user, want.state, got, want.loads)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What is removed is forgotten, or it would come back.
func TestRemovedRowsAreForgotten(t *testing.T) {
	s := openOn(t, &disk{}, nil)
	rec := admitAny(t, s, 1)
	err := change(t.Context(), s, func(tx *txn) error {
		if err := tx.calls.remove(tx, rec); err != nil {
			return err
		}
		if _, err := tx.calls.get(tx, string(rec.ID)); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("after it was removed: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
