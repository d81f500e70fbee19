package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
)

// lines notes what the floor posts to calls. Calls in gone do not exist.
type lines struct {
	mu     sync.Mutex
	posted []string
	at     []time.Time
	gone   map[call.ID]bool
}

func (l *lines) Post(id call.ID, in call.Input) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone[id] {
		return false
	}
	l.posted = append(l.posted, fmt.Sprintf("%s: %s", id, strings.Join(in.(call.Assigned).Users, " ")))
	l.at = append(l.at, time.Now())
	return true
}

// take returns what was posted since the last look, once the floor is at rest.
func (l *lines) take() string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := strings.Join(l.posted, "; ")
	l.posted = nil
	return s
}

// house is a running floor with what it talks to.
type house struct {
	*Floor
	desk   *memory
	events *events
	lines  *lines
}

// open runs a floor until the end of the test's bubble.
func open(t *testing.T, desk *memory, a Account) *house {
	t.Helper()
	h := &house{desk: desk, events: &events{}, lines: &lines{gone: make(map[call.ID]bool)}}
	f, err := NewFloor(t.Context(), FloorOptions{Account: a, Desk: desk, Events: h.events})
	if err != nil {
		t.Fatal(err)
	}
	h.Floor = f
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.Run(ctx, h.lines); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return h
}

// state returns a user once the floor is at rest.
func (h *house) state(name string) UserState {
	synctest.Wait()
	u, _ := h.User(name)
	return u
}

func TestWrapUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(15*time.Second, "ana"))
		h.PhoneUp("ana")
		h.Seek(call.Request{Call: "c1", Playbook: "sales", Arrived: time.Now(), Strategy: call.LongestIdle})
		if got := h.lines.take(); got != "c1: ana" {
			t.Fatalf("posted %q", got)
		}
		h.Talk("c1", "ana")
		time.Sleep(time.Minute)
		h.Seek(call.Request{Call: "c2", Playbook: "sales", Arrived: time.Now(), Strategy: call.LongestIdle})
		h.Free("c1", "ana")
		free := time.Now()
		if u := h.state("ana"); u.Activity != ActivityWrapUp || !u.WrapUpUntil.Equal(free.Add(15*time.Second)) {
			t.Errorf("after the call: %+v", u)
		}
		if got := h.lines.take(); got != "" {
			t.Errorf("during the wrap-up posted %q", got)
		}
		time.Sleep(15 * time.Second)
		if got := h.lines.take(); got != "c2: ana" {
			t.Fatalf("after the wrap-up posted %q", got)
		}
		if waited := h.lines.at[1].Sub(free); waited != 15*time.Second {
			t.Errorf("offered %s after the call", waited)
		}
	})
}

func TestUserChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana", "bea"))
		h.PhoneUp("ana")
		h.PhoneUp("ana")
		h.PhoneUp("nobody")
		synctest.Wait()
		h.PhoneUp("ana") // again: nothing changed
		h.Seek(call.Request{Call: "c1", Playbook: "sales", Arrived: time.Now(), Strategy: call.LongestIdle})
		synctest.Wait()
		var got []string
		for _, e := range h.events.list {
			u := e.Data.(UserState)
			got = append(got, fmt.Sprintf("%s %s %v %s %s", e.Type, e.User, u.Registered, u.Activity, e.CallID))
		}
		want := "user.changed ana true idle ; user.changed ana true offered c1"
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("events %q, want %q", s, want)
		}
	})
}

func TestCallThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana"))
		h.lines.gone["c1"], h.lines.gone["c2"], h.lines.gone["c3"] = true, true, true
		for i := range 5 {
			h.Seek(call.Request{Call: call.ID(fmt.Sprint("c", i+1)), Playbook: "sales", Arrived: time.Now().Add(time.Duration(i)), Strategy: call.LongestIdle})
		}
		h.PhoneUp("ana")
		if got := h.lines.take(); got != "c4: ana" {
			t.Errorf("posted %q", got)
		}
		if q := h.Queues(); q[0].Calls != 1 {
			t.Errorf("queue %+v", q)
		}
	})
}

func TestStatusSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := newMemory()
		h := open(t, desk, teamOf(0, "ana", "bea"))
		if err := h.SetStatus(t.Context(), UserStatus{User: "ana", Status: StatusBreak, Reason: "lunch\x00\u202e"}); err != nil {
			t.Fatal(err)
		}
		if u := h.state("ana"); u.Status != StatusBreak || u.Reason != "lunch" {
			t.Errorf("ana = %+v", u)
		}
		again := open(t, desk, teamOf(0, "ana", "bea"))
		if u := again.state("ana"); u.Status != StatusBreak || u.Reason != "lunch" {
			t.Errorf("after the restart ana = %+v", u)
		}
		if u := again.state("bea"); u.Status != StatusAvailable {
			t.Errorf("after the restart bea = %+v", u)
		}
	})
}

func TestSetStatusRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana"))
		var invalid *InvalidError
		if err := h.SetStatus(t.Context(), UserStatus{User: "ana", Status: "asleep"}); !errors.As(err, &invalid) || invalid.Field != "status" {
			t.Errorf("unknown status: %v", err)
		}
		if err := h.SetStatus(t.Context(), UserStatus{User: "bea", Status: StatusBreak}); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown user: %v", err)
		}
		h.desk.fail = errors.New("disk full")
		if err := h.SetStatus(t.Context(), UserStatus{User: "ana", Status: StatusBreak}); !errors.Is(err, h.desk.fail) {
			t.Errorf("store failed: %v", err)
		}
		if u := h.state("ana"); u.Status != StatusAvailable {
			t.Errorf("a status that was not kept took effect: %+v", u)
		}
	})
}

func TestProspectChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana", "bea", "carl"))
		h.PhoneUp("bea")
		time.Sleep(time.Second)
		h.PhoneUp("carl")
		req := call.Request{Playbook: "sales", Strategy: call.LongestIdle}
		for range 2 {
			p, err := h.Prospect(t.Context(), req)
			if err != nil || fmt.Sprint(p.Asked, p.Later, p.Passed[0]) != "[bea] [carl] {ana no phone registered}" {
				t.Errorf("prospect %+v, %v", p, err)
			}
		}
		if u := h.state("bea"); !u.Available() {
			t.Errorf("bea = %+v", u)
		}
	})
}

func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana"))
		h.PhoneUp("bea")
		h.Seek(call.Request{Call: "c1", Playbook: "sales", Arrived: time.Now(), Strategy: call.LongestIdle})
		if err := h.Reconfigure(t.Context(), teamOf(0, "bea")); err != nil {
			t.Fatal(err)
		}
		if got := h.lines.take(); got != "c1: bea" {
			t.Errorf("posted %q", got)
		}
	})
}

func TestClosedFloorAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := NewFloor(t.Context(), FloorOptions{Account: teamOf(0, "ana"), Desk: newMemory(), Events: &events{}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := f.Run(ctx, &lines{}); err != nil {
			t.Fatal(err)
		}
		if err := f.Reconfigure(t.Context(), Account{}); err == nil {
			t.Error("a floor that does not run took orders")
		}
	})
}

func TestNewFloorRefuses(t *testing.T) {
	if _, err := NewFloor(t.Context(), FloorOptions{}); err == nil {
		t.Error("a floor without a desk")
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, newMemory(), teamOf(0, "ana", "bea", "carl", "dan"))
		for _, name := range []string{"ana", "bea", "carl"} {
			h.PhoneUp(name)
		}
		if err := h.SetStatus(t.Context(), UserStatus{User: "carl", Status: StatusBreak}); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			h.Seek(call.Request{Call: call.ID(fmt.Sprint("c", i)), Playbook: "sales", Arrived: time.Now().Add(time.Duration(i) * time.Second), Strategy: call.LongestIdle})
		}
		h.Talk("c0", "ana")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		want := `
# HELP tandem_offers_total Calls offered to users, by how the offer ended.
# TYPE tandem_offers_total counter
tandem_offers_total{outcome="accepted"} 1
tandem_offers_total{outcome="elsewhere"} 0
tandem_offers_total{outcome="failed"} 0
tandem_offers_total{outcome="rejected"} 0
tandem_offers_total{outcome="timeout"} 0
tandem_offers_total{outcome="unreachable"} 0
tandem_offers_total{outcome="withdrawn"} 0
# HELP tandem_queue_calls Calls for which nobody rings yet.
# TYPE tandem_queue_calls gauge
tandem_queue_calls{playbook="sales"} 2
# HELP tandem_queue_oldest_seconds How long the oldest of them has waited since its arrival.
# TYPE tandem_queue_oldest_seconds gauge
tandem_queue_oldest_seconds{playbook="sales"} 28
# HELP tandem_users Users of a playbook: offline, break, available, offered, talking, coaching or wrap_up.
# TYPE tandem_users gauge
tandem_users{playbook="sales",status="available"} 0
tandem_users{playbook="sales",status="break"} 1
tandem_users{playbook="sales",status="coaching"} 0
tandem_users{playbook="sales",status="offered"} 1
tandem_users{playbook="sales",status="offline"} 1
tandem_users{playbook="sales",status="talking"} 1
tandem_users{playbook="sales",status="wrap_up"} 0
`
		if err := testutil.CollectAndCompare(h.Floor, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.CollectAndLint(h.Floor); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	})
}

// deaf hears no events.
type deaf struct{}

func (deaf) Publish(call.Event) {}

// taken offers every call to somebody who is there.
type taken struct{ last call.Assigned }

func (l *taken) Post(_ call.ID, in call.Input) bool {
	l.last = in.(call.Assigned)
	return true
}

// BenchmarkFloor takes a call from its arrival to its end on a floor of 100
// users, half of whom have no phone.
func BenchmarkFloor(b *testing.B) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprint("user", i)
	}
	f, err := NewFloor(b.Context(), FloorOptions{Account: teamOf(0, names...), Desk: newMemory(), Events: deaf{}})
	if err != nil {
		b.Fatal(err)
	}
	now, posted := noon, &taken{}
	for _, name := range names[:50] {
		f.PhoneUp(name)
		now = now.Add(time.Second)
		f.work(now, posted)
	}
	req := call.Request{Call: "c", Playbook: "sales", Arrived: noon, Strategy: call.LongestIdle}
	b.ReportAllocs()
	for b.Loop() {
		f.Seek(req)
		f.work(now, posted)
		f.Talk(req.Call, posted.last.Users[0])
		f.work(now, posted)
		now = now.Add(time.Second)
		f.Free(req.Call, posted.last.Users[0])
		f.work(now, posted)
	}
}
