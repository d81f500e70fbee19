package crm_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
)

// dayCalls end in a day; TestDayOfOutage says what has to become of them.
const dayCalls = 10_000

// A CRM that is down for a day gets all of the day's calls afterwards: nobody
// asks it more than now and then meanwhile, the calls of a person come in
// order, none twice, and memory does not grow with what waits.
func TestDayOfOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("a day in fake time takes a while")
	}
	inHouse(t, func(t *testing.T, h *house) {
		h.vendor.set(always(crm.Fault{Kind: crm.FaultRetry, Say: "HTTP 503"}), nil)
		byNumber := map[string][]call.ID{}
		for n := range dayCalls {
			number := phone(n * n % 2500)
			if n%50 == 0 {
				number = ""
			}
			byNumber[number] = append(byNumber[number], h.end(number))
			pass(24 * time.Hour / dayCalls)
		}
		// Probes: 5, 10 ... 300 s apart, less up to half of it.
		if n := h.vendor.count(); n > 24*3600/150+20 {
			t.Errorf("%d requests to a CRM that is down", n)
		}
		s := h.sum()
		if s.ToLog != dayCalls || s.Failed != 0 || s.Stop != crm.StopUnreachable || time.Since(s.Oldest) < 23*time.Hour {
			t.Fatalf("after the day: %+v", s)
		}
		before := heap()
		h.vendor.set(nil, nil)
		began := time.Now()
		for h.sum().ToLog > 0 && time.Since(began) < 4*time.Hour {
			pass(5 * time.Minute)
		}
		drained := time.Since(began)
		// 2 requests a call at 50 ms and 8 at once; probes may have been 5 minutes apart.
		if drained > 30*time.Minute {
			t.Errorf("drained in %v", drained)
		}
		pass(10 * time.Minute)
		if s := h.sum(); s.ToLog+s.ToComplete+s.Failed != 0 || s.Stop != crm.StopNone {
			t.Errorf("in the end: %+v", s)
		}
		if grown := int64(heap()) - int64(before); grown > 60<<20 { // what the CRM of the test keeps is 30 MB
			t.Errorf("memory grew by %d MB", grown>>20)
		}
		checkDay(t, h, byNumber)
	})
}

// checkDay: every call is there, complete, with the person it was with, and
// those of one person in the order in which they ended.
func checkDay(t *testing.T, h *house, byNumber map[string][]call.ID) {
	t.Helper()
	total := 0
	for number, ids := range byNumber {
		for i, id := range ids {
			is := h.vendor.of(id)
			if is == nil || len(is.sent) != 1 || is.contact != h.vendor.contacts[number] {
				t.Fatalf("call %s of %q: %+v", id, number, is)
			}
			if i > 0 && number != "" && is.at.Before(h.vendor.of(ids[i-1]).at) {
				t.Errorf("call %s of %q came before the one before it", id, number)
			}
			total++
		}
	}
	if total != dayCalls || len(h.vendor.activities) != dayCalls || h.vendor.made != len(byNumber)-1 {
		t.Errorf("%d calls, %d activities, %d contacts for %d numbers", total, len(h.vendor.activities), h.vendor.made, len(byNumber)-1)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// mortal is a process with its outbox and its CRM's connection, which dies at
// the nth moment at which it may.
type mortal struct {
	crm.Outbox
	crm.Vendor

	mu   sync.Mutex
	left int
	dead bool
}

// moment is one at which the process may die.
func (m *mortal) moment() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	if m.left == 0 {
		m.dead = true
	}
	if m.dead {
		return errDead
	}
	return nil
}

func (m *mortal) ClaimEntries(ctx context.Context, c crm.Claim) ([]crm.Job, error) {
	if m.gone() {
		return nil, errDead
	}
	jobs, err := m.Outbox.ClaimEntries(ctx, c)
	if err == nil && len(jobs) > 0 && m.moment() != nil {
		return nil, errDead
	}
	return jobs, err
}

func (m *mortal) ChangeEntry(ctx context.Context, c crm.Change) (crm.Job, error) {
	if m.moment() != nil { // it was done, and is not noted
		return crm.Job{}, errDead
	}
	job, err := m.Outbox.ChangeEntry(ctx, c)
	if m.moment() != nil { // it is noted, and nobody knows
		return crm.Job{}, errDead
	}
	return job, err
}

func (m *mortal) ReleaseEntries(ctx context.Context, owner string) error {
	if m.gone() {
		return errDead
	}
	return m.Outbox.ReleaseEntries(ctx, owner)
}

func (m *mortal) Do(ctx context.Context, s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	if m.moment() != nil {
		return refs, context.Canceled
	}
	return m.Vendor.Do(ctx, s, a, refs)
}

func (m *mortal) gone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// Whenever the process dies, the next one goes on: one activity for one call,
// complete, whatever was noted of it.
func TestDeath(t *testing.T) {
	moments := 0
	for n := 1; n == 1 || moments >= n-1; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				h.stop()
				m := &mortal{Outbox: h.store, Vendor: h.vendor, left: n}
				h.start(m)
				h.apply(m)
				id := h.end(phone(1))
				pass(time.Minute)
				h.note(id, "after a minute")
				pass(5 * time.Minute)
				h.note(id, "after six minutes")
				pass(time.Minute)
				h.stop()
				if m.dead {
					moments = n
				}
				h.must(h.store.Close())

				h.open()
				h.start(h.store)
				pass(10 * time.Minute)
				is := h.vendor.of(id)
				if is == nil || len(h.vendor.activities) != 1 || h.vendor.made != 1 || is.contact != "acme-c1" {
					t.Fatalf("%d activities, %d contacts: %+v", len(h.vendor.activities), h.vendor.made, is)
				}
				if len(is.sent) == 0 || len(is.sent) > 3 || is.activity.Body == "" {
					t.Errorf("completed %d times", len(is.sent))
				}
				if s := h.status(id); s != (call.Sync{Status: crm.SyncSynced, ID: is.id}) {
					t.Errorf("its record says %+v", s)
				}
				if s := h.sum(); s.ToLog+s.ToComplete+s.Failed != 0 {
					t.Errorf("left: %+v", s)
				}
			})
		})
	}
	if moments < 15 {
		t.Errorf("died at %d moments only", moments)
	}
	t.Logf("died at %d moments", moments)
}

// A clock that is set back has nothing wait for the time that it left.
func TestClockSetBack(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.stop()
		ended := time.Now().UTC().Add(30 * 24 * time.Hour) // by the clock as it was
		rec := call.Record{
			ID: call.NewID(ended), Direction: call.Inbound, From: phone(1), Number: "+34910000001",
			StartedAt: ended, EndedAt: &ended, State: call.StateEnded, Result: call.ResultCancelled,
		}
		h.must(h.save(rec))
		next := h.end(phone(1))
		h.start(h.store)
		pass(10 * time.Second)
		first, second := h.vendor.of(rec.ID), h.vendor.of(next)
		if first == nil || second == nil || second.at.Before(first.at) || len(first.sent) != 0 {
			t.Fatalf("%+v and %+v", first, second)
		}
		pass(6 * time.Minute)
		first, second = h.vendor.of(rec.ID), h.vendor.of(next)
		if len(first.sent) != 1 || len(second.sent) != 1 {
			t.Errorf("%d and %d completions", len(first.sent), len(second.sent))
		}
	})
}
