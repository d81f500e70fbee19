package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) taskRoutes() {
	handle(s, route{"listTasks", http.MethodGet, "/tasks", "List tasks, newest first", RoleSalesperson, 0}, s.listTasks)
	handle(s, route{"getTask", http.MethodGet, "/tasks/{id}", "Get a task", RoleSalesperson, 0}, s.getTask)
	handle(s, route{"changeTask", http.MethodPatch, "/tasks/{id}", "Change a task", RoleSalesperson, 0}, s.changeTask)
}

type taskQuery struct {
	Kind    string `query:"kind" enum:"inbound_call,missed_call,callback,follow_up"`
	State   string `query:"state" enum:"open,in_progress,done"`
	User    string `query:"user" maxLength:"64"`
	Contact string `query:"contact" maxLength:"64" doc:"The contact's id"`
	Paging
}

type taskOutput struct{ Body routing.Task }

func (s *Server) listTasks(ctx context.Context, q *taskQuery) (*listing[routing.Task], error) {
	f := routing.TaskFilter{
		Kind: routing.TaskKind(q.Kind), State: call.TaskState(q.State), User: q.User, Contact: q.Contact, Page: q.page(),
	}
	if c := callerOf(ctx); !c.all() {
		if f.User != "" && f.User != c.User {
			return listed[routing.Task](nil, ""), nil
		}
		f.User = c.User
	}
	items, next, err := s.tasks.Tasks(ctx, f)
	if err != nil {
		return nil, err
	}
	for i := range items {
		items[i] = shownTask(items[i])
	}
	return listed(items, next), nil
}

func (s *Server) getTask(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
}) (*taskOutput, error) {
	t, err := s.tasks.Task(ctx, in.ID)
	if errors.Is(err, routing.ErrNotFound) || err == nil && !seesTask(callerOf(ctx), t) {
		return nil, notFound("task")
	}
	if err != nil {
		return nil, err
	}
	return &taskOutput{shownTask(t)}, nil
}

// shownTask has its times in UTC.
func shownTask(t routing.Task) routing.Task {
	t.DueAt = utc(t.DueAt)
	t.CreatedAt = t.CreatedAt.UTC()
	t.UpdatedAt = t.UpdatedAt.UTC()
	return t
}

// nullableTime is a time in a body that may be absent, null or given.
type nullableTime struct {
	set   bool
	value *time.Time
}

// Schema describes a time or null.
func (nullableTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// UnmarshalJSON notes that the field is there.
func (t *nullableTime) UnmarshalJSON(b []byte) error {
	t.set = true
	if bytes.Equal(b, []byte("null")) {
		t.value = nil
		return nil
	}
	return json.Unmarshal(b, &t.value)
}

type changedTask struct {
	State *string      `json:"state,omitempty" enum:"open,in_progress,done"`
	User  *string      `json:"user,omitempty" minLength:"1" maxLength:"64"`
	DueAt nullableTime `json:"due_at,omitempty"`
}

// apply writes what is given onto a task.
func (b changedTask) apply(t *routing.Task) {
	if b.State != nil {
		t.State = call.TaskState(*b.State)
	}
	assign(&t.User, b.User)
	if b.DueAt.set {
		t.DueAt = utc(b.DueAt.value)
	}
}

func (s *Server) changeTask(ctx context.Context, in *struct {
	ID   string `path:"id" maxLength:"64"`
	Body changedTask
}) (*taskOutput, error) {
	if user := in.Body.User; user != nil {
		if _, ok := s.floor.User(*user); !ok {
			return nil, refuse("body.user", "there is no such user", *user)
		}
	}
	caller, at := callerOf(ctx), now()
	t, contact, err := s.tasks.ChangeTask(ctx, in.ID, func(t *routing.Task) error {
		if !seesTask(caller, *t) {
			return routing.ErrNotFound
		}
		in.Body.apply(t)
		return nil
	})
	if errors.Is(err, routing.ErrNotFound) {
		return nil, notFound("task")
	}
	if err != nil {
		return nil, err
	}
	t = shownTask(t)
	s.bus.Publish(call.Event{
		Type: call.EventTaskChanged, At: at, User: t.User, Playbook: t.Playbook,
		TaskID: t.ID, ContactID: t.ContactID, CallID: t.CallID, Data: t,
	})
	if contact != nil {
		s.publishContact(call.EventContactChanged, *contact)
	}
	return &taskOutput{t}, nil
}
