package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// logged ends a call with somebody and has it logged.
func (b *bench) logged(t *testing.T, number string) call.Record {
	t.Helper()
	rec := b.admit(t, number).Record
	_, err := b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: ended(rec, call.ResultCompleted)}, CRM: "acme"})
	must(t, err)
	rec, err = b.Call(t.Context(), rec.ID)
	must(t, err)
	return rec
}

// later is a time at which everything that was made is due.
func later() time.Time { return start().Add(24 * time.Hour) }

// claim leases for a minute what is due at a time.
func (b *bench) claim(t *testing.T, owner string, limit int, now time.Time) []crm.Job {
	t.Helper()
	jobs, err := b.ClaimEntries(t.Context(), crm.Claim{
		Owner: owner, Limit: limit, Now: now, Until: now.Add(time.Minute), Horizon: now.Add(48 * time.Hour),
	})
	must(t, err)
	return jobs
}

// change changes a leased entry; hold keeps the lease for a minute.
func (b *bench) change(t *testing.T, id call.ID, now time.Time, hold bool, apply func(*crm.Entry)) crm.Job {
	t.Helper()
	c := crm.Change{CallID: id, Owner: "w", Now: now, Apply: func(e crm.Entry) crm.Entry { apply(&e); return e }}
	if hold {
		c.Until = now.Add(time.Minute)
	}
	job, err := b.ChangeEntry(t.Context(), c)
	must(t, err)
	return job
}

func claimed(jobs []crm.Job) []call.ID {
	var list []call.ID
	for _, j := range jobs {
		list = append(list, j.Entry.CallID)
	}
	return list
}

func same(t *testing.T, what string, got []call.ID, want ...call.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// arrive has an entry be in the CRM, with more to say at a time.
func arrive(due time.Time) func(*crm.Entry) {
	return func(e *crm.Entry) {
		e.Done, e.Refs = []crm.Step{crm.StepContact, crm.StepActivity}, crm.Refs{Contact: "c1", Activity: "a1"}
		e.Phase, e.Due = crm.PhaseComplete, due
	}
}

func rest(e *crm.Entry) { e.Phase, e.Due = crm.PhaseRest, time.Time{} }

// testEnqueue: a call lies in the outbox from its end on, once, and says so.
func testEnqueue(t *testing.T, b *bench) {
	live := b.admit(t, number(1)).Record
	_, err := b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: live}, CRM: "acme"})
	must(t, err)
	same(t, "a live call", claimed(b.claim(t, "w", 8, later())))
	for range 2 { // the second time it has ended already
		_, err = b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: ended(live, call.ResultCompleted)}, CRM: "acme"})
		must(t, err)
	}
	quiet := b.admit(t, number(2)).Record
	b.save(t, ended(quiet, call.ResultCompleted))
	unknown := b.inbound("")
	_, err = b.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: ended(unknown, call.ResultCancelled)}, CRM: "acme"})
	must(t, err)

	b.reopen(t)
	jobs := b.claim(t, "w", 8, later())
	same(t, "what is due", claimed(jobs), live.ID, unknown.ID)
	got := jobs[0]
	equal(t, "provider", got.Entry.Provider, "acme")
	equal(t, "number", got.Entry.Number, number(1))
	equal(t, "phase", got.Entry.Phase, crm.PhaseLog)
	equal(t, "name", got.Name, number(1))
	equal(t, "status", got.Record.CRM.Status, crm.SyncPending)
	equal(t, "a withheld caller's number", jobs[1].Entry.Number, "")
	rec, err := b.Call(t.Context(), quiet.ID)
	must(t, err)
	if rec.CRM != nil {
		t.Errorf("a call that is not to be logged says %+v", rec.CRM)
	}
	sum, err := b.SumUpEntries(t.Context())
	must(t, err)
	if !reflect.DeepEqual(sum, crm.Sum{ToLog: 2, Oldest: got.Entry.EndedAt}) {
		t.Errorf("sum: %+v", sum)
	}
}

// testLanes: the calls of one number come one after the other, in the order of
// their ends, the others beside them.
func testLanes(t *testing.T, b *bench) {
	first, other, second := b.logged(t, number(1)), b.logged(t, number(2)), b.logged(t, number(1))
	third := b.logged(t, number(1))
	now := later()
	same(t, "the heads", claimed(b.claim(t, "w", 8, now)), first.ID, other.ID)
	same(t, "leased", claimed(b.claim(t, "v", 8, now)))

	b.change(t, first.ID, now, false, func(e *crm.Entry) { e.Due = now.Add(time.Second) })
	same(t, "behind one that waits", claimed(b.claim(t, "w", 8, now)))
	now = now.Add(time.Second)
	same(t, "waited", claimed(b.claim(t, "w", 8, now)), first.ID)

	b.change(t, first.ID, now, false, arrive(now.Add(time.Hour)))
	same(t, "the next in order", claimed(b.claim(t, "w", 8, now)), second.ID)
	b.change(t, second.ID, now, false, func(e *crm.Entry) { e.Failed = true })
	same(t, "behind one that failed", claimed(b.claim(t, "w", 8, now)), third.ID)
	b.change(t, third.ID, now, false, arrive(now.Add(2*time.Hour)))
	same(t, "all arrived", claimed(b.claim(t, "w", 8, now)))
	b.change(t, other.ID, now, true, arrive(now))

	late := b.logged(t, number(1))
	now = now.Add(90 * time.Minute)
	same(t, "a new call before a completion, and a lease that ran out", claimed(b.claim(t, "w", 8, now)), late.ID, other.ID)
	b.change(t, late.ID, now, false, rest)
	same(t, "a completion", claimed(b.claim(t, "w", 8, now)), first.ID)
	b.change(t, first.ID, now, false, rest)
	same(t, "not due yet", claimed(b.claim(t, "w", 8, now)))
	same(t, "a clock that was set back", claimed(b.claim(t, "w", 8, start().Add(-72*time.Hour))), other.ID, third.ID)
}

// testLeases: a lease is its owner's until it ends.
func testLeases(t *testing.T, b *bench) {
	rec := b.logged(t, number(1))
	now := later()
	change := crm.Change{CallID: rec.ID, Owner: "v", Now: now, Apply: func(e crm.Entry) crm.Entry { e.Failed = true; return e }}
	lost := func(what string) {
		t.Helper()
		if _, err := b.ChangeEntry(t.Context(), change); !errors.Is(err, crm.ErrLeaseLost) {
			t.Errorf("%s: %v", what, err)
		}
	}
	lost("nobody's")
	same(t, "leased", claimed(b.claim(t, "w", 1, now)), rec.ID)
	lost("another's")
	must(t, b.ReleaseEntries(t.Context(), "v"))
	same(t, "still leased", claimed(b.claim(t, "v", 1, now)))
	b.reopen(t)
	same(t, "leased across a restart", claimed(b.claim(t, "v", 1, now)))
	must(t, b.ReleaseEntries(t.Context(), "w"))
	same(t, "released", claimed(b.claim(t, "v", 1, now)), rec.ID)
	now = now.Add(time.Minute)
	same(t, "run out", claimed(b.claim(t, "w", 1, now)), rec.ID)
	lost("taken over")
	job := b.change(t, rec.ID, now, true, func(e *crm.Entry) { e.Done = append(e.Done, crm.StepContact) })
	equal(t, "stored", len(job.Entry.Done), 1)
	same(t, "goes on", claimed(b.claim(t, "v", 1, now)))
	b.change(t, rec.ID, now, false, func(*crm.Entry) {})
	same(t, "given back", claimed(b.claim(t, "v", 1, now)), rec.ID)
	if _, err := b.ChangeEntry(t.Context(), crm.Change{CallID: call.NewID(now), Owner: "w"}); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("no entry: %v", err)
	}
}

// testCRMContacts: what was found for a number is known to its later calls, of
// the same provider, until it is gone or old.
func testCRMContacts(t *testing.T, b *bench) {
	now := later()
	find := func(id string) func(*crm.Entry) { return func(e *crm.Entry) { e.Refs.Contact = id } }
	contact := func(what, want string) call.ID {
		t.Helper()
		rec := b.logged(t, number(1))
		jobs := b.claim(t, "w", 1, now)
		same(t, what, claimed(jobs), rec.ID)
		equal(t, what, jobs[0].Entry.Refs.Contact, want)
		return rec.ID
	}
	id := contact("unknown", "")
	b.change(t, id, now, true, find("c7"))
	b.change(t, id, now, false, rest)
	b.reopen(t)
	id = contact("known", "c7")
	job := b.change(t, id, now, true, func(*crm.Entry) {})
	equal(t, "kept with the entry", job.Entry.Refs.Contact, "c7")
	b.change(t, id, now, true, find(""))
	b.change(t, id, now, false, rest)
	id = contact("forgotten", "")
	b.change(t, id, now, true, find("c8"))
	b.change(t, id, now, false, rest)
	now = now.Add(8 * 24 * time.Hour)
	contact("old", "")
}

// testSyncStatus: a call says how its entry does, and keeps what people wrote.
func testSyncStatus(t *testing.T, b *bench) {
	rec := b.logged(t, number(1))
	now := later()
	b.claim(t, "w", 1, now)
	notes := "call back"
	_, err := b.Note(t.Context(), rec.ID, &notes, nil)
	must(t, err)
	job := b.change(t, rec.ID, now, true, arrive(now))
	for _, got := range []*call.Record{&job.Record, b.stored(t, rec.ID)} {
		equal(t, "synced", *got.CRM, call.Sync{Status: crm.SyncSynced, ID: "a1"})
		equal(t, "notes", got.Notes, notes)
	}
	b.change(t, rec.ID, now, true, func(e *crm.Entry) { e.Failed, e.Error = true, "no such owner" })
	equal(t, "failed", *b.stored(t, rec.ID).CRM, call.Sync{Status: crm.SyncFailed, ID: "a1", Error: "no such owner"})
	sum, err := b.SumUpEntries(t.Context())
	must(t, err)
	if sum.Failed != 1 || sum.ToLog+sum.ToComplete != 0 || len(sum.Failures) != 1 || sum.Failures[0].CallID != rec.ID || !sum.Oldest.IsZero() {
		t.Errorf("sum: %+v", sum)
	}
}

func (b *bench) stored(t *testing.T, id call.ID) *call.Record {
	t.Helper()
	rec, err := b.Call(t.Context(), id)
	must(t, err)
	return &rec
}

// testEdits: what is written about a call after its end has its entry due
// again, in the same transaction.
func testEdits(t *testing.T, b *bench) {
	rec := b.logged(t, number(1))
	now := time.Now().UTC().Add(time.Hour) // edits are due by the engine's own clock
	notes := "first"
	note := func() {
		t.Helper()
		_, err := b.Note(t.Context(), rec.ID, &notes, nil)
		must(t, err)
	}
	note()
	jobs := b.claim(t, "w", 1, now)
	equal(t, "edits before it arrived", jobs[0].Entry.Edits, 1)
	equal(t, "notes", jobs[0].Record.Notes, notes)
	notes = "second"
	note() // while it is leased
	job := b.change(t, rec.ID, now, false, func(e *crm.Entry) {
		equal(t, "edits while leased", e.Edits, 2)
		rest(e)
	})
	equal(t, "fresh notes", job.Record.Notes, notes)
	same(t, "at rest", claimed(b.claim(t, "w", 1, now)))
	note()
	jobs = b.claim(t, "w", 1, now)
	same(t, "edited", claimed(jobs), rec.ID)
	equal(t, "phase", jobs[0].Entry.Phase, crm.PhaseComplete)
	b.change(t, rec.ID, now, false, func(e *crm.Entry) { e.Done = []crm.Step{crm.StepRecording}; rest(e) })
	must(t, b.SetRecording(t.Context(), rec.ID, call.Recording{Seconds: 3}))
	jobs = b.claim(t, "w", 1, now)
	same(t, "recorded", claimed(jobs), rec.ID)
	equal(t, "steps done", len(jobs[0].Entry.Done), 0)
	quiet := b.admit(t, number(2)).Record
	if _, err := b.Note(t.Context(), quiet.ID, &notes, nil); err != nil {
		t.Errorf("a note on a call without an entry: %v", err)
	}
	same(t, "a live call's note", claimed(b.claim(t, "w", 1, now)))
}

// testRetry: what failed comes back in its place.
func testRetry(t *testing.T, b *bench) {
	now := later()
	again := func(e crm.Entry) crm.Entry { return e.Again("acme", now) }
	var ids []call.ID
	for range 3 {
		rec := b.logged(t, number(1))
		same(t, "due", claimed(b.claim(t, "w", 1, now)), rec.ID)
		b.change(t, rec.ID, now, false, func(e *crm.Entry) { e.Failed, e.Error = true, "refused" })
		ids = append(ids, rec.ID)
	}
	if n, err := b.RetryEntries(t.Context(), []call.ID{ids[1], call.NewID(now)}, again); n != 0 || !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("one that is not there: %d, %v", n, err)
	}
	same(t, "nothing changed", claimed(b.claim(t, "w", 1, now)))
	n, err := b.RetryEntries(t.Context(), ids[1:2], again)
	must(t, err)
	equal(t, "retried", n, 1)
	equal(t, "pending again", *b.stored(t, ids[1]).CRM, call.Sync{Status: crm.SyncPending})
	n, err = b.RetryEntries(t.Context(), nil, again)
	must(t, err)
	equal(t, "all others", n, 2)
	for _, id := range ids {
		same(t, "in order", claimed(b.claim(t, "w", 1, now)), id)
		b.change(t, id, now, false, rest)
	}
	n, err = b.RetryEntries(t.Context(), nil, again)
	must(t, err)
	equal(t, "none left", n, 0)
}
