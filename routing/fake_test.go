package routing

import (
	"context"
	"slices"
	"sync"

	"tandem/call"
)

// events collects what is published.
type events struct {
	mu   sync.Mutex
	list []call.Event
}

func (e *events) Publish(ev call.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

// types returns the types of the events since the last look.
func (e *events) types() []call.EventType {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []call.EventType
	for _, ev := range e.list {
		list = append(list, ev.Type)
	}
	e.list = nil
	return list
}

// memory is the ports in memory: no more of them than the tests look at. The
// verbs' own rules are the store's and are tested there.
type memory struct {
	mu        sync.Mutex
	statuses  map[string]UserStatus
	overrides map[string]Override
	calls     map[call.ID]call.Record
	contacts  map[string]Contact
	tasks     map[string]Task
	closings  []Closing
	fail      error // returned by every verb that writes
}

func newMemory() *memory {
	return &memory{
		statuses: make(map[string]UserStatus), overrides: make(map[string]Override),
		calls: make(map[call.ID]call.Record), contacts: make(map[string]Contact), tasks: make(map[string]Task),
	}
}

func (m *memory) UserStatuses(context.Context) ([]UserStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []UserStatus
	for _, s := range m.statuses {
		list = append(list, s)
	}
	return list, nil
}

func (m *memory) SetUserStatus(_ context.Context, s UserStatus) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.statuses[s.User] = s
	}
	return m.fail
}

func (m *memory) Overrides(context.Context) ([]Override, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Override
	for _, o := range m.overrides {
		list = append(list, o)
	}
	return list, nil
}

func (m *memory) SetOverride(_ context.Context, o Override) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.overrides[o.Playbook] = o
	}
	return m.fail
}

func (m *memory) ClearOverride(_ context.Context, playbook string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.overrides, playbook)
	return m.fail
}

func (m *memory) Admit(_ context.Context, a Admission) (Admitted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return Admitted{}, m.fail
	}
	out := Admitted{Record: a.Record, Task: a.Task}
	if a.Caller != nil {
		c, known := m.byNumber(a.Record.From)
		if !known {
			c, out.Created = *a.Caller, true
		}
		c.LastNumber = a.Record.Number
		m.contacts[c.ID] = c
		out.Contact, out.Record.ContactID, out.Task.ContactID = &c, c.ID, c.ID
	}
	out.Record.TaskID = a.Task.ID
	m.calls[a.Record.ID], m.tasks[a.Task.ID] = out.Record, out.Task
	return out, nil
}

func (m *memory) Place(_ context.Context, p Placing) (Placed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return Placed{}, m.fail
	}
	out := Placed{Record: p.Record}
	if p.Callee != nil {
		c, known := m.byNumber(p.Record.To)
		if !known {
			c, out.Created = *p.Callee, true
			m.contacts[c.ID] = c
		}
		out.Contact, out.Record.ContactID = &c, c.ID
	}
	m.calls[p.Record.ID] = out.Record
	return out, nil
}

func (m *memory) SaveCall(_ context.Context, c Closing) (Closed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return Closed{}, m.fail
	}
	m.closings = append(m.closings, c)
	rec := c.Change.Record
	m.calls[rec.ID] = rec
	var out Closed
	if t, ok := m.tasks[rec.TaskID]; ok && t.State != c.Change.Task {
		t.State = c.Change.Task
		m.tasks[t.ID], out.Task = t, &t
	}
	if c.Change.MissedTask {
		out.Missed, out.Created = &Task{ID: "missed", Kind: TaskMissedCall, CallID: rec.ID, User: c.User}, true
		if contact, ok := m.contacts[rec.ContactID]; ok {
			contact.FollowUp = true
			m.contacts[contact.ID], out.Contact = contact, &contact
		}
	}
	return out, nil
}

func (m *memory) Unfinished(context.Context) ([]call.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []call.Record
	for _, rec := range m.calls {
		if rec.Result == call.ResultNone {
			list = append(list, rec)
		}
	}
	return list, nil
}

func (m *memory) Call(_ context.Context, id call.ID) (call.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.calls[id]
	if !ok {
		return rec, ErrNotFound
	}
	return rec, nil
}

func (m *memory) Calls(context.Context, CallFilter) ([]call.Record, string, error) {
	return nil, "", nil
}

func (m *memory) Contact(_ context.Context, id string) (Contact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.contacts[id]
	if !ok {
		return c, ErrNotFound
	}
	return c, nil
}

// byNumber finds a contact; the caller holds the lock.
func (m *memory) byNumber(number string) (Contact, bool) {
	for _, c := range m.contacts {
		if slices.Contains(c.Numbers, number) {
			return c, true
		}
	}
	return Contact{}, false
}

func (m *memory) ContactByNumber(_ context.Context, number string) (Contact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.byNumber(number)
	if !ok {
		return c, ErrNotFound
	}
	return c, nil
}

func (m *memory) Contacts(context.Context, ContactFilter) ([]Contact, string, error) {
	return nil, "", nil
}

// taken reports a number of c that is another contact's; the caller holds the lock.
func (m *memory) taken(c Contact) bool {
	return slices.ContainsFunc(c.Numbers, func(n string) bool {
		other, ok := m.byNumber(n)
		return ok && other.ID != c.ID
	})
}

func (m *memory) CreateContact(_ context.Context, c Contact) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.taken(c) {
		return ErrConflict
	}
	m.contacts[c.ID] = c
	return nil
}

func (m *memory) ChangeContact(_ context.Context, id string, change func(*Contact) error) (Contact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.contacts[id]
	if !ok {
		return c, ErrNotFound
	}
	if err := change(&c); err != nil {
		return Contact{}, err
	}
	if m.taken(c) {
		return Contact{}, ErrConflict
	}
	m.contacts[id] = c
	return c, nil
}

func (m *memory) ChangeContacts(_ context.Context, change func(ContactLedger) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	return change(memoryLedger{m})
}

// memoryLedger is the contacts in memory while the lock is held.
type memoryLedger struct{ *memory }

func (m memoryLedger) ByNumber(number string) (Contact, error) {
	c, ok := m.byNumber(number)
	if !ok {
		return c, ErrNotFound
	}
	return c, nil
}

func (m memoryLedger) PutContact(c Contact) error {
	if m.taken(c) {
		return ErrConflict
	}
	m.contacts[c.ID] = c
	return nil
}

func (m *memory) MergeContacts(_ context.Context, keep, gone string, join func(*Contact, Contact) error) (Merged, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.contacts[keep]
	other, known := m.contacts[gone]
	if !ok || !known {
		return Merged{}, ErrNotFound
	}
	if err := join(&c, other); err != nil {
		return Merged{}, err
	}
	delete(m.contacts, gone)
	m.contacts[keep] = c
	return Merged{Contact: c, Gone: other}, nil
}

func (m *memory) Task(_ context.Context, id string) (Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tasks[id]
	if !ok {
		return t, ErrNotFound
	}
	return t, nil
}

func (m *memory) Tasks(context.Context, TaskFilter) ([]Task, string, error) { return nil, "", nil }

func (m *memory) ChangeTask(_ context.Context, id string, change func(*Task) error) (Task, *Contact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tasks[id]
	if !ok {
		return t, nil, ErrNotFound
	}
	if err := change(&t); err != nil {
		return Task{}, nil, err
	}
	m.tasks[id] = t
	if c, ok := m.contacts[t.ContactID]; ok && t.Kind == TaskMissedCall && t.State == call.TaskDone {
		c.FollowUp = false
		m.contacts[c.ID] = c
		return t, &c, nil
	}
	return t, nil, nil
}
