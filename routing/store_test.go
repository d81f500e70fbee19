package routing_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
	"tandem/store/bolt"
)

// office is reception on a real store.
type office struct {
	*routing.Reception
	store *bolt.Store
	bus   *call.Bus
}

func account() routing.Account {
	return routing.Account{
		Country:   "ES",
		Users:     []routing.User{{Name: "ana"}, {Name: "bea"}},
		Numbers:   []routing.AccountNumber{{Number: "+34910000001", Playbook: "sales", Trunks: []string{"carrier"}}},
		Playbooks: []routing.Playbook{{Name: "sales", Users: []string{"ana", "bea"}}},
	}
}

// openOffice opens reception on a file, which may have been used before.
func openOffice(t *testing.T, path string) *office {
	t.Helper()
	store, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o := &office{store: store, bus: call.NewBus(time.Now())}
	dir, err := routing.NewDirectory(account())
	if err != nil {
		t.Fatal(err)
	}
	offices, err := routing.NewOffices(t.Context(), routing.OfficesOptions{Directory: dir, Desk: store, Events: o.bus})
	if err != nil {
		t.Fatal(err)
	}
	o.Reception, err = routing.NewReception(routing.ReceptionOptions{Directory: dir, Offices: offices, Journal: store, Contacts: store, Events: o.bus})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// arrive admits a call from a number.
func (o *office) arrive(t *testing.T, from string, at time.Time) call.Record {
	t.Helper()
	id := call.NewID(at)
	in := call.Arrival{Call: id, Leg: id.Leg(1), Called: "910000001", Caller: from}
	if _, err := o.Admit(t.Context(), in, at); err != nil {
		t.Error(err)
		return call.Record{}
	}
	rec, err := o.store.Call(t.Context(), id)
	if err != nil {
		t.Error(err)
	}
	return rec
}

func (o *office) tasks(t *testing.T, kind routing.TaskKind) []routing.Task {
	t.Helper()
	list, _, err := o.store.Tasks(t.Context(), routing.TaskFilter{Kind: kind, Page: routing.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSameCallerTwiceAtOnce(t *testing.T) {
	o := openOffice(t, filepath.Join(t.TempDir(), "tandem.db"))
	const calls = 8
	recs := make([]call.Record, calls)
	var wg sync.WaitGroup
	for i := range recs {
		wg.Go(func() { recs[i] = o.arrive(t, "600111222", time.Now()) })
	}
	wg.Wait()
	contacts, _, err := o.store.Contacts(t.Context(), routing.ContactFilter{Page: routing.Page{Limit: 100}})
	if err != nil || len(contacts) != 1 || contacts[0].LastNumber != "+34910000001" {
		t.Fatalf("contacts %+v, %v", contacts, err)
	}
	for _, rec := range recs {
		if rec.ContactID != contacts[0].ID || rec.TaskID == "" {
			t.Errorf("call %+v", rec)
		}
	}
	if n := len(o.tasks(t, routing.TaskInboundCall)); n != calls {
		t.Errorf("%d tasks for %d calls", n, calls)
	}
}

// What a crash cut off has its result and its task after the next start, and
// nothing more after the one that follows.
func TestRecoverAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	at := time.Now().Add(-time.Minute).UTC()
	o := openOffice(t, path)
	waiting := o.arrive(t, "600111222", at)
	talking := o.arrive(t, "600111333", at)
	withheld := o.arrive(t, "", at)
	talking.AnsweredAt, talking.User, talking.State = &at, "ana", call.StateActive
	if err := o.Save(t.Context(), call.Change{Record: talking, Task: call.TaskInProgress}); err != nil {
		t.Fatal(err)
	}
	o.store.Close()

	for start := range 2 {
		o := openOffice(t, path)
		n, err := o.Recover(t.Context(), at.Add(30*time.Second))
		if want := []int{3, 0}[start]; n != want || err != nil {
			t.Errorf("start %d: recovered %d, %v; want %d", start, n, err, want)
		}
		for id, want := range map[call.ID]call.Result{waiting.ID: call.ResultFailed, talking.ID: call.ResultCompleted, withheld.ID: call.ResultFailed} {
			if rec, err := o.store.Call(t.Context(), id); err != nil || rec.Result != want || rec.EndedAt == nil {
				t.Errorf("start %d: call %+v, %v; want %s", start, rec, err, want)
			}
		}
		if missed := o.tasks(t, routing.TaskMissedCall); len(missed) != 2 || missed[0].User == "" || missed[0].Count != 1 {
			t.Errorf("start %d: missed calls %+v", start, missed)
		}
		for _, task := range o.tasks(t, routing.TaskInboundCall) {
			if task.State != call.TaskDone {
				t.Errorf("start %d: task %+v", start, task)
			}
		}
		if c, err := o.store.Contact(t.Context(), waiting.ContactID); err != nil || !c.FollowUp {
			t.Errorf("start %d: contact %+v, %v", start, c, err)
		}
		o.store.Close()
	}
}

// The floor, its statuses in a real store, keeps its promises while calls,
// phones and users come and go at once.
func TestFloorUnderLoad(t *testing.T) {
	store, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "tandem.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	floor, err := routing.NewFloor(t.Context(), routing.FloorOptions{Account: account(), Desk: store, Events: call.NewBus(time.Now())})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	lines := &exchange{floor: floor, done: make(chan struct{}), left: 400, holds: make(map[string]call.ID)}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := floor.Run(ctx, lines); err != nil {
			t.Error(err)
		}
	})
	for worker := range 4 {
		wg.Go(func() {
			for i := range 100 {
				floor.PhoneUp([]string{"ana", "bea"}[i%2])
				floor.Seek(call.Request{Call: call.ID(fmt.Sprint(worker, "-", i)), Playbook: "sales", Arrived: time.Now(), Strategy: call.LongestIdle})
			}
		})
	}
	for range 5 {
		for _, s := range []routing.Status{routing.StatusBreak, routing.StatusAvailable} {
			if err := floor.SetStatus(t.Context(), routing.UserStatus{User: "ana", Status: s}); err != nil {
				t.Error(err)
			}
		}
	}
	<-lines.done
	stop()
	wg.Wait()
	if lines.fault != nil {
		t.Error(lines.fault)
	}
}

// exchange is 400 calls that each talk for a moment.
type exchange struct {
	floor *routing.Floor
	done  chan struct{}

	mu    sync.Mutex
	left  int
	holds map[string]call.ID
	fault error
}

func (x *exchange) Post(id call.ID, in call.Input) bool {
	user := in.(call.Assigned).Users[0]
	x.mu.Lock()
	defer x.mu.Unlock()
	if other := x.holds[user]; other != "" {
		x.fault = errors.Join(x.fault, fmt.Errorf("%s has %s and %s", user, other, id))
	}
	x.holds[user] = id
	go x.converse(id, user)
	return true
}

func (x *exchange) converse(id call.ID, user string) {
	x.floor.Talk(id, user)
	x.mu.Lock()
	delete(x.holds, user)
	x.left--
	last := x.left == 0
	x.mu.Unlock()
	x.floor.Free(id, user)
	if last {
		close(x.done)
	}
}
