package storetest

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

func testDesk(t *testing.T, b *bench) {
	ctx := t.Context()
	status := routing.UserStatus{User: "ana", Status: routing.StatusBreak, Reason: "lunch", Since: start()}
	must(t, b.SetUserStatus(ctx, status))
	status.Reason = "coffee"
	must(t, b.SetUserStatus(ctx, status))
	statuses, err := b.UserStatuses(ctx)
	must(t, err)
	if !slices.Equal(statuses, []routing.UserStatus{status}) {
		t.Errorf("statuses: %+v", statuses)
	}
	override := routing.Override{Playbook: "sales-es", Until: start().Add(time.Hour), By: "eva", At: start()}
	must(t, b.SetOverride(ctx, override))
	overrides, err := b.Overrides(ctx)
	must(t, err)
	if !slices.Equal(overrides, []routing.Override{override}) {
		t.Errorf("overrides: %+v", overrides)
	}
	for range 2 {
		must(t, b.ClearOverride(ctx, "sales-es"))
	}
	overrides, err = b.Overrides(ctx)
	must(t, err)
	equal(t, "overrides left", len(overrides), 0)
}

func testTokens(t *testing.T, b *bench) {
	ctx := t.Context()
	token := func(n int, hash string) routing.Token {
		at := start().Add(time.Duration(n) * time.Second)
		return routing.Token{ID: string(call.NewID(at)), Hash: hash, User: "ana", CreatedAt: at}
	}
	first, second := token(1, "ff"), token(2, "00")
	must(t, b.AddToken(ctx, second))
	must(t, b.AddToken(ctx, first))
	if err := b.AddToken(ctx, token(3, "")); err == nil {
		t.Error("a token without a hash")
	}
	b.reopen(t)
	tokens, err := b.Tokens(ctx)
	must(t, err)
	if !slices.Equal(tokens, []routing.Token{first, second}) {
		t.Errorf("tokens, oldest first: %+v", tokens)
	}
	must(t, b.RemoveToken(ctx, first.ID))
	if err := b.RemoveToken(ctx, first.ID); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	for hash, want := range map[string]error{"00": nil, "ff": routing.ErrNotFound, "": routing.ErrNotFound} {
		if _, err := b.TokenByHash(ctx, hash); !errors.Is(err, want) {
			t.Errorf("token of %q: %v", hash, err)
		}
	}
}

// binding makes a registration that lives for another while.
func binding(user, uri string, life time.Duration) call.Binding {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return call.Binding{
		User: user, ContactURI: uri, Transport: "udp", Source: netip.MustParseAddrPort("192.0.2.7:5061"),
		CallID: "a@b", CSeq: 4, UserAgent: "phone", Registered: now, Expires: now.Add(life),
	}
}

func testBindings(t *testing.T, b *bench) {
	ctx := t.Context()
	desk, mobile := binding("ana", "sip:ana@192.0.2.7", time.Hour), binding("ana", "sip:ana@192.0.2.8", time.Hour)
	other, expired := binding("ana2", "sip:x", time.Hour), binding("eva", "sip:eva@192.0.2.9", -time.Second)
	for _, each := range []call.Binding{desk, mobile, other, expired} {
		must(t, b.SaveBinding(ctx, each))
	}
	desk.CSeq = 5
	must(t, b.SaveBinding(ctx, desk))
	for range 2 {
		must(t, b.DeleteBinding(ctx, mobile))
	}
	got, err := b.Bindings(ctx)
	must(t, err)
	if !reflect.DeepEqual(got, []call.Binding{desk, other}) {
		t.Errorf("bindings: %+v", got)
	}
	if err := b.SaveBinding(ctx, binding("", "sip:x", time.Hour)); err == nil {
		t.Error("a binding of nobody")
	}
}

func dialog(leg call.LegID) call.Dialog {
	return call.Dialog{
		Leg: leg, Confirmed: true, CallID: "c@d", Local: "<sip:a>;tag=1", Remote: "<sip:b>;tag=2", Target: "sip:b@192.0.2.7",
		RouteSet: []string{"<sip:p;lr>"}, LocalCSeq: 7, Transport: "udp", Source: netip.MustParseAddrPort("192.0.2.7:5060"),
	}
}

func testDialogs(t *testing.T, b *bench) {
	id := call.NewID(start())
	early, gone, kept := dialog(id.Leg(1)), dialog(id.Leg(2)), dialog(id.Leg(3))
	early.Confirmed = false
	b.SaveDialog(early, nil)
	b.SaveDialog(gone, nil)
	b.SaveDialog(kept, nil)
	early.Confirmed = true
	stored := make(chan struct{}, 2)
	b.SaveDialog(early, func() { stored <- struct{}{} })
	b.DeleteDialog(gone.Leg)
	<-stored
	b.DeleteDialog(id.Leg(9))
	for range 2 {
		got, err := b.Dialogs(t.Context())
		must(t, err)
		if !reflect.DeepEqual(got, []call.Dialog{early, kept}) {
			t.Errorf("dialogs: %+v", got)
		}
		b.reopen(t)
	}
	if len(stored) > 0 {
		t.Error("told twice that a dialog is stored")
	}
}

func testReopen(t *testing.T, b *bench) {
	ctx := t.Context()
	got := b.admit(t, number(1))
	missed := b.miss(t, got.Record, "ana")
	must(t, b.SetUserStatus(ctx, routing.UserStatus{User: "ana", Status: routing.StatusBreak, Since: start()}))
	must(t, b.SetOverride(ctx, routing.Override{Playbook: "sales-es", Until: start(), At: start()}))
	phone := binding("ana", "sip:ana@192.0.2.7", time.Hour)
	must(t, b.SaveBinding(ctx, phone))
	b.SaveDialog(dialog(got.Record.ID.Leg(1)), nil)
	before := b.everything(t)
	last := time.Now()
	b.reopen(t)
	if after := b.everything(t); !reflect.DeepEqual(before, after) {
		t.Errorf("changed by a restart:\n was %+v\n  is %+v", before, after)
	}
	alive, err := b.Alive(ctx)
	must(t, err)
	if alive.Before(last.Add(-time.Minute)) || alive.After(time.Now()) {
		t.Errorf("the last sign of life: %v", alive)
	}
	again := b.miss(t, b.admit(t, number(1)).Record, "ana")
	if again.Created || again.Missed.ID != missed.Missed.ID {
		t.Errorf("the open task was forgotten: %+v", again.Missed)
	}
}

// everything reads the whole store.
func (b *bench) everything(t *testing.T) []any {
	t.Helper()
	ctx := t.Context()
	var all []any
	add := func(v any, err error) {
		t.Helper()
		must(t, err)
		all = append(all, v)
	}
	calls, _, err := b.Calls(ctx, routing.CallFilter{})
	add(calls, err)
	contacts, _, err := b.Contacts(ctx, routing.ContactFilter{})
	add(contacts, err)
	tasks, _, err := b.Tasks(ctx, routing.TaskFilter{})
	add(tasks, err)
	statuses, err := b.UserStatuses(ctx)
	add(statuses, err)
	overrides, err := b.Overrides(ctx)
	add(overrides, err)
	bindings, err := b.Bindings(ctx)
	add(bindings, err)
	dialogs, err := b.Dialogs(ctx)
	add(dialogs, err)
	return all
}
