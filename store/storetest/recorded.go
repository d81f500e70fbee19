package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

// recorded makes an ended call with a recording.
func (b *bench) recorded(t *testing.T, from, user, playbook string) call.Record {
	t.Helper()
	rec := b.admit(t, from).Record
	rec.User, rec.Playbook = user, playbook
	rec = ended(rec, call.ResultCompleted)
	b.save(t, rec)
	must(t, b.SetRecording(t.Context(), rec.ID, call.Recording{Seconds: 1, SHA256: "ab"}))
	rec, err := b.Call(t.Context(), rec.ID)
	must(t, err)
	return rec
}

func testRecorded(t *testing.T, b *bench) {
	first := b.recorded(t, number(1), "ana", "sales-es")
	b.save(t, ended(b.admit(t, number(1)).Record, call.ResultCompleted)) // without one
	second := b.recorded(t, number(2), "eva", "sales-es")
	third := b.recorded(t, number(1), "ana", "sales-pt")
	_, err := b.HoldRecording(t.Context(), second.ID, call.LegalHold{By: "boss", At: start(), Reason: "a complaint"})
	must(t, err)
	b.reopen(t)
	for _, test := range []struct {
		name string
		f    routing.CallFilter
		want []call.ID
	}{
		{"all", routing.CallFilter{}, []call.ID{third.ID, second.ID, first.ID}},
		{"of a contact", routing.CallFilter{Contact: first.ContactID}, []call.ID{third.ID, first.ID}},
		{"of a user", routing.CallFilter{User: "eva"}, []call.ID{second.ID}},
		{"of a playbook", routing.CallFilter{Playbooks: []string{"sales-es"}}, []call.ID{second.ID, first.ID}},
		{"of playbooks", routing.CallFilter{Playbooks: []string{"sales-es", "sales-pt"}}, []call.ID{third.ID, second.ID, first.ID}},
		{"of a user in a playbook", routing.CallFilter{User: "ana", Playbooks: []string{"sales-pt"}}, []call.ID{third.ID}},
		{"from", routing.CallFilter{From: second.StartedAt}, []call.ID{third.ID, second.ID}},
		{"until", routing.CallFilter{Until: second.StartedAt}, []call.ID{first.ID}},
		{"held", routing.CallFilter{Held: true}, []call.ID{second.ID}},
		{"held of another user", routing.CallFilter{Held: true, User: "ana"}, nil},
	} {
		test.f.Recorded = true
		got, next, err := b.Calls(t.Context(), test.f)
		must(t, err)
		if !slices.Equal(ids(got), test.want) || next != "" {
			t.Errorf("%s: got %v and %q, want %v", test.name, ids(got), next, test.want)
		}
	}
	page, next, err := b.Calls(t.Context(), routing.CallFilter{Recorded: true, Page: routing.Page{Limit: 2}})
	must(t, err)
	rest, end, err := b.Calls(t.Context(), routing.CallFilter{Recorded: true, Page: routing.Page{Limit: 2, Cursor: next}})
	must(t, err)
	if all := append(ids(page), ids(rest)...); !slices.Equal(all, []call.ID{third.ID, second.ID, first.ID}) || end != "" {
		t.Errorf("by pages: %v and %q", all, end)
	}
}

func testHold(t *testing.T, b *bench) {
	ctx := t.Context()
	rec := b.recorded(t, number(1), "ana", "sales-es")
	hold := call.LegalHold{By: "boss", At: start(), Reason: "a complaint"}
	for range 2 { // the second changes nothing
		held, err := b.HoldRecording(ctx, rec.ID, hold)
		must(t, err)
		if held.Recording.Hold == nil || *held.Recording.Hold != hold {
			t.Fatalf("held: %+v", held.Recording)
		}
	}
	must(t, b.SetRecording(ctx, rec.ID, call.Recording{Seconds: 1, SHA256: "ab"})) // told again
	b.reopen(t)
	if err := b.DropRecording(ctx, rec.ID, routing.Deletion{Why: "old"}); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("a held recording is dropped: %v", err)
	}
	for range 2 {
		_, err := b.ReleaseRecording(ctx, rec.ID, "boss", start().Add(time.Hour))
		must(t, err)
	}
	got, err := b.Call(ctx, rec.ID)
	must(t, err)
	if got.Recording == nil || got.Recording.Hold != nil {
		t.Errorf("released: %+v", got.Recording)
	}
	equal(t, "trail", fmt.Sprint(got.Trail[len(rec.Trail):]), fmt.Sprint([]call.Mark{
		{At: start(), What: "recording_held", User: "boss", Why: "a complaint"},
		{At: start().Add(time.Hour), What: "recording_released", User: "boss", Why: "was held: a complaint"},
	}))

	live := b.admit(t, number(2)).Record
	if _, err := b.HoldRecording(ctx, live.ID, hold); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("hold of a live call: %v", err)
	}
	b.save(t, ended(live, call.ResultNoAnswer))
	for _, id := range []call.ID{live.ID, call.NewID(start())} {
		if _, err := b.HoldRecording(ctx, id, hold); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("hold of what is not there: %v", err)
		}
		if _, err := b.ReleaseRecording(ctx, id, "boss", start()); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("release of what is not there: %v", err)
		}
	}
}

func testDrop(t *testing.T, b *bench) {
	ctx := t.Context()
	rec := b.recorded(t, number(1), "ana", "sales-es")
	for range 2 { // again, after a crash
		must(t, b.DropRecording(ctx, rec.ID, routing.Deletion{At: start(), Why: "older than 30 days"}))
	}
	b.reopen(t)
	got, err := b.Call(ctx, rec.ID)
	must(t, err)
	if got.Recording != nil || len(got.Trail) != len(rec.Trail)+1 {
		t.Fatalf("recording %+v, trail %+v", got.Recording, got.Trail)
	}
	equal(t, "trail", got.Trail[len(rec.Trail)], call.Mark{At: start(), What: "recording_deleted", Why: "older than 30 days"})
	list, _, err := b.Calls(ctx, routing.CallFilter{Recorded: true})
	must(t, err)
	equal(t, "recorded calls", len(list), 0)
	if err := b.DropRecording(ctx, call.NewID(start()), routing.Deletion{}); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("an unknown call: %v", err)
	}
	if err := b.DropRecording(ctx, b.admit(t, number(2)).Record.ID, routing.Deletion{}); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("a live call: %v", err)
	}
}

// access makes one request at so many seconds.
func access(id call.ID, user string, second int, ranges ...string) routing.Access {
	at := start().Add(time.Duration(second) * time.Second)
	return routing.Access{ID: string(call.NewID(at)), CallID: id, User: user, Via: "api", From: "192.0.2.1", Use: routing.UsePlay, Ranges: ranges, At: at}
}

func testAccesses(t *testing.T, b *bench) {
	ctx := t.Context()
	id, other := call.NewID(start()), call.NewID(start())
	export := access(id, "eva", 20)
	export.Use = routing.UseExport
	for _, a := range []routing.Access{
		access(id, "eva", 0, "bytes=0-"), access(id, "eva", 10, "bytes=500-"), access(id, "ana", 15, "bytes=0-"), export,
		access(other, "eva", 25, "bytes=0-"), access(id, "eva", 60, "bytes=0-"), access(id, "eva", 121, "bytes=9-"),
		access(id, "eva", 130, "bytes=0-"),
	} {
		must(t, b.LogAccess(ctx, a))
	}
	b.reopen(t)
	got, next, err := b.Accesses(ctx, id, routing.Page{})
	must(t, err)
	var lines []string
	for _, a := range got {
		lines = append(lines, fmt.Sprintf("%s %s %v x%d %.0f-%.0f", a.User, a.Use, a.Ranges, a.Requests, a.At.Sub(start()).Seconds(), a.Until.Sub(start()).Seconds()))
	}
	want := []string{
		"eva play [bytes=9- bytes=0-] x2 121-130", "eva export [] x1 20-20", "ana play [bytes=0-] x1 15-15",
		"eva play [bytes=0- bytes=500-] x3 0-60",
	}
	if !slices.Equal(lines, want) || next != "" {
		t.Errorf("got %q and %q, want %q", lines, next, want)
	}
	var pages []routing.Access
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, next, err := b.Accesses(ctx, id, routing.Page{Limit: 2, Cursor: cursor})
		must(t, err)
		pages, cursor = append(pages, page...), next
	}
	if len(pages) != len(got) || pages[3].ID != got[3].ID {
		t.Errorf("%d accesses by pages", len(pages))
	}
	for i := range 2 * routing.MaxAccessRanges {
		must(t, b.LogAccess(ctx, access(other, "eva", 26, fmt.Sprintf("bytes=%d-", i))))
	}
	got, _, err = b.Accesses(ctx, other, routing.Page{})
	must(t, err)
	if len(got) != 1 || got[0].Requests != 1+2*routing.MaxAccessRanges || len(got[0].Ranges) != routing.MaxAccessRanges {
		t.Errorf("many ranges: %+v", got)
	}
	if err := b.LogAccess(ctx, routing.Access{CallID: id}); err == nil {
		t.Error("an access without an ID is stored")
	}
}

func testForget(t *testing.T, b *bench) {
	ctx := t.Context()
	first, second := call.NewID(start()), call.NewID(start())
	for i := range 6 {
		must(t, b.LogAccess(ctx, access([]call.ID{first, second}[i%2], "eva", 100*i)))
	}
	limit := start().Add(350 * time.Second)
	for _, want := range []int{3, 1, 0} {
		n, err := b.ForgetAccesses(ctx, limit, 3)
		must(t, err)
		equal(t, "forgotten", n, want)
	}
	for _, id := range []call.ID{first, second} {
		left, _, err := b.Accesses(ctx, id, routing.Page{})
		must(t, err)
		if len(left) != 1 || left[0].At.Before(limit) {
			t.Errorf("left: %+v", left)
		}
	}
}
