// Package storetest holds the contract of a store as tests. Every engine runs
// them with its own Opener.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// Signalling is what sip keeps beyond a crash.
type Signalling interface {
	SaveBinding(ctx context.Context, b call.Binding) error
	DeleteBinding(ctx context.Context, b call.Binding) error
	Bindings(ctx context.Context) ([]call.Binding, error)
}

// Dialogs is the part of it that nobody waits for.
type Dialogs interface {
	SaveDialog(d call.Dialog, stored func())
	DeleteDialog(leg call.LegID)
	Dialogs(ctx context.Context) ([]call.Dialog, error)
	// Alive is the last sign of life of the run before this one.
	Alive(ctx context.Context) (time.Time, error)
}

// Engine is everything that a store does.
type Engine interface {
	routing.Journal
	routing.Annotations
	routing.Shelf
	routing.AccessLog
	routing.Contacts
	routing.ContactStore
	routing.Tasks
	routing.Desk
	routing.Tokens
	Signalling
	Dialogs
	crm.Outbox
	Close() error
}

// Opener opens the store that lies in a folder; the second time, it finds what
// was stored the first time.
type Opener func(t *testing.T, dir string) Engine

// Run runs the contract against an engine.
func Run(t *testing.T, open Opener) {
	groups := []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"admit", testAdmit}, {"admit with little said", testAdmitBare},
		{"admit one new number at once", testAdmitAtOnce},
		{"place", testPlace}, {"place to one new number at once", testPlaceAtOnce},
		{"withheld callers stay apart", testWithheld}, {"save", testSave},
		{"an ended call stays as it ended", testEnded}, {"the call's task", testCallTask},
		{"others' words are kept", testAnnotations}, {"unfinished", testUnfinished},
		{"missed once per call", testMissedOnce}, {"missed again extends the task", testMissedAgain},
		{"missed at once", testMissedAtOnce}, {"least loaded", testLeastLoaded},
		{"follow-up flag", testFlag},
		{"contacts", testContacts}, {"contact search", testContactSearch}, {"numbers are unique", testNumbers},
		{"contact filters", testContactFilters}, {"many contacts at once", testChangeContacts},
		{"merge", testMerge}, {"merge with one missed", testMergeOneMissed}, {"merge during a call", testMergeLive},
		{"merge after merge", testMergeChain}, {"merge refused", testMergeRefused},
		{"tasks", testTasks}, {"call filters", testCallFilters}, {"call pages", testCallPages},
		{"recorded calls", testRecorded}, {"holds", testHold}, {"dropped recordings", testDrop},
		{"accesses", testAccesses}, {"accesses are forgotten", testForget},
		{"desk", testDesk}, {"tokens", testTokens}, {"bindings", testBindings}, {"dialogs", testDialogs},
		{"the outbox gets ended calls", testEnqueue}, {"lanes of the outbox", testLanes}, {"leases of the outbox", testLeases},
		{"contacts of the CRM", testCRMContacts}, {"what a call says of the CRM", testSyncStatus},
		{"edits go into the outbox", testEdits}, {"retries in the outbox", testRetry},
		{"everything outlives a restart", testReopen}, {"context", testContext},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			b := &bench{open: open, dir: t.TempDir()}
			b.Engine = open(t, b.dir)
			t.Cleanup(func() {
				if err := b.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			g.test(t, b)
		})
	}
}

// bench is one test's store.
type bench struct {
	Engine
	open  Opener
	dir   string
	calls int
}

// start is when the tests' first call begins.
func start() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

// reopen closes the store and opens it again.
func (b *bench) reopen(t *testing.T) {
	t.Helper()
	must(t, b.Close())
	b.Engine = b.open(t, b.dir)
}

// inbound makes the record of the next call, a minute after the one before.
func (b *bench) inbound(from string) call.Record {
	b.calls++
	at := start().Add(time.Duration(b.calls) * time.Minute)
	return call.Record{
		ID: call.NewID(at), Direction: call.Inbound, Mode: call.Manual, State: call.StateQueued,
		From: from, To: "+34910000001", Number: "+34910000001", Trunk: "carrier",
		Playbook: "sales-es", StartedAt: at,
	}
}

// admission is an arriving call as routing hands it over.
func (b *bench) admission(from string) routing.Admission {
	rec := b.inbound(from)
	a := routing.Admission{
		Record: rec,
		Task: routing.Task{
			ID: string(call.NewID(rec.StartedAt)), Kind: routing.TaskInboundCall, State: call.TaskOpen,
			Playbook: rec.Playbook, CallID: rec.ID, CreatedAt: rec.StartedAt, UpdatedAt: rec.StartedAt,
		},
	}
	if from != "" {
		a.Caller = &routing.Contact{
			ID: string(call.NewID(rec.StartedAt)), Name: from, Numbers: []string{from},
			Country: "ES", CreatedAt: rec.StartedAt,
		}
	}
	return a
}

func (b *bench) admit(t *testing.T, from string) routing.Admitted {
	t.Helper()
	got, err := b.Admit(t.Context(), b.admission(from))
	must(t, err)
	return got
}

// ended returns the record as it is when the call has ended so.
func ended(rec call.Record, result call.Result) call.Record {
	at := rec.StartedAt.Add(30 * time.Second)
	rec.State, rec.Result, rec.EndedAt = call.StateEnded, result, &at
	rec.Missed = rec.Direction == call.Inbound && result != call.ResultCompleted
	return rec
}

// miss ends a call as missed, for a user.
func (b *bench) miss(t *testing.T, rec call.Record, user string) routing.Closed {
	t.Helper()
	got, err := b.SaveCall(t.Context(), missing(rec, user))
	must(t, err)
	return got
}

// missing is how routing stores a call that nobody took.
func missing(rec call.Record, user string) routing.Closing {
	return routing.Closing{
		Change: call.Change{Record: ended(rec, call.ResultNoAnswer), Task: call.TaskDone, MissedTask: true},
		User:   user,
	}
}

// save stores a record and nothing that follows from it.
func (b *bench) save(t *testing.T, rec call.Record) {
	t.Helper()
	_, err := b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec}})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// number is the nth phone number of the tests.
func number(n int) string { return fmt.Sprintf("+3460000%04d", n) }
