package routing_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
	"tandem/store/bolt"
)

// addressBook is an address book on a real store.
func addressBook(t testing.TB) (*routing.AddressBook, *bolt.Store, *call.Bus) {
	t.Helper()
	store, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "tandem.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	dir, err := routing.NewDirectory(account())
	if err != nil {
		t.Fatal(err)
	}
	bus := call.NewBus(time.Now())
	book, err := routing.NewAddressBook(routing.AddressBookOptions{Contacts: store, Directory: dir, Events: bus})
	if err != nil {
		t.Fatal(err)
	}
	return book, store, bus
}

// list is a file of n contacts with all their columns.
func list(n int) string {
	var b strings.Builder
	b.WriteString("name;phone;mobile;country;owner;follow up;do not call;notes\n")
	for i := range n {
		fmt.Fprintf(&b, "Ana García %d;911%06d;600%06d;ES;ana;;%d;met at the fair, wants to hear from us in spring\n", i, i, i, i%2)
	}
	return b.String()
}

// A file goes in while calls arrive: what is dry is told as it comes to be, what
// was imported is there, and to import it again changes nothing.
func TestImportIntoStore(t *testing.T) {
	const n = 1000
	book, store, _ := addressBook(t)
	file := list(n)
	want := routing.ImportReport{Created: n}
	for i, dry := range []bool{true, false, true, false} {
		if i == 2 {
			want = routing.ImportReport{Unchanged: n}
		}
		got, err := book.Import(t.Context(), strings.NewReader(file), dry)
		if err != nil || got.Created != want.Created || got.Unchanged != want.Unchanged || len(got.Lines) != n {
			t.Fatalf("import %d: %d created, %d unchanged, %v", i, got.Created, got.Unchanged, err)
		}
	}
	c, err := store.ContactByNumber(t.Context(), "+34600000501")
	if err != nil || c.Name != "Ana García 501" || len(c.Numbers) != 2 || c.Owner != "ana" || !c.DoNotCall {
		t.Errorf("contact %+v, %v", c, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := book.Import(ctx, strings.NewReader(file), false); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

// A merge on a real store: the tasks that changed are told of, and a second one
// like it tells of nothing.
func TestMergeInStore(t *testing.T) {
	book, store, bus := addressBook(t)
	var ids [2]string
	for i, number := range []string{"600000001", "600000002"} {
		c, err := book.Create(t.Context(), routing.ContactPatch{Numbers: &[]string{number}})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = c.ID
		rec := call.Record{ID: call.NewID(time.Now()), Direction: call.Inbound, ContactID: c.ID, StartedAt: time.Now(), Result: call.ResultNoAnswer}
		if _, err := store.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec, MissedTask: true}, User: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	sub, _, _ := bus.Subscribe(0)
	defer sub.Close()
	for range 2 {
		if c, err := book.Merge(t.Context(), ids[0], ids[1]); err != nil || c.ID != ids[0] || !c.FollowUp {
			t.Fatalf("merged %+v, %v", c, err)
		}
	}
	var told []string
	for len(sub.Events()) > 0 {
		e := <-sub.Events()
		told = append(told, string(e.Type))
		if task, ok := e.Data.(routing.Task); ok {
			told = append(told, fmt.Sprint(task.State, " ", task.Count))
		}
	}
	if got := strings.Join(told, ", "); got != "contact.changed, contact.changed, task.changed, open 2, task.changed, done 1" {
		t.Errorf("told of %s", got)
	}
}

// BenchmarkImport imports 100,000 contacts into an empty store: at first, dry,
// and again.
func BenchmarkImport(b *testing.B) {
	file := list(100_000)
	run := func(b *testing.B, book *routing.AddressBook, dry bool) {
		b.Helper()
		if r, err := book.Import(b.Context(), strings.NewReader(file), dry); err != nil || r.Refused > 0 {
			b.Fatalf("%d refused, %v", r.Refused, err)
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			book, _, _ := addressBook(b)
			run(b, book, false)
		}
	})
	b.Run("dry", func(b *testing.B) {
		book, _, _ := addressBook(b)
		for b.Loop() {
			run(b, book, true)
		}
	})
	b.Run("again", func(b *testing.B) {
		book, _, _ := addressBook(b)
		run(b, book, false)
		for b.Loop() {
			run(b, book, false)
		}
	})
}
