package routing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// book is an address book and a task list with what they work with.
type book struct {
	*AddressBook
	tasks  *TaskList
	store  *memory
	events *events
}

func newBook(t testing.TB) *book {
	t.Helper()
	dir, err := NewDirectory(account(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &book{store: newMemory(), events: &events{}}
	if b.AddressBook, err = NewAddressBook(AddressBookOptions{Contacts: b.store, Directory: dir, Events: b.events}); err != nil {
		t.Fatal(err)
	}
	if b.tasks, err = NewTaskList(TaskListOptions{Tasks: b.store, Directory: dir, Events: b.events}); err != nil {
		t.Fatal(err)
	}
	return b
}

// patch returns a patch with a name and numbers.
func patch(name string, numbers ...string) ContactPatch {
	return ContactPatch{Name: &name, Numbers: &numbers}
}

func TestCreateContact(t *testing.T) {
	b := newBook(t)
	c, err := b.Create(t.Context(), patch(" Luis\x00 Pérez ", "600 111 222", "0034600111222", "+442079460000"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Luis Pérez" || !slices.Equal(c.Numbers, []string{"+34600111222", "+442079460000"}) || c.Country != "ES" || c.ID == "" || c.CreatedAt.IsZero() {
		t.Errorf("contact %+v", c)
	}
	if c, err = b.Create(t.Context(), ContactPatch{Numbers: &[]string{"+16502530000"}, Owner: new("ana"), Country: new("ca")}); err != nil ||
		c.Name != "+16502530000" || c.Country != "CA" || c.Owner != "ana" {
		t.Errorf("contact %+v, %v", c, err)
	}
	if _, err = b.Create(t.Context(), patch("Another", "600111222")); !errors.Is(err, ErrConflict) {
		t.Errorf("a number twice: %v", err)
	}
	if got := b.events.types(); len(got) != 2 || got[0] != call.EventContactCreated {
		t.Errorf("events %v", got)
	}
}

func TestContactRefuses(t *testing.T) {
	b := newBook(t)
	tests := []struct {
		patch ContactPatch
		field string
	}{
		{ContactPatch{Name: new("x")}, "numbers"},
		{patch("x"), "numbers"},
		{patch("x", "112"), "numbers"},
		{patch("x", "+34910000001"), "numbers"}, // our own
		{patch("x", strings.Split(strings.Repeat("600111222 ", 21), " ")...), "numbers"},
		{ContactPatch{Numbers: &[]string{"600111222"}, Owner: new("zoe")}, "owner"},
		{ContactPatch{Numbers: &[]string{"600111222"}, Country: new("Spain")}, "country"},
	}
	for _, tt := range tests {
		_, err := b.Create(t.Context(), tt.patch)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != tt.field {
			t.Errorf("%+v: %v, want a fault in %s", tt.patch, err, tt.field)
		}
	}
	if len(b.store.contacts) != 0 || len(b.events.list) != 0 {
		t.Error("a refused contact left something behind")
	}
}

func TestChangeContact(t *testing.T) {
	b := newBook(t)
	c, err := b.Create(t.Context(), patch("Luis", "600111222"))
	if err != nil {
		t.Fatal(err)
	}
	p := ContactPatch{Owner: new("bea"), FollowUp: new(true), Notes: new("a\r\nb \x1b[31m")}
	if c, err = b.Change(t.Context(), c.ID, p); err != nil || c.Name != "Luis" || c.Owner != "bea" || !c.FollowUp || c.Notes != "a\nb [31m" {
		t.Errorf("changed %+v, %v", c, err)
	}
	if c, err = b.Change(t.Context(), c.ID, ContactPatch{Owner: new("")}); err != nil || c.Owner != "" {
		t.Errorf("changed %+v, %v", c, err)
	}
	if _, err := b.Change(t.Context(), "nobody", p); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestDoNotCall(t *testing.T) {
	b := newBook(t)
	c, err := b.SetDoNotCall(t.Context(), "600111222", true)
	if err != nil || !c.DoNotCall || c.Name != "+34600111222" {
		t.Errorf("unknown number: %+v, %v", c, err)
	}
	if c, err = b.SetDoNotCall(t.Context(), "+34600111222", false); err != nil || c.DoNotCall || len(b.store.contacts) != 1 {
		t.Errorf("known number: %+v, %v", c, err)
	}
	if _, err := b.SetDoNotCall(t.Context(), "112", true); err == nil {
		t.Error("took 112")
	}
}

func TestChangeTask(t *testing.T) {
	b := newBook(t)
	b.store.contacts["c"] = Contact{ID: "c", FollowUp: true}
	b.store.tasks["t"] = Task{ID: "t", Kind: TaskMissedCall, State: call.TaskOpen, ContactID: "c", UpdatedAt: noon}
	due := noon.Add(time.Hour)
	task, err := b.tasks.Change(t.Context(), "t", TaskPatch{User: new("bea"), DueAt: &due})
	if err != nil || task.User != "bea" || !task.DueAt.Equal(due) || task.State != call.TaskOpen || !task.UpdatedAt.Equal(noon) {
		t.Errorf("changed %+v, %v", task, err)
	}
	if task, err = b.tasks.Change(t.Context(), "t", TaskPatch{User: new(""), DueAt: &time.Time{}}); err != nil || task.User != "" || task.DueAt != nil {
		t.Errorf("cleared %+v, %v", task, err)
	}
	b.events.types()
	if _, err = b.tasks.Change(t.Context(), "t", TaskPatch{State: new(call.TaskDone)}); err != nil || b.store.contacts["c"].FollowUp {
		t.Errorf("done: %v, contact %+v", err, b.store.contacts["c"])
	}
	if got := b.events.types(); !slices.Equal(got, []call.EventType{call.EventTaskChanged, call.EventContactChanged}) {
		t.Errorf("events %v", got)
	}
	var invalid *InvalidError
	if _, err = b.tasks.Change(t.Context(), "t", TaskPatch{User: new("zoe")}); !errors.As(err, &invalid) || invalid.Field != "user" {
		t.Errorf("unknown user: %v", err)
	}
	if _, err = b.tasks.Change(t.Context(), "nothing", TaskPatch{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown task: %v", err)
	}
}

func TestMayBecome(t *testing.T) {
	states := []call.TaskState{call.TaskOpen, call.TaskInProgress, call.TaskDone}
	for _, from := range states {
		for _, to := range states {
			err := mayBecome(from, to)
			if want := from == call.TaskDone && to == call.TaskInProgress; (err != nil) != want || want && !errors.Is(err, ErrConflict) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
		}
	}
	var invalid *InvalidError
	if err := mayBecome(call.TaskOpen, "gone"); !errors.As(err, &invalid) {
		t.Errorf("unknown state: %v", err)
	}
}
