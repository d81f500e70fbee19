package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"tandem/call"
	"tandem/routing"
)

// outbound makes a call to a number, with the contact that it may make.
func (b *bench) outbound(to string) routing.Placing {
	rec := b.inbound("")
	rec.Direction, rec.State, rec.From, rec.To, rec.User = call.Outbound, call.StateDialing, rec.Number, to, "ana"
	return routing.Placing{
		Record: rec,
		Callee: &routing.Contact{ID: "C" + string(rec.ID), Name: to, Numbers: []string{to}, CreatedAt: rec.StartedAt},
	}
}

func testPlace(t *testing.T, b *bench) {
	first := b.outbound("+34600111222")
	got, err := b.Place(t.Context(), first)
	must(t, err)
	if !got.Created || got.Contact == nil || got.Record.ContactID != got.Contact.ID || got.Contact.LastNumber != "" {
		t.Fatalf("placed %+v", got)
	}
	if _, err := b.Place(t.Context(), first); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("the same call twice: %v", err)
	}
	again, err := b.Place(t.Context(), b.outbound("+34600111222"))
	must(t, err)
	if again.Created || again.Contact.ID != got.Contact.ID {
		t.Errorf("the same number again: %+v", again)
	}
	inside := b.outbound("102")
	inside.Callee = nil
	got, err = b.Place(t.Context(), inside)
	must(t, err)
	if got.Contact != nil || got.Record.ContactID != "" {
		t.Errorf("a colleague: %+v", got)
	}
	b.reopen(t)
	unfinished, err := b.Unfinished(t.Context())
	must(t, err)
	if len(unfinished) != 3 || !slices.ContainsFunc(unfinished, func(r call.Record) bool { return r.ID == first.Record.ID && r.ContactID != "" }) {
		t.Errorf("after a restart: %+v", unfinished)
	}
}

// testPlaceAtOnce: calls to one new number at once make one contact.
func testPlaceAtOnce(t *testing.T, b *bench) {
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		p := b.outbound("+34600111222")
		all.Go(func() {
			got, err := b.Place(t.Context(), p)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = got.Record.ContactID
		})
	}
	all.Wait()
	if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
		t.Errorf("contacts %v", ids)
	}
}
