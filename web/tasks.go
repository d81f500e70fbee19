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
	t, err := s.visibleTask(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &taskOutput{shownTask(t)}, nil
}

// visibleTask returns a task; one that is not the caller's is not there.
func (s *Server) visibleTask(ctx context.Context, id string) (routing.Task, error) {
	t, err := s.tasks.Task(ctx, id)
	if errors.Is(err, routing.ErrNotFound) || err == nil && !seesTask(callerOf(ctx), t) {
		return routing.Task{}, notFound("task")
	}
	return t, err
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

// patch is what is to change; the zero time stands for null.
func (b changedTask) patch() routing.TaskPatch {
	p := routing.TaskPatch{User: b.User}
	if b.State != nil {
		state := call.TaskState(*b.State)
		p.State = &state
	}
	if b.DueAt.set {
		p.DueAt = b.DueAt.value
		if p.DueAt == nil {
			p.DueAt = new(time.Time)
		}
	}
	return p
}

func (s *Server) changeTask(ctx context.Context, in *struct {
	ID   string `path:"id" maxLength:"64"`
	Body changedTask
}) (*taskOutput, error) {
	if _, err := s.visibleTask(ctx, in.ID); err != nil {
		return nil, err
	}
	t, err := s.taskList.Change(ctx, in.ID, in.Body.patch())
	if err != nil {
		return nil, err
	}
	return &taskOutput{shownTask(t)}, nil
}
