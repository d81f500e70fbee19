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

// absorb is a join that takes over what routing's would.
func absorb(kept *routing.Contact, gone routing.Contact) error {
	kept.Numbers = append(kept.Numbers, gone.Numbers...)
	kept.FollowUp = kept.FollowUp || gone.FollowUp
	return nil
}

// mergeable is a store with two contacts of which each called, missed once.
func mergeable(t *testing.T, b *bench) (keep, gone routing.Admitted, missed [2]routing.Task) {
	t.Helper()
	keep, gone = b.admit(t, number(1)), b.admit(t, number(2))
	missed[0] = *b.miss(t, keep.Record, "ana").Missed
	missed[1] = *b.miss(t, gone.Record, "eva").Missed
	return keep, gone, missed
}

func testMerge(t *testing.T, b *bench) {
	keep, gone, missed := mergeable(t, b)
	again := b.admit(t, number(2)).Record // the newest call of all, on another of our numbers
	again.Number = "+34910000002"
	b.save(t, again)

	m, err := b.MergeContacts(t.Context(), keep.Contact.ID, gone.Contact.ID, absorb)
	must(t, err)
	c := m.Contact
	if c.ID != keep.Contact.ID || !slices.Equal(c.Numbers, []string{number(1), number(2)}) || !c.FollowUp || c.LastNumber != again.Number {
		t.Errorf("merged %+v", c)
	}
	equal(t, "calls moved", m.Calls, 2)
	equal(t, "who went", m.Gone.ID, gone.Contact.ID)
	for _, id := range []string{keep.Contact.ID, gone.Contact.ID} { // the old ID finds all that the new one does
		got, err := b.Contact(t.Context(), id)
		must(t, err)
		if !reflect.DeepEqual(got, c) {
			t.Errorf("contact %s is %+v", id, got)
		}
		calls, _, err := b.Calls(t.Context(), routing.CallFilter{Contact: id})
		must(t, err)
		if want := []call.ID{again.ID, gone.Record.ID, keep.Record.ID}; !slices.Equal(ids(calls), want) {
			t.Errorf("calls of %s: %v, want %v", id, ids(calls), want)
		}
		tasks, _, err := b.Tasks(t.Context(), routing.TaskFilter{Contact: id})
		must(t, err)
		equal(t, "tasks", len(tasks), 5)
		for _, task := range tasks {
			equal(t, "contact of task "+task.ID, task.ContactID, keep.Contact.ID)
		}
	}
	got, err := b.ContactByNumber(t.Context(), number(2))
	must(t, err)
	equal(t, "owner of the number", got.ID, keep.Contact.ID)
	all, _, err := b.Contacts(t.Context(), routing.ContactFilter{})
	must(t, err)
	equal(t, "contacts", len(all), 1)
	mergedTasks(t, b, m, missed)
}

// mergedTasks checks that one open Missed Call task stands for both.
func mergedTasks(t *testing.T, b *bench, m routing.Merged, missed [2]routing.Task) {
	t.Helper()
	open, _, err := b.Tasks(t.Context(), routing.TaskFilter{Kind: routing.TaskMissedCall, State: call.TaskOpen})
	must(t, err)
	if len(open) != 1 || open[0].ID != missed[0].ID || open[0].Count != 2 || open[0].User != "ana" ||
		open[0].CallID != missed[1].CallID || !open[0].UpdatedAt.Equal(missed[1].UpdatedAt) {
		t.Errorf("open missed calls %+v", open)
	}
	done, err := b.Task(t.Context(), missed[1].ID)
	must(t, err)
	if done.State != call.TaskDone || done.Count != 1 {
		t.Errorf("the other task %+v", done)
	}
	var told []string
	for _, task := range m.Tasks {
		stored, err := b.Task(t.Context(), task.ID)
		must(t, err)
		if !reflect.DeepEqual(stored, task) {
			t.Errorf("told of %+v, stored %+v", task, stored)
		}
		told = append(told, task.ID)
	}
	if !slices.Contains(told, missed[0].ID) || !slices.Contains(told, missed[1].ID) || len(told) != 3 {
		t.Errorf("told of tasks %v, want both missed calls and the call that lasts", told)
	}
	// The books follow: eva has nothing to do, and the next missed call adds to the task.
	next := b.admit(t, number(2)).Record
	closed, err := b.SaveCall(t.Context(), routing.Closing{
		Change: call.Change{Record: ended(next, call.ResultNoAnswer), Task: call.TaskDone, MissedTask: true}, Least: []string{"ana", "eva"},
	})
	must(t, err)
	if closed.Created || closed.Missed.ID != missed[0].ID || closed.Missed.Count != 3 {
		t.Errorf("missed again: %+v", closed.Missed)
	}
	_, flagged, err := b.ChangeTask(t.Context(), missed[0].ID, func(task *routing.Task) error { task.State = call.TaskDone; return nil })
	must(t, err)
	if flagged == nil || flagged.ID != m.Contact.ID || flagged.FollowUp {
		t.Errorf("done: contact %+v", flagged)
	}
}

// testMergeOneMissed: the one open task becomes the contact's that stays.
func testMergeOneMissed(t *testing.T, b *bench) {
	keep, gone := b.admit(t, number(1)), b.admit(t, number(2))
	task := b.miss(t, gone.Record, "eva").Missed
	_, err := b.MergeContacts(t.Context(), keep.Contact.ID, gone.Contact.ID, absorb)
	must(t, err)
	again := b.miss(t, keep.Record, "ana")
	if again.Created || again.Missed.ID != task.ID || again.Missed.Count != 2 || again.Missed.User != "eva" {
		t.Errorf("missed again: %+v", again.Missed)
	}
}

// testMergeLive: a call that began before the merge ends as the contact's that
// stays, though it knows the other's ID.
func testMergeLive(t *testing.T, b *bench) {
	keep, gone := b.admit(t, number(1)), b.admit(t, number(2))
	out := b.inbound("")
	out.Direction, out.ContactID = call.Outbound, gone.Contact.ID
	_, err := b.MergeContacts(t.Context(), keep.Contact.ID, gone.Contact.ID, absorb)
	must(t, err)
	closed := b.miss(t, gone.Record, "ana")
	if closed.Contact == nil || closed.Contact.ID != keep.Contact.ID || closed.Missed.ContactID != keep.Contact.ID {
		t.Errorf("closed %+v", closed)
	}
	b.save(t, ended(out, call.ResultBusy)) // stored for the first time after the merge
	calls, _, err := b.Calls(t.Context(), routing.CallFilter{Contact: keep.Contact.ID})
	must(t, err)
	if want := []call.ID{out.ID, gone.Record.ID, keep.Record.ID}; !slices.Equal(ids(calls), want) {
		t.Errorf("calls %v, want %v", ids(calls), want)
	}
	changed, err := b.ChangeContact(t.Context(), gone.Contact.ID, func(c *routing.Contact) error { c.Owner = "eva"; return nil })
	must(t, err)
	if changed.ID != keep.Contact.ID || changed.Owner != "eva" {
		t.Errorf("changed by the old ID: %+v", changed)
	}
}

// testMergeChain: an ID is followed through several merges, and all of it
// outlives a restart.
func testMergeChain(t *testing.T, b *bench) {
	var list [3]routing.Contact
	for n := range list {
		list[n] = contact(n, "somebody", number(n))
		must(t, b.CreateContact(t.Context(), list[n]))
	}
	for n := range 2 {
		_, err := b.MergeContacts(t.Context(), list[n+1].ID, list[n].ID, absorb)
		must(t, err)
	}
	b.reopen(t)
	c, err := b.Contact(t.Context(), list[0].ID)
	must(t, err)
	if c.ID != list[2].ID || len(c.Numbers) != 3 {
		t.Errorf("contact %+v", c)
	}
	// Asked for again, by whatever IDs: nothing changes.
	m, err := b.MergeContacts(t.Context(), list[2].ID, list[0].ID, func(*routing.Contact, routing.Contact) error { return errors.New("asked") })
	must(t, err)
	if m.Gone.ID != "" || !reflect.DeepEqual(m.Contact, c) {
		t.Errorf("merged again: %+v", m)
	}
}

// testMergeRefused: what cannot be merged stays as it is.
func testMergeRefused(t *testing.T, b *bench) {
	keep, gone, _ := mergeable(t, b)
	refusal := errors.New("no")
	_, err := b.MergeContacts(t.Context(), keep.Contact.ID, gone.Contact.ID, func(kept *routing.Contact, _ routing.Contact) error {
		kept.Numbers[0] = "+1"
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("join's own error: %v", err)
	}
	for _, pair := range [][2]string{{keep.Contact.ID, "nobody"}, {"nobody", gone.Contact.ID}} {
		if _, err := b.MergeContacts(t.Context(), pair[0], pair[1], absorb); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("%v: %v", pair, err)
		}
	}
	for n, a := range []routing.Admitted{keep, gone} {
		c, err := b.ContactByNumber(t.Context(), number(n+1))
		must(t, err)
		calls, _, err := b.Calls(t.Context(), routing.CallFilter{Contact: a.Contact.ID})
		must(t, err)
		if c.ID != a.Contact.ID || len(calls) != 1 {
			t.Errorf("contact %+v with %d calls", c, len(calls))
		}
	}
}

// testChangeContacts: many at once, all or none.
func testChangeContacts(t *testing.T, b *bench) {
	known := contact(1, "Ana", number(1))
	must(t, b.CreateContact(t.Context(), known))
	err := b.ChangeContacts(t.Context(), func(l routing.ContactLedger) error {
		c, err := l.ByNumber(number(1))
		if err != nil {
			return err
		}
		c.Numbers = append(c.Numbers, number(2))
		if err := errors.Join(l.PutContact(c), l.PutContact(contact(2, "Luis", number(3)))); err != nil {
			return err
		}
		if err := l.PutContact(contact(3, "Eva", number(4), number(2))); !errors.Is(err, routing.ErrConflict) {
			t.Errorf("a number that was just taken: %v", err)
		}
		if _, err := l.ByNumber(number(4)); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("a refused contact left a number: %v", err)
		}
		return nil
	})
	must(t, err)
	refusal := errors.New("no")
	err = b.ChangeContacts(t.Context(), func(l routing.ContactLedger) error {
		return errors.Join(l.PutContact(contact(4, "Leo", number(5))), refusal)
	})
	if !errors.Is(err, refusal) {
		t.Errorf("the change's own error: %v", err)
	}
	for n, want := range map[int]string{1: "Ana", 2: "Ana", 3: "Luis", 4: "", 5: ""} {
		c, err := b.ContactByNumber(t.Context(), number(n))
		if c.Name != want || want == "" && !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("number %d is %q's, %v; want %q", n, c.Name, err, want)
		}
	}
}

func testContactFilters(t *testing.T, b *bench) {
	yes, no := true, false
	ana, bob := contact(1, "Ana García López", number(11)), contact(2, "Bob", number(21))
	ana.Owner, bob.DoNotCall, bob.CreatedAt = "eva", true, bob.CreatedAt.Add(time.Second)
	must(t, b.CreateContact(t.Context(), ana))
	must(t, b.CreateContact(t.Context(), bob))
	for _, test := range []struct {
		name string
		f    routing.ContactFilter
		want []string
	}{
		{"owner", routing.ContactFilter{Owner: "eva"}, []string{"Ana García López"}},
		{"part of an owner", routing.ContactFilter{Owner: "ev"}, nil},
		{"do not call", routing.ContactFilter{DoNotCall: &yes}, []string{"Bob"}},
		{"may be called", routing.ContactFilter{DoNotCall: &no}, []string{"Ana García López"}},
		{"number and owner", routing.ContactFilter{Number: number(21), Owner: "eva"}, nil},
		{"words in any order", routing.ContactFilter{Query: "  lopez ANA "}, []string{"Ana García López"}},
		{"a word that is not there", routing.ContactFilter{Query: "ana pérez"}, nil},
	} {
		items, _, err := b.Contacts(t.Context(), test.f)
		must(t, err)
		var got []string
		for _, c := range items {
			got = append(got, c.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
