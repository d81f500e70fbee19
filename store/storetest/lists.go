package storetest

import (
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

func testCallFilters(t *testing.T, b *bench) {
	yes, no := true, false
	live := b.admit(t, number(1)).Record
	missed := b.admit(t, number(2)).Record
	b.miss(t, missed, "ana")
	out := b.inbound("")
	out.Direction, out.User, out.Playbook = call.Outbound, "eva", "sales-pt"
	b.save(t, ended(out, call.ResultBusy))

	for _, test := range []struct {
		name string
		f    routing.CallFilter
		want []call.ID
	}{
		{"all, newest first", routing.CallFilter{}, []call.ID{out.ID, missed.ID, live.ID}},
		{"active", routing.CallFilter{Active: &yes}, []call.ID{live.ID}},
		{"ended", routing.CallFilter{Active: &no}, []call.ID{out.ID, missed.ID}},
		{"result", routing.CallFilter{Result: call.ResultBusy}, []call.ID{out.ID}},
		{"direction", routing.CallFilter{Direction: call.Inbound}, []call.ID{missed.ID, live.ID}},
		{"user", routing.CallFilter{User: "eva"}, []call.ID{out.ID}},
		{"contact", routing.CallFilter{Contact: missed.ContactID}, []call.ID{missed.ID}},
		{"playbook", routing.CallFilter{Playbooks: []string{"sales-pt"}}, []call.ID{out.ID}},
		{"playbooks", routing.CallFilter{Playbooks: []string{"sales-pt", "sales-es"}}, []call.ID{out.ID, missed.ID, live.ID}},
		{"from", routing.CallFilter{From: missed.StartedAt}, []call.ID{out.ID, missed.ID}},
		{"until", routing.CallFilter{Until: missed.StartedAt}, []call.ID{live.ID}},
		{"from and until", routing.CallFilter{From: missed.StartedAt, Until: out.StartedAt}, []call.ID{missed.ID}},
		{"user and result", routing.CallFilter{User: "eva", Result: call.ResultNoAnswer}, nil},
		{"nobody", routing.CallFilter{User: "zoe"}, nil},
		{"long ago", routing.CallFilter{Until: time.Unix(1, 0)}, nil},
	} {
		got, next, err := b.Calls(t.Context(), test.f)
		must(t, err)
		if !slices.Equal(ids(got), test.want) || next != "" {
			t.Errorf("%s: got %v and %q, want %v", test.name, ids(got), next, test.want)
		}
	}
}

func ids(records []call.Record) []call.ID {
	var list []call.ID
	for _, r := range records {
		list = append(list, r.ID)
	}
	return list
}

// testCallPages reads on page by page while calls go on arriving: every call
// that was there at the first page is seen once.
func testCallPages(t *testing.T, b *bench) {
	const n = 23
	var want []call.ID
	for range n {
		rec := b.inbound("")
		rec.User = "ana"
		b.save(t, rec)
		want = append(want, rec.ID)
	}
	slices.Reverse(want)
	for _, f := range []routing.CallFilter{{}, {User: "ana"}, {Direction: call.Inbound}} {
		var got []call.ID
		f.Page.Limit = 5
		for pages := 0; pages == 0 || f.Page.Cursor != ""; pages++ {
			items, next, err := b.Calls(t.Context(), f)
			must(t, err)
			if len(items) > f.Page.Limit || pages > n {
				t.Fatalf("page %d has %d calls", pages, len(items))
			}
			got = append(got, ids(items)...)
			f.Page.Cursor = next
			late := b.inbound("")
			late.User = "bob"
			b.save(t, late)
		}
		got = slices.DeleteFunc(got, func(id call.ID) bool { return !slices.Contains(want, id) })
		if !slices.Equal(got, want) {
			t.Errorf("pages of %+v:\n got %v\nwant %v", f, got, want)
		}
	}
	exact, next, err := b.Calls(t.Context(), routing.CallFilter{User: "ana", Page: routing.Page{Limit: n}})
	must(t, err)
	if len(exact) != n || next != "" {
		t.Errorf("a page that holds all: %d calls and %q", len(exact), next)
	}
	if _, _, err := b.Calls(t.Context(), routing.CallFilter{Page: routing.Page{Cursor: "\xff junk"}}); err != nil {
		t.Errorf("a cursor of somebody's own: %v", err)
	}
}
