package crm_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// An ended call appears at once and is completed sync_after its end; what is
// written later follows, and what says nothing new is not sent.
func TestLogAndComplete(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		sub, _, _ := h.bus.Subscribe(0)
		defer sub.Close()
		id := h.end(phone(1))
		if s := h.status(id); s.Status != crm.SyncPending {
			t.Errorf("at its end: %+v", s)
		}
		pass(5 * time.Second)
		is := h.vendor.of(id)
		if is == nil || is.contact != "acme-c1" || len(is.sent) != 0 {
			t.Fatalf("5 s after its end: %+v", is)
		}
		if s := h.status(id); s != (call.Sync{Status: crm.SyncSynced, ID: is.id}) {
			t.Errorf("once it is there: %+v", s)
		}
		if e := <-sub.Events(); e.Type != call.EventCRMSynced || e.CallID != id || e.Call.CRM.Status != crm.SyncSynced {
			t.Errorf("event %+v", e)
		}
		pass(time.Minute)
		h.note(id, "one minute")
		pass(3 * time.Minute)
		h.note(id, "four minutes")
		pass(2 * time.Minute)
		is = h.vendor.of(id)
		if len(is.sent) != 1 || !strings.Contains(is.activity.Body, "four minutes") {
			t.Fatalf("after six minutes: %d completions, %s", len(is.sent), is.activity.Body)
		}
		if after := is.sent[0].Sub(is.activity.EndedAt); after < syncAfter || after > syncAfter+2*time.Second {
			t.Errorf("completed %v after the end", after)
		}
		pass(14 * time.Minute)
		h.note(id, "twenty minutes")
		h.note(id, "twenty minutes, again")
		pass(time.Minute)
		is = h.vendor.of(id)
		if len(is.sent) != 2 || !strings.Contains(is.activity.Body, "again") {
			t.Errorf("after the late note: %d completions, %s", len(is.sent), is.activity.Body)
		}
		asked := h.vendor.count()
		h.note(id, "twenty minutes, again")
		pass(10 * time.Minute)
		if h.vendor.count() != asked || len(h.vendor.activities) != 1 {
			t.Errorf("%d requests for nothing, %d activities", h.vendor.count()-asked, len(h.vendor.activities))
		}
		if n, err := testutil.GatherAndCount(h.reg, "tandem_crm_lag_seconds", "tandem_crm_pending", "tandem_crm_stopped"); n != 5 || err != nil {
			t.Errorf("%d metrics, %v", n, err)
		}
	})
}

// A recording that is sealed late is told of, and an edit while a completion is
// under way is not lost.
func TestEditsMeanwhile(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.worker.Apply(crm.Settings{Vendor: h.vendor, SyncAfter: syncAfter, Style: crm.Style{PublicURL: "https://pbx.example"}})
		id := h.end(phone(1))
		h.vendor.set(nil, func(s crm.Step, _ crm.Activity) error {
			if s == crm.StepCompletion {
				h.vendor.set(nil, nil)
				h.note(id, "written meanwhile")
			}
			return nil
		})
		pass(time.Minute)
		h.must(h.store.SetRecording(t.Context(), id, call.Recording{Seconds: 40}))
		pass(5 * time.Minute)
		is := h.vendor.of(id)
		if len(is.sent) != 2 || !strings.Contains(is.activity.Body, "written meanwhile") || is.activity.Recording == "" {
			t.Errorf("%d completions of %+v", len(is.sent), is.activity)
		}
	})
}

// Calls of one person come in order and one at a time, those of others beside
// them, up to a bound; one new number makes one contact.
func TestOrder(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.vendor.slow(time.Second)
		byNumber := map[string][]call.ID{}
		for n := range 60 {
			number := phone(n % 20)
			if n%20 == 19 {
				number = ""
			}
			byNumber[number] = append(byNumber[number], h.end(number))
		}
		pass(2 * time.Minute)
		at := map[call.ID]time.Time{}
		for id, is := range h.vendor.activities {
			at[id] = is.at
		}
		if len(at) != 60 || len(h.vendor.contacts) != 19 || h.vendor.made != 19 || h.vendor.most != 8 {
			t.Errorf("%d activities, %d contacts of %d made, %d requests at once", len(at), len(h.vendor.contacts), h.vendor.made, h.vendor.most)
		}
		for number, ids := range byNumber {
			for i := 1; i < len(ids) && number != ""; i++ {
				if !at[ids[i]].After(at[ids[i-1]]) {
					t.Errorf("%s: call %d appeared at %v, the one before at %v", number, i, at[ids[i]], at[ids[i-1]])
				}
			}
		}
		for id, is := range h.vendor.activities {
			if (is.activity.Number == "") != (is.contact == "") {
				t.Errorf("call %s of %q belongs to %q", id, is.activity.Number, is.contact)
			}
		}
	})
}

// What passes is tried again; what never will is parked until it is retried.
func TestFaults(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		bad, good := h.end(phone(1)), h.end(phone(2))
		h.vendor.set(func(_ crm.Step, a crm.Activity) error {
			if a.CallID == bad {
				return &crm.Fault{Kind: crm.FaultRefused, Say: "the account's own\nrules refuse it"}
			}
			return nil
		}, nil)
		next := h.end(phone(1))
		pass(time.Minute)
		if s := h.status(bad); s != (call.Sync{Status: crm.SyncFailed, Error: "the account's own rules refuse it"}) {
			t.Errorf("refused: %+v", s)
		}
		if h.vendor.of(good) == nil || h.vendor.of(next) == nil {
			t.Error("one call that is refused holds others up")
		}
		if s := h.sum(); s.Failed != 1 || s.ToLog != 0 || s.Failures[0].CallID != bad || s.Stop != crm.StopNone || s.Error == "" {
			t.Errorf("status %+v", s)
		}
		h.vendor.set(nil, nil)
		if n, err := h.worker.Retry(t.Context(), nil); n != 1 || err != nil {
			t.Errorf("retried %d, %v", n, err)
		}
		pass(10 * time.Second)
		if s := h.status(bad); s.Status != crm.SyncSynced || s.Error != "" {
			t.Errorf("retried: %+v", s)
		}
		if n, err := h.worker.Retry(t.Context(), []call.ID{call.NewID(time.Now())}); n != 0 || err == nil {
			t.Errorf("retried what is not there: %d, %v", n, err)
		}
	})
}

// After is obeyed, and while a call waits it says why.
func TestAfter(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		id := h.end(phone(1))
		h.vendor.set(always(crm.Fault{Kind: crm.FaultRetry, After: 10 * time.Minute, Say: "come later"}), nil)
		pass(9 * time.Minute)
		if n := h.vendor.count(); n != 1 {
			t.Errorf("%d requests within After", n)
		}
		if s := h.status(id); s != (call.Sync{Status: crm.SyncPending, Error: "come later"}) {
			t.Errorf("while it waits: %+v", s)
		}
		h.vendor.set(nil, nil)
		pass(2 * time.Minute)
		if s := h.status(id); s.Status != crm.SyncSynced || s.Error != "" {
			t.Errorf("after it: %+v", s)
		}
	})
}

// A day's budget that is used up and a token that is refused stop everything,
// once, loudly; and everything goes on by itself, or at once by command.
func TestStops(t *testing.T) {
	for _, test := range []struct {
		fault crm.Fault
		stop  crm.Stop
		pause time.Duration
	}{
		{crm.Fault{Kind: crm.FaultBudget, After: 90 * time.Minute, Say: "used up until midnight"}, crm.StopBudget, 90 * time.Minute},
		{crm.Fault{Kind: crm.FaultAccess, Say: "make a new token"}, crm.StopAccess, 5 * time.Minute},
	} {
		inHouse(t, func(t *testing.T, h *house) {
			h.vendor.set(always(test.fault), nil)
			for n := range 20 {
				h.end(phone(n))
			}
			pass(test.pause - time.Minute)
			if n := h.vendor.count(); n > 8 {
				t.Errorf("%s: %d requests while all wait", test.stop, n)
			}
			s := h.sum()
			if s.Stop != test.stop || s.Error != test.fault.Say || s.ToLog != 20 || s.Failed != 0 {
				t.Errorf("status %+v", s)
			}
			if n := strings.Count(h.log.String(), "level=ERROR"); n != 1 {
				t.Errorf("%d errors in the log:\n%s", n, h.log)
			}
			h.vendor.set(nil, nil)
			if test.stop == crm.StopAccess {
				if _, err := h.worker.Retry(t.Context(), nil); err != nil {
					t.Error(err)
				}
				pass(10 * time.Second)
			} else {
				pass(2 * time.Minute)
			}
			if s := h.sum(); s.Stop != crm.StopNone || s.ToLog != 0 || !strings.Contains(h.log.String(), "takes calls again") {
				t.Errorf("after the pause: %+v", s)
			}
		})
	}
}

// A budget that does for a step but not for a call stops everything once, not
// again after each step.
func TestLastDrops(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.vendor.set(func(s crm.Step, _ crm.Activity) error {
			if s == crm.StepContact {
				return nil
			}
			return &crm.Fault{Kind: crm.FaultBudget, After: 10 * time.Minute, Say: "used up"}
		}, nil)
		for n := range 20 {
			h.end(phone(n))
		}
		pass(time.Hour)
		if s := h.sum(); s.Stop != crm.StopBudget || s.ToLog != 20 || h.vendor.count() > 40 {
			t.Errorf("%+v after %d requests", s, h.vendor.count())
		}
		if n := strings.Count(h.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log:\n%s", n, h.log)
		}
		h.vendor.set(nil, nil)
		pass(15 * time.Minute)
		if s := h.sum(); s.Stop != crm.StopNone || s.ToLog != 0 {
			t.Errorf("after it: %+v", s)
		}
	})
}

// A contact that is gone is looked for once more.
func TestNoContact(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		first := h.end(phone(1))
		pass(10 * time.Second)
		h.vendor.mu.Lock()
		delete(h.vendor.contacts, phone(1)) // merged away by hand
		h.vendor.mu.Unlock()
		second := h.end(phone(1))
		pass(10 * time.Second)
		if a, b := h.vendor.of(first).contact, h.vendor.of(second).contact; a != "acme-c1" || b != "acme-c2" {
			t.Errorf("contacts %q and %q", a, b)
		}
		h.vendor.set(func(s crm.Step, _ crm.Activity) error {
			if s == crm.StepAssociation {
				return &crm.Fault{Kind: crm.FaultNoContact, Say: "there is no such contact"}
			}
			return nil
		}, nil)
		third := h.end(phone(1))
		asked := h.vendor.count()
		pass(time.Minute)
		if s := h.status(third); s.Status != crm.SyncFailed || h.vendor.count()-asked > 6 {
			t.Errorf("gone twice: %+v after %d requests", s, h.vendor.count()-asked)
		}
		h.vendor.set(nil, nil)
		if _, err := h.worker.Retry(t.Context(), []call.ID{third}); err != nil {
			t.Error(err)
		}
		pass(10 * time.Second)
		if s := h.status(third); s.Status != crm.SyncSynced || len(h.vendor.activities) != 3 {
			t.Errorf("retried: %+v, %d activities", s, len(h.vendor.activities))
		}
	})
}

// A contact who is merged into another, renamed or given another number while a
// call waits keeps the call; the number that was used decides whom it belongs to.
func TestContactChangesMeanwhile(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.apply(nil)
		contact := func(id, name, number string) {
			h.must(h.store.CreateContact(t.Context(), routing.Contact{ID: id, Name: name, Numbers: []string{number}, CreatedAt: time.Now()}))
		}
		contact("k1", "Luis", phone(1))
		contact("k2", "L. Gil", phone(2))
		first, second := h.endWith(phone(1), "k1"), h.endWith(phone(2), "k2")
		_, err := h.store.MergeContacts(t.Context(), "k1", "k2", func(kept *routing.Contact, gone routing.Contact) error {
			kept.Name, kept.Numbers = "Luis Gil", []string{phone(3), phone(2)}
			return nil
		})
		h.must(err)
		h.apply(h.vendor)
		pass(10 * time.Second)
		for id, number := range map[call.ID]string{first: phone(1), second: phone(2)} {
			is := h.vendor.of(id)
			if is == nil || is.activity.Number != number || is.activity.Name != "Luis Gil" || is.contact != h.vendor.contacts[number] {
				t.Errorf("%s: %+v", number, is)
			}
		}
	})
}

// Calls that were meant for another provider wait for the administrator, who
// has them logged with the new one.
func TestProviderChange(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		there := h.end(phone(1))
		pass(10 * time.Second)
		h.apply(nil)
		waiting := h.end(phone(1))
		pass(10 * time.Minute)
		if s := h.status(waiting); s.Status != crm.SyncPending {
			t.Errorf("without a provider: %+v", s)
		}
		other := newVendor("other")
		h.apply(other)
		pass(10 * time.Second)
		for _, id := range []call.ID{there, waiting} {
			if s := h.status(id); s.Status != crm.SyncFailed || !strings.Contains(s.Error, "acme") || !strings.Contains(s.Error, "other") {
				t.Errorf("meant for another provider: %+v", s)
			}
		}
		if _, err := h.worker.Retry(t.Context(), []call.ID{waiting}); err != nil {
			t.Error(err)
		}
		pass(10 * time.Second)
		is := other.of(waiting)
		if is == nil || is.contact != "other-c1" || len(other.activities) != 1 || len(h.vendor.activities) != 1 {
			t.Errorf("with the new provider: %+v", is)
		}
	})
}

// A step under way may end when the worker is to stop; the next one is not begun.
func TestStopBetweenSteps(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.vendor.slow(3 * time.Second)
		id := h.end(phone(1))
		pass(4 * time.Second) // the first step is under way
		h.stop()
		if n := h.vendor.count(); n != 1 {
			t.Errorf("%d steps", n)
		}
		h.vendor.slow(time.Hour)
		h.start(h.store)
		pass(2 * time.Second)
		began := time.Now()
		h.stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("a step that hangs held up the stop for %v", took)
		}
		h.vendor.slow(time.Second)
		h.start(h.store)
		pass(10 * time.Second)
		if s := h.status(id); s.Status != crm.SyncSynced || h.vendor.made != 1 || len(h.vendor.activities) != 1 {
			t.Errorf("after restarts: %+v, %d contacts", s, h.vendor.made)
		}
	})
}

// A vendor that panics costs one call, not the switch.
func TestPanic(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		bad, good := h.end(phone(1)), h.end(phone(2))
		h.vendor.set(func(_ crm.Step, a crm.Activity) error {
			if a.CallID == bad {
				panic("nil map")
			}
			return nil
		}, nil)
		pass(time.Minute)
		if h.status(bad).Status != crm.SyncFailed || h.status(good).Status != crm.SyncSynced {
			t.Errorf("%+v and %+v", h.status(bad), h.status(good))
		}
	})
}

// blocked is an outbox that cannot be written.
type blocked struct {
	crm.Outbox
	is *atomic.Bool
}

func (b blocked) ChangeEntry(ctx context.Context, c crm.Change) (crm.Job, error) {
	if b.is.Load() {
		return crm.Job{}, errDead
	}
	return b.Outbox.ChangeEntry(ctx, c)
}

// When the disk is full, what was done is done again later, and nothing twice.
func TestFullDisk(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.stop()
		var full atomic.Bool
		full.Store(true)
		h.start(blocked{h.store, &full})
		id := h.end(phone(1))
		pass(time.Minute)
		full.Store(false)
		pass(15 * time.Minute)
		if s := h.status(id); s.Status != crm.SyncSynced || h.vendor.made != 1 || len(h.vendor.activities) != 1 {
			t.Errorf("%+v, %d contacts, %d activities", s, h.vendor.made, len(h.vendor.activities))
		}
		if n := strings.Count(h.log.String(), "outbox cannot be"); n != 1 {
			t.Errorf("said %d times:\n%s", n, h.log)
		}
	})
}
