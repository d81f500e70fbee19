package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

// contact makes the nth contact of a test.
func contact(n int, name string, numbers ...string) routing.Contact {
	at := start().Add(time.Duration(n) * time.Second)
	return routing.Contact{ID: string(call.NewID(at)), Name: name, Numbers: numbers, Country: "ES", CreatedAt: at}
}

func testContacts(t *testing.T, b *bench) {
	want := contact(1, "Ana García", number(1), number(2))
	must(t, b.CreateContact(t.Context(), want))
	if err := b.CreateContact(t.Context(), want); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	got, err := b.Contact(t.Context(), want.ID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stored contact differs:\n got %+v\nwant %+v", got, want)
	}
	changed, err := b.ChangeContact(t.Context(), want.ID, func(c *routing.Contact) error {
		c.Owner, c.Numbers = "ana", []string{number(2), number(3)}
		return nil
	})
	must(t, err)
	equal(t, "owner", changed.Owner, "ana")
	if _, err := b.ContactByNumber(t.Context(), number(1)); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("a number that was taken away: %v", err)
	}
	got, err = b.ContactByNumber(t.Context(), number(3))
	must(t, err)
	if !reflect.DeepEqual(got, changed) {
		t.Errorf("by its new number: %+v", got)
	}

	refusal := errors.New("no")
	_, err = b.ChangeContact(t.Context(), want.ID, func(c *routing.Contact) error {
		c.Name, c.Numbers[0] = "nobody", "+1"
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("the change's own error: %v", err)
	}
	got, err = b.Contact(t.Context(), want.ID)
	must(t, err)
	if !reflect.DeepEqual(got, changed) {
		t.Errorf("a refused change was stored: %+v", got)
	}
	unknown := string(call.NewID(start()))
	if _, err := b.Contact(t.Context(), unknown); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("an unknown contact: %v", err)
	}
	if _, err := b.ChangeContact(t.Context(), unknown, func(*routing.Contact) error { return nil }); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("change of an unknown contact: %v", err)
	}
}

func testNumbers(t *testing.T, b *bench) {
	one, two := contact(1, "one", number(1)), contact(2, "two", number(2))
	must(t, b.CreateContact(t.Context(), one))
	must(t, b.CreateContact(t.Context(), two))
	for _, numbers := range [][]string{{number(1)}, {number(3), number(2)}, {number(4), number(4)}, {""}} {
		if err := b.CreateContact(t.Context(), contact(3, "three", numbers...)); !errors.Is(err, routing.ErrConflict) {
			t.Errorf("created with %q: %v", numbers, err)
		}
	}
	_, err := b.ChangeContact(t.Context(), two.ID, func(c *routing.Contact) error {
		c.Numbers = append(c.Numbers, number(1))
		return nil
	})
	if !errors.Is(err, routing.ErrConflict) {
		t.Errorf("a number of another: %v", err)
	}
	for n, want := range map[int]string{1: one.ID, 2: two.ID} {
		got, err := b.ContactByNumber(t.Context(), number(n))
		must(t, err)
		equal(t, "owner of the number", got.ID, want)
	}
	if _, err := b.ContactByNumber(t.Context(), number(3)); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("a refused contact left a number: %v", err)
	}
}

func testContactSearch(t *testing.T, b *bench) {
	yes, no := true, false
	ana, bob := contact(1, "Ana García", number(11), number(12)), contact(2, "BOB", number(21))
	bob.FollowUp = true
	must(t, b.CreateContact(t.Context(), ana))
	must(t, b.CreateContact(t.Context(), bob))
	for _, test := range []struct {
		name string
		f    routing.ContactFilter
		want []string
	}{
		{"all, newest first", routing.ContactFilter{}, []string{bob.ID, ana.ID}},
		{"number", routing.ContactFilter{Number: number(12)}, []string{ana.ID}},
		{"unknown number", routing.ContactFilter{Number: number(99)}, nil},
		{"number and flag", routing.ContactFilter{Number: number(12), FollowUp: &yes}, nil},
		{"case", routing.ContactFilter{Query: "bob"}, []string{bob.ID}},
		{"accents", routing.ContactFilter{Query: "garcia"}, []string{ana.ID}},
		{"part of a number", routing.ContactFilter{Query: "0000 0021"}, []string{bob.ID}},
		{"nobody", routing.ContactFilter{Query: "zoe"}, nil},
		{"flagged", routing.ContactFilter{FollowUp: &yes}, []string{bob.ID}},
		{"not flagged", routing.ContactFilter{FollowUp: &no}, []string{ana.ID}},
		{"all that hold", routing.ContactFilter{FollowUp: &no, Query: "bob"}, nil},
	} {
		items, next, err := b.Contacts(t.Context(), test.f)
		must(t, err)
		var got []string
		for _, c := range items {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, test.want) || next != "" {
			t.Errorf("%s: got %v and %q, want %v", test.name, got, next, test.want)
		}
	}
}

func testTasks(t *testing.T, b *bench) {
	one, two := b.admit(t, number(1)), b.admit(t, number(2))
	missed := b.miss(t, one.Record, "ana").Missed
	for _, test := range []struct {
		name string
		f    routing.TaskFilter
		want []string
	}{
		{"done", routing.TaskFilter{State: call.TaskDone}, []string{one.Task.ID}},
		{"open", routing.TaskFilter{State: call.TaskOpen}, []string{two.Task.ID, missed.ID}},
		{"kind", routing.TaskFilter{Kind: routing.TaskMissedCall}, []string{missed.ID}},
		{"user", routing.TaskFilter{User: "ana"}, []string{missed.ID}},
		{"contact", routing.TaskFilter{Contact: one.Contact.ID}, []string{missed.ID, one.Task.ID}},
		{"contact and state", routing.TaskFilter{Contact: one.Contact.ID, State: call.TaskOpen}, []string{missed.ID}},
		{"user and state", routing.TaskFilter{User: "ana", State: call.TaskDone}, nil},
	} {
		items, next, err := b.Tasks(t.Context(), test.f)
		must(t, err)
		var got []string
		for _, task := range items {
			got = append(got, task.ID)
		}
		if !slices.Equal(got, test.want) || next != "" {
			t.Errorf("%s: got %v and %q, want %v", test.name, got, next, test.want)
		}
	}

	due := start().Add(time.Hour)
	changed, _, err := b.ChangeTask(t.Context(), missed.ID, func(task *routing.Task) error {
		task.User, task.DueAt, task.ID = "eva", &due, "mine"
		return nil
	})
	must(t, err)
	equal(t, "ID", changed.ID, missed.ID)
	got, err := b.Task(t.Context(), missed.ID)
	must(t, err)
	if !reflect.DeepEqual(got, changed) || got.User != "eva" || !got.DueAt.Equal(due) {
		t.Errorf("changed task: %+v", got)
	}
	refusal := errors.New("no")
	if _, _, err := b.ChangeTask(t.Context(), missed.ID, func(*routing.Task) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("the change's own error: %v", err)
	}
	if _, _, err := b.ChangeTask(t.Context(), "none", func(*routing.Task) error { return nil }); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("an unknown task: %v", err)
	}
}
