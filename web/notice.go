package web

import (
	"context"
	"time"

	"tandem/call"
	"tandem/routing"
)

// Notice is an event as readers get it.
type Notice struct {
	Seq       uint64           `json:"seq" doc:"Grows, across restarts too"`
	Type      call.EventType   `json:"type"`
	At        time.Time        `json:"at"`
	User      string           `json:"user,omitempty"`
	Playbook  string           `json:"playbook,omitempty"`
	CallID    call.ID          `json:"call_id,omitempty"`
	ContactID string           `json:"contact_id,omitempty"`
	TaskID    string           `json:"task_id,omitempty"`
	Trunk     string           `json:"trunk,omitempty"`
	Call      *Call            `json:"call,omitempty" doc:"With call.*: as it was then"`
	Contact   *routing.Contact `json:"contact,omitempty" doc:"With contact.* and call.offered"`
	Task      *routing.Task    `json:"task,omitempty" doc:"With task.* and call.offered"`
	History   []Call           `json:"history,omitempty" doc:"With call.offered: the contact's last calls, newest first"`
	Data      any              `json:"data,omitempty" doc:"What the other events carry"`
}

// offerNotice is the notice of call.offered, all that a screen shows while the
// phone rings: its keys are always there.
type offerNotice struct {
	Notice
	Contact *routing.Contact `json:"contact"` // null when the caller is withheld
	Task    *routing.Task    `json:"task"`
	History []Call           `json:"history"`
}

// historyLength is how many earlier calls an offer shows.
const historyLength = 10

// notice returns an event as readers get it.
func (s *Server) notice(ctx context.Context, e call.Event) any {
	n := Notice{
		Seq: e.Seq, Type: e.Type, At: e.At.UTC(), User: e.User, Playbook: e.Playbook,
		CallID: e.CallID, ContactID: e.ContactID, TaskID: e.TaskID, Trunk: e.Trunk,
	}
	if e.Call != nil {
		shown := s.shown(ctx, *e.Call)
		n.Call = &shown
	}
	switch data := e.Data.(type) {
	case routing.Contact:
		n.Contact = &data
	case *routing.Contact:
		n.Contact = data
	case routing.Task:
		n.Task = &data
	case *routing.Task:
		n.Task = data
	default:
		n.Data = data
	}
	if e.Type == call.EventCallOffered {
		return s.offer(ctx, e, n)
	}
	return n
}

// offer adds to an offer who calls and what is known of them. What cannot be
// read is left out: the offer itself must not wait or fail.
func (s *Server) offer(ctx context.Context, e call.Event, n Notice) offerNotice {
	o := offerNotice{Notice: n, History: []Call{}}
	contactID, taskID := e.ContactID, e.TaskID
	if e.Call != nil {
		contactID, taskID = e.Call.ContactID, e.Call.TaskID
	}
	if taskID != "" {
		if t, err := s.tasks.Task(ctx, taskID); err == nil {
			t = shownTask(t)
			o.Task = &t
		}
	}
	if contactID == "" {
		return o
	}
	if c, err := s.contacts.Contact(ctx, contactID); err == nil {
		c = shownContact(c)
		o.Contact = &c
	}
	o.History = s.history(ctx, contactID, e.CallID)
	return o
}

// history returns a contact's last calls but the present one.
func (s *Server) history(ctx context.Context, contactID string, present call.ID) []Call {
	calls := make([]Call, 0, historyLength)
	f := routing.CallFilter{Contact: contactID, Page: routing.Page{Limit: historyLength + 1}}
	items, _, err := s.calls.Calls(ctx, f)
	if err != nil {
		return calls
	}
	for _, rec := range items {
		if rec.ID != present && len(calls) < historyLength {
			calls = append(calls, s.shown(ctx, rec))
		}
	}
	return calls
}
