package routing

import (
	"time"

	"tandem/call"
)

// TaskKind is what a task is about.
type TaskKind string

// The kinds of task.
const (
	TaskInboundCall TaskKind = "inbound_call"
	TaskMissedCall  TaskKind = "missed_call"
	TaskCallback    TaskKind = "callback"
	TaskFollowUp    TaskKind = "follow_up"
)

// Task is something a user has to do.
type Task struct {
	ID        string         `json:"id"` // ULID
	Kind      TaskKind       `json:"kind"`
	State     call.TaskState `json:"state"`
	Count     int            `json:"count"` // missed calls that this task stands for
	ContactID string         `json:"contact_id"`
	CallID    call.ID        `json:"call_id"` // the newest call it is about
	User      string         `json:"user"`
	Playbook  string         `json:"playbook"`
	DueAt     *time.Time     `json:"due_at"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"` // of a missed_call task: when the last call was missed
}

// TaskFilter selects tasks; zero fields select all.
type TaskFilter struct {
	Kind    TaskKind
	State   call.TaskState
	User    string
	Contact string
	Page    Page
}

// CallFilter selects calls; zero fields select all.
type CallFilter struct {
	Active    *bool
	Result    call.Result
	Direction call.Direction
	User      string
	Contact   string
	Playbooks []string // any of these
	Recorded  bool     // true: those alone that have a recording
	Held      bool     // true: those alone whose recording is on hold
	From      time.Time
	Until     time.Time
	Page      Page
}
