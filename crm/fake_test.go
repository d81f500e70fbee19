package crm_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
	"tandem/store/bolt"
)

// shown is an activity as the CRM shows it.
type shown struct {
	id       string
	contact  string
	activity crm.Activity // as it was sent last
	at       time.Time    // when it appeared
	sent     []time.Time  // completions
}

// vendor is a CRM that, like the real ones, looks whether a thing is there and
// then makes it: asked for the same thing twice at once, it makes two.
type vendor struct {
	name  string
	steps []crm.Step
	took  time.Duration // by a request

	mu         sync.Mutex
	contacts   map[string]string // number -> id
	made       int               // contacts
	activities map[call.ID]*shown
	order      []call.ID
	requests   int
	busy, most int // requests under way
	lanes      map[string]bool
	faults     []string // rules of a CRM that were broken
	fail       func(s crm.Step, a crm.Activity) error
	late       func(s crm.Step, a crm.Activity) error // fails after it was done
}

func newVendor(name string) *vendor {
	return &vendor{
		name: name, took: 50 * time.Millisecond,
		steps:    []crm.Step{crm.StepContact, crm.StepActivity, crm.StepAssociation, crm.StepRecording, crm.StepCompletion},
		contacts: map[string]string{}, activities: map[call.ID]*shown{}, lanes: map[string]bool{},
	}
}

func (v *vendor) Name() string      { return v.name }
func (v *vendor) Steps() []crm.Step { return v.steps }

func (v *vendor) Do(ctx context.Context, s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	lane := a.Number
	if lane == "" {
		lane = string(a.CallID)
	}
	v.mu.Lock()
	v.requests++
	v.busy++
	v.most = max(v.most, v.busy)
	if v.lanes[lane] {
		v.faults = append(v.faults, "two requests about "+lane+" at once")
	}
	v.lanes[lane] = true
	fail, late, took := v.fail, v.late, v.took
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.busy--
		delete(v.lanes, lane)
	}()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return refs, ctx.Err()
	}
	if fail != nil {
		if err := fail(s, a); err != nil {
			return refs, err
		}
	}
	out, err := v.carryOut(s, a, refs)
	if err == nil && late != nil {
		if err := late(s, a); err != nil {
			return crm.Refs{}, err
		}
	}
	return out, err
}

func (v *vendor) carryOut(s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	gone := &crm.Fault{Kind: crm.FaultNoContact, Say: "the contact is gone"}
	switch s {
	case crm.StepContact:
		if a.Number == "" {
			return refs, nil
		}
		if _, known := v.contacts[a.Number]; !known {
			v.made++
			v.contacts[a.Number] = fmt.Sprintf("%s-c%d", v.name, v.made)
		}
		refs.Contact = v.contacts[a.Number]
	case crm.StepActivity:
		if refs.Contact != "" && v.contacts[a.Number] != refs.Contact {
			return refs, gone
		}
		is, there := v.activities[a.CallID]
		if !there {
			is = &shown{id: fmt.Sprintf("%s-a%d", v.name, len(v.activities)+1), at: time.Now()}
			v.activities[a.CallID] = is
			v.order = append(v.order, a.CallID)
		}
		is.activity, refs.Activity = a, is.id
	case crm.StepAssociation:
		if refs.Contact != "" && v.contacts[a.Number] != refs.Contact {
			return refs, gone
		}
		v.activities[a.CallID].contact = refs.Contact
	case crm.StepRecording, crm.StepCallLog:
	case crm.StepCompletion:
		is := v.activities[a.CallID]
		if is == nil || is.id != refs.Activity {
			v.faults = append(v.faults, "completed what is not there: "+string(a.CallID))
			return refs, &crm.Fault{Kind: crm.FaultRefused, Say: "there is no such activity"}
		}
		is.activity, is.sent = a, append(is.sent, time.Now())
	}
	return refs, nil
}

// of returns an activity as it is now; nil when there is none.
func (v *vendor) of(id call.ID) *shown {
	v.mu.Lock()
	defer v.mu.Unlock()
	is := v.activities[id]
	if is == nil {
		return nil
	}
	now := *is
	return &now
}

// slow has requests take so long.
func (v *vendor) slow(took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.took = took
}

func (v *vendor) set(fail, late func(crm.Step, crm.Activity) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fail, v.late = fail, late
}

func (v *vendor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.requests
}

// always is a rule that fails every step.
func always(f crm.Fault) func(crm.Step, crm.Activity) error {
	return func(crm.Step, crm.Activity) error { return &f }
}

// house is a store and a worker with a vendor, in a bubble of fake time.
type house struct {
	t      testing.TB
	path   string
	store  *bolt.Store
	vendor *vendor
	worker *crm.Worker
	bus    *call.Bus
	reg    *prometheus.Registry
	log    *strings.Builder
	calls  int
	stop   func() // of the worker
}

const syncAfter = 5 * time.Minute

// inHouse runs a test in a bubble.
func inHouse(t *testing.T, test func(t *testing.T, h *house)) {
	dir := scratch(t)
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, path: filepath.Join(dir, "tandem.db"), vendor: newVendor("acme"), bus: call.NewBus(time.Now()), log: &strings.Builder{}}
		h.open()
		h.start(h.store)
		test(t, h)
		h.stop()
		h.must(h.store.Close())
		if len(h.vendor.faults) > 0 {
			t.Errorf("rules of the CRM that were broken: %q", h.vendor.faults)
		}
	})
}

// scratch is a folder in memory where there is one: in a bubble hours go by,
// and the store commits a sign of life every second.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tandem")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) open() {
	h.t.Helper()
	var err error
	h.store, err = bolt.Open(bolt.Options{Path: h.path})
	h.must(err)
}

// start runs a worker on an outbox, with the house's vendor.
func (h *house) start(outbox crm.Outbox) {
	h.t.Helper()
	h.reg = prometheus.NewRegistry()
	var err error
	h.worker, err = crm.NewWorker(crm.Options{
		Outbox: outbox, Events: h.bus, Owner: "house", Registerer: h.reg,
		Log: slog.New(slog.NewTextHandler(&locked{w: h.log}, nil)),
	})
	h.must(err)
	h.apply(h.vendor)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.worker.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		h.must(<-done)
	})
}

func (h *house) apply(v crm.Vendor) {
	h.worker.Apply(crm.Settings{Vendor: v, SyncAfter: syncAfter, Style: crm.Style{CreateContacts: true}})
}

// end stores a call that has just ended, and returns its ID.
func (h *house) end(number string) call.ID {
	h.t.Helper()
	return h.endWith(number, "")
}

// endWith is end for a call with a contact.
func (h *house) endWith(number, contact string) call.ID {
	h.t.Helper()
	h.calls++
	ended := time.Now().UTC()
	rec := call.Record{
		ID: call.NewID(ended.Add(-time.Minute)), Direction: call.Inbound, From: number, To: "+34910000001", Number: "+34910000001",
		StartedAt: ended.Add(-time.Minute), EndedAt: &ended, State: call.StateEnded, Result: call.ResultCompleted, Duration: 40,
		ContactID: contact,
	}
	h.must(h.save(rec))
	return rec.ID
}

func (h *house) save(rec call.Record) error {
	_, err := h.store.SaveCall(h.t.Context(), routing.Closing{Change: call.Change{Record: rec}, CRM: h.vendor.name})
	return err
}

func (h *house) note(id call.ID, text string) {
	h.t.Helper()
	_, err := h.store.Note(h.t.Context(), id, &text, nil)
	h.must(err)
}

// status is what a call's record says of the CRM.
func (h *house) status(id call.ID) call.Sync {
	h.t.Helper()
	rec, err := h.store.Call(h.t.Context(), id)
	h.must(err)
	if rec.CRM == nil {
		h.t.Fatalf("call %s says nothing of the CRM", id)
	}
	return *rec.CRM
}

func (h *house) sum() crm.Status {
	h.t.Helper()
	s, err := h.worker.Status(h.t.Context())
	h.must(err)
	return s
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

var errDead = errors.New("the process is dead")

func phone(n int) string { return fmt.Sprintf("+3460%07d", n) }
