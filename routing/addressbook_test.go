package routing

import (
	"errors"
	"fmt"
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

func TestImport(t *testing.T) {
	b := newBook(t)
	if _, err := b.Create(t.Context(), patch("", "600000001")); err != nil {
		t.Fatal(err)
	}
	file := "\ufeffName;Phone;Mobile 2;Country;Owner;Notes;Shoe size\n" +
		"Luis Pérez;600 000 001;910 111 222;ES;ana;met at \"the\" fair;42\n" + // known by number alone: learns
		"Marta;600000002, 600000003;;;;;\n" +
		"Again;0034600000003;;;;;\n" + // known, nothing new
		"Nobody;112;;;;;\n" +
		"Short\n" +
		"Bad owner;600000004;;;zoe;;\n" +
		"Two people;600000001;600000002;;;;\n" +
		"\xd1u\xf1ez;600000005;;;;;\n" // ISO 8859-1
	report, err := b.Import(t.Context(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if report.Created != 2 || report.Merged != 1 || report.Unchanged != 1 || report.Failed != 4 {
		t.Errorf("report %+v", report)
	}
	var lines []int
	for _, f := range report.Faults {
		lines = append(lines, f.Line)
	}
	if !slices.Equal(lines, []int{5, 6, 7, 8}) {
		t.Errorf("faults %+v", report.Faults)
	}
	c, _ := b.store.byNumber("+34910111222")
	if c.Name != "Luis Pérez" || c.Owner != "ana" || len(c.Numbers) != 2 || c.Notes != `met at "the" fair` {
		t.Errorf("merged %+v", c)
	}
	if c, _ := b.store.byNumber("+34600000005"); c.Name != "Ñuñez" {
		t.Errorf("created %+v", c)
	}
	before := len(b.store.contacts)
	report, err = b.Import(t.Context(), strings.NewReader(file))
	if err != nil || report.Created != 0 || report.Merged != 0 || len(b.store.contacts) != before {
		t.Errorf("a second time: %+v, %v", report, err)
	}
}

func TestImportColumns(t *testing.T) {
	tests := []struct{ file, name string }{
		{"first name,last name,tel\nAna,García,600111222\n", "Ana García"},
		{"TELEPHONE\tNAME\n600111222\tAna\n", "Ana"},
		{"numbers\n600111222\n", "+34600111222"},
		{"\"name\",\"phone\"\n\"García, Ana\",\"600111222\"", "García, Ana"},
	}
	for _, tt := range tests {
		b := newBook(t)
		report, err := b.Import(t.Context(), strings.NewReader(tt.file))
		c, _ := b.store.byNumber("+34600111222")
		if err != nil || report.Created != 1 || c.Name != tt.name {
			t.Errorf("%q: %+v, %v, %+v", tt.file, report, err, c)
		}
	}
	for _, file := range []string{"", "name,owner\nx,y\n"} {
		var invalid *InvalidError
		if _, err := newBook(t).Import(t.Context(), strings.NewReader(file)); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestImportIsBounded(t *testing.T) {
	b := newBook(t)
	bad := "phone\n" + strings.Repeat("x\n", importRows+10)
	report, err := b.Import(t.Context(), strings.NewReader(bad))
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(report.Faults) != importFaults || report.Failed != importRows {
		t.Errorf("%v, %d faults of %d", err, len(report.Faults), report.Failed)
	}
	b.store.fail = errors.New("disk full")
	if _, err := b.Import(t.Context(), strings.NewReader("phone\n600111222\n600111223\n")); !errors.Is(err, b.store.fail) {
		t.Errorf("store failed: %v", err)
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

func FuzzImport(f *testing.F) {
	for _, s := range []string{"phone\n600111222\n", "\ufeffname;phone\nx;y\n", "phone\n\"", "phone,phone\n1,2\n\xff,\x00", "numbers\n600111222|600111223,\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := newBook(t)
		if _, err := b.Import(t.Context(), strings.NewReader(s)); err != nil {
			if _, ok := errors.AsType[*InvalidError](err); !ok {
				t.Fatal(err)
			}
		}
		owner := make(map[string]string)
		for id, c := range b.store.contacts {
			if len(c.Numbers) == 0 || len([]rune(c.Name)) > maxName {
				t.Fatalf("contact %+v", c)
			}
			for _, n := range c.Numbers {
				if owner[n] != "" {
					t.Fatal(fmt.Sprint(n, " belongs to two contacts"))
				}
				owner[n] = id
			}
		}
	})
}
