package daemon_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/peer"
)

// callsEnv is how many calls TestNothingLeft makes in each direction; 1000 when
// unset.
const callsEnv = "TANDEM_CALLS"

// callers is how many of them come at one time.
const callers = 8

// TestNothingLeft: after many short calls that end in every phase the switch
// holds what it held before.
func TestNothingLeft(t *testing.T) {
	calls := number(t, callsEnv, 1000)
	inbound := []call.Result{call.ResultCompleted, call.ResultCancelled, call.ResultNoAnswer, call.ResultOfficeClosed}
	outbound := []call.Result{call.ResultCompleted, call.ResultCancelled, call.ResultNoAnswer, call.ResultBusy, call.ResultFailed}
	for _, c := range []struct {
		name, reception string
		man             func(*siege)
		pass            func(*siege, int) bool
		results         []call.Result
	}{
		{"immediate", "immediate", (*siege).receive, (*siege).passing, inbound},
		{"early", "early", (*siege).receive, (*siege).passing, inbound},
		{"dialed", "immediate", (*siege).callOut, (*siege).dialing, outbound},
		{"ordered", "immediate", (*siege).callOut, (*siege).ordering, outbound},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := prepareHouse(t, siegeSettings(c.reception))
			h.fixPort()
			h.edit("domain: pbx.test", "domain: pbx.test\n  max_calls: 3000\n  max_calls_per_second: 5000")
			h.edit("recording: { enabled: true }", "recording: { enabled: false }\nlog: { level: warn }\nlimits: { requests_per_second: 100000 }")
			h.edit("keepalive: 0s", "keepalive: 0s, max_calls: 3000, calls_per_second: 5000")
			h.spawn()
			s := &siege{house: h}
			s.man()
			c.man(s)
			s.nothingLeft(calls/2, c.pass, c.results)
		})
	}
}

// receive has the phones take calls.
func (s *siege) receive() {
	for i, p := range s.phones {
		p.Handle(func(c *peer.Call) { briefly(c, i) })
	}
}

// nothingLeft plays calls; pass plays one and reports whether it is to be on
// record. All the wanted results have to come.
func (s *siege) nothingLeft(calls int, pass func(*siege, int) bool, wanted []call.Result) {
	t := s.t
	t.Helper()
	idle := s.held()
	s.rush(callers, pass) // what is made once is there now
	before := s.held()
	before.goroutines = idle.goroutines + callers // those of the first calls are still at work
	before.calls, before.legs, before.dialogs, before.transactions = 0, 0, 0, 0
	began := time.Now()
	made := s.rush(calls, pass)
	took := time.Since(began)
	var after holding
	s.settled("the switch holds what it held", func() bool {
		after = s.held()
		return after.within(before)
	}, func() string { return after.String() + ", before " + before.String() })
	t.Logf("%d calls in %s (%.0f a second); before: %s; after: %s", calls, took.Round(time.Millisecond),
		float64(calls)/took.Seconds(), before, after)
	results, records := make(map[call.Result]int), s.calls()
	for _, rec := range records {
		results[rec.Result]++
	}
	refused := int(s.api.Metrics().Sum("tandem_calls_refused_total", ""))
	t.Logf("results: %v; %d refused", results, refused)
	if n := len(records) + refused; n < made {
		t.Errorf("%d calls are on record or were refused, %d were made", n, made)
	}
	if n := results[call.ResultNone]; n > 0 {
		t.Errorf("%d calls have no result", n)
	}
	for _, want := range wanted {
		if results[want] == 0 {
			t.Errorf("no call was %s", want)
		}
	}
}

// briefly is what phones do with a call: some decline, some lift and hang up,
// some lift and stay.
func briefly(c *peer.Call, phone int) {
	_ = c.Ring() // the caller may be gone already, here and below
	switch phone % 3 {
	case 0:
		_ = c.Reject(486)
	case 1:
		lasts(c, time.Duration(phone)*time.Millisecond)
		_ = c.Answer()
		lasts(c, 60*time.Millisecond)
		leave(c)
	case 2:
		_ = c.Answer()
	}
}

// rush makes calls, a few at a time; each is over soon. It returns how many of
// them have to be on record.
func (s *siege) rush(calls int, pass func(*siege, int) bool) int {
	s.t.Helper()
	var wg sync.WaitGroup
	var made atomic.Int64
	todo := make(chan int)
	for range callers {
		wg.Go(func() {
			for n := range todo {
				if pass(s, n) {
					made.Add(1)
				}
			}
		})
	}
	for n := range calls {
		todo <- n
	}
	close(todo)
	wg.Wait()
	return int(made.Load())
}

// phases are the moments at which passing calls end; sweep is how many
// milliseconds after the INVITE the swept ones do at most.
const (
	phases = 6
	sweep  = 60
)

// passing is one short call. The caller leaves at once, on the first sign, at a
// moment that is swept over ringing and answer, from hold, during the
// announcement, or a while later than the salesperson.
func (s *siege) passing(n int) bool {
	to := salesNumber
	if n%phases == 4 {
		to = closedNumber
	}
	ctx, cancel := wait()
	defer cancel()
	c, err := s.carrier.Call(ctx, peer.CallOptions{From: contactOf(n % 500), To: to, Server: s.sip})
	if err != nil {
		s.t.Error(err)
		return false
	}
	switch n % phases {
	case 0:
	case 1:
		_, err = c.WaitMessage(ctx, func(*peer.Message) bool { return true })
	case 2:
		lasts(c, time.Duration(n/phases%sweep)*time.Millisecond)
	case 3:
		if lasts(c, 100*time.Millisecond) && c.State() == peer.Answered {
			_ = c.Hold(ctx) // may cross the end
		}
	default:
		lasts(c, 150*time.Millisecond)
	}
	if err != nil {
		s.t.Errorf("call %d: %v", n, err)
	}
	s.leaves(ctx, n, c)
	return true
}

// leaves ends a call, which may take some time: a CANCEL may cross the answer,
// and then it takes a BYE.
func (s *siege) leaves(ctx context.Context, n int, c *peer.Call) {
	for leave(c); lasts(c, 20*time.Millisecond); {
		if ctx.Err() != nil {
			s.t.Errorf("call %d does not end: %s", n, story(c))
			return
		}
		if c.State() == peer.Answered {
			leave(c)
		}
	}
}

// settled waits longer than a transaction lasts (RFC 3261 section 17: 64*T1).
func (s *siege) settled(what string, holds func() bool, found func() string) {
	s.t.Helper()
	for deadline := time.Now().Add(2 * release); !holds(); {
		if time.Now().After(deadline) {
			s.t.Errorf("not true: %s: %s", what, found())
			return
		}
		pause(s.t.Context(), 200*time.Millisecond)
	}
}

// holding is what a switch has in its hands.
type holding struct{ calls, legs, dialogs, transactions, goroutines, files, heap int }

func (h holding) String() string {
	return fmt.Sprintf("%d calls, %d legs with ports, %d dialogs, %d transactions, %d goroutines, %d descriptors, %d kB of heap",
		h.calls, h.legs, h.dialogs, h.transactions, h.goroutines, h.files, h.heap>>10)
}

// garbage is how much of the heap may wait for its collection.
const garbage = 32 << 20

// within reports whether nothing is left beyond what was there before.
func (h holding) within(before holding) bool {
	return h.calls <= before.calls && h.legs <= before.legs && h.dialogs <= before.dialogs &&
		h.transactions <= before.transactions &&
		h.goroutines <= before.goroutines && h.files <= before.files && h.heap <= before.heap+garbage
}

// held reads what the switch's process holds.
func (h *house) held() holding {
	h.t.Helper()
	m := h.api.Metrics()
	return holding{
		calls:        int(m.Sum("tandem_calls_active", "")),
		legs:         int(m.Value("tandem_media_legs")),
		dialogs:      int(m.Value("tandem_sip_dialogs")),
		transactions: int(m.Value("tandem_sip_transactions")),
		goroutines:   int(m.Value("go_goroutines")),
		files:        int(m.Value("process_open_fds")),
		heap:         int(m.Value("go_memstats_heap_alloc_bytes")),
	}
}
