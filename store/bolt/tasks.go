package bolt

import (
	"context"
	"strings"

	"tandem/call"
	"tandem/routing"
)

// Task implements routing.Tasks.
func (s *Store) Task(ctx context.Context, id string) (task routing.Task, err error) {
	err = s.view(ctx, func(t *txn) error {
		task, err = t.tasks.get(t, id)
		return err
	})
	return task, err
}

// Tasks implements routing.Tasks. A page looks at no more than scanMax tasks,
// as with Calls.
func (s *Store) Tasks(ctx context.Context, f routing.TaskFilter) (items []routing.Task, next string, err error) {
	err = s.view(ctx, func(t *txn) error {
		f.Contact = t.contactID(f.Contact)
		items, next = t.tasks.list(t, taskQuery(f))
		return nil
	})
	return items, next, err
}

// taskQuery says which index to walk.
func taskQuery(f routing.TaskFilter) query {
	q := query{page: f.Page, want: taskMatcher(f)}
	switch {
	case f.Contact != "":
		q.index, q.key = indexTaskOf, f.Contact
	case f.State == call.TaskOpen, f.State == call.TaskInProgress:
		q.index, q.key = indexToDo, present
	case f.User != "":
		q.index, q.key = indexTaskUser, f.User
	}
	return q
}

func taskMatcher(f routing.TaskFilter) func(string) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return func(digest string) bool {
		d := strings.Split(digest, digestMark)
		return len(d) == 4 &&
			same(string(f.Kind), d[0]) && same(string(f.State), d[1]) &&
			same(f.User, d[2]) && same(f.Contact, d[3])
	}
}

// taskChange is what a changed task brought about.
type taskChange struct {
	task    routing.Task
	contact *routing.Contact
}

// ChangeTask implements routing.Tasks. change runs in the writer's goroutine
// and may run more than once; ID, kind, contact and creation time stay what
// they are. The contact keeps its flag while another Missed Call task is open.
func (s *Store) ChangeTask(ctx context.Context, id string, change func(*routing.Task) error) (routing.Task, *routing.Contact, error) {
	out, err := update(ctx, s, func(t *txn) (taskChange, error) {
		old, err := t.tasks.get(t, id)
		if err != nil {
			return taskChange{}, err
		}
		task := old
		if err := change(&task); err != nil {
			return taskChange{}, err
		}
		task.ID, task.Kind, task.ContactID, task.CreatedAt = old.ID, old.Kind, old.ContactID, old.CreatedAt
		return t.changeTask(old, task)
	})
	return out.task, out.contact, err
}

func (t *txn) changeTask(old, task routing.Task) (taskChange, error) {
	if err := t.putTask(&old, task); err != nil {
		return taskChange{}, err
	}
	ended := task.State == call.TaskDone && old.State != call.TaskDone
	if task.Kind != routing.TaskMissedCall || !ended || t.value(bucketOpenMissed, task.ContactID) != nil {
		return taskChange{task: task}, nil
	}
	contact, err := t.setFollowUp(task.ContactID, false)
	return taskChange{task: task, contact: contact}, err
}
