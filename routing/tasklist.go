package routing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/call"
)

// TaskListOptions are what the task list works with.
type TaskListOptions struct {
	Tasks     Tasks
	Directory *Directory
	Events    call.Publisher
}

// TaskList changes tasks on behalf of people and publishes what changed.
type TaskList struct{ TaskListOptions }

// NewTaskList returns a task list; all of its options are needed.
func NewTaskList(o TaskListOptions) (*TaskList, error) {
	if o.Tasks == nil || o.Directory == nil || o.Events == nil {
		return nil, errors.New("task list: an option is missing")
	}
	return &TaskList{o}, nil
}

// TaskPatch is what somebody wants changed; nil leaves a field as it is.
type TaskPatch struct {
	State *call.TaskState
	User  *string    // empty: nobody's
	DueAt *time.Time // the zero time: whenever
}

// Change changes a task. A missed_call task that is done lowers its contact's
// follow-up flag. *InvalidError: a value cannot be taken; ErrConflict: the
// task cannot go from its state to that one; ErrNotFound: no such task.
func (l *TaskList) Change(ctx context.Context, id string, p TaskPatch) (Task, error) {
	at := time.Now().UTC()
	task, contact, err := l.Tasks.ChangeTask(ctx, id, func(t *Task) error { return l.apply(t, p) })
	if err != nil {
		return Task{}, fmt.Errorf("change task %s: %w", id, err)
	}
	publishTask(l.Events, call.EventTaskChanged, task, at)
	if contact != nil {
		publishContact(l.Events, call.EventContactChanged, *contact, at)
	}
	return task, nil
}

// apply checks a patch and makes it part of a task. UpdatedAt stays: for a
// missed call it is when the last call was missed.
func (l *TaskList) apply(t *Task, p TaskPatch) error {
	if p.State != nil {
		if err := mayBecome(t.State, *p.State); err != nil {
			return err
		}
		t.State = *p.State
	}
	if p.User != nil {
		if _, known := l.Directory.User(*p.User); !known && *p.User != "" {
			return &InvalidError{Field: "user", Why: "is no user"}
		}
		t.User = *p.User
	}
	if p.DueAt != nil {
		t.DueAt = nil
		if due := p.DueAt.UTC(); !due.IsZero() {
			t.DueAt = &due
		}
	}
	return nil
}

// mayBecome says whether a task may go from one state to another: a task that
// is done can be opened again, but nobody works on it before.
func mayBecome(from, to call.TaskState) error {
	switch to {
	case call.TaskOpen, call.TaskDone:
		return nil
	case call.TaskInProgress:
		if from == call.TaskDone {
			return fmt.Errorf("a task that is done must be opened again first: %w", ErrConflict)
		}
		return nil
	}
	return &InvalidError{Field: "state", Why: "must be open, in_progress or done"}
}
