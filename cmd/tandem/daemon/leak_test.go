package daemon_test

import (
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/peer"
)

// callsEnv is how many calls TestNothingLeft makes; 1000 when unset.
const callsEnv = "TANDEM_CALLS"

// callers is how many of them come at one time.
const callers = 8

// TestNothingLeft: after many short calls of every kind the switch holds what
// it held before.
func TestNothingLeft(t *testing.T) {
	calls := number(t, callsEnv, 1000)
	h := prepareHouse(t, siegeSettings("immediate"))
	h.fixPort()
	h.edit("domain: pbx.test", "domain: pbx.test\n  max_calls: 3000\n  max_calls_per_second: 5000")
	h.edit("recording: { enabled: true }", "recording: { enabled: false }\nlog: { level: warn }\nlimits: { requests_per_second: 100000 }")
	h.edit("keepalive: 0s", "keepalive: 0s, max_calls: 3000, calls_per_second: 5000")
	h.spawn()
	s := &siege{house: h}
	s.man()
	for i, p := range s.phones {
		p.Handle(func(c *peer.Call) { briefly(c, i) })
	}
	s.rush(callers) // what is made once is there now
	before := s.held()
	began := time.Now()
	s.rush(calls)
	took := time.Since(began)
	var after holding
	s.settled("the switch holds what it held", func() bool {
		after = s.held()
		return after.calls == 0 && after.goroutines <= before.goroutines && after.files <= before.files
	}, func() string { return after.String() + ", before " + before.String() })
	t.Logf("%d calls in %s (%.0f a second); before: %s; after: %s", calls, took.Round(time.Millisecond),
		float64(calls)/took.Seconds(), before, after)
	results := 0
	for _, rec := range s.calls() {
		if rec.Result != call.ResultNone {
			results++
		}
	}
	if results < calls {
		t.Errorf("%d calls have a result, %d were made", results, calls)
	}
}

// briefly is what phones do with a call: some decline, some lift.
func briefly(c *peer.Call, phone int) {
	_ = c.Ring() // the caller may be gone already, here and below
	if phone%3 == 0 {
		_ = c.Reject(486)
		return
	}
	_ = c.Answer()
}

// rush makes calls, a few at a time; each is over soon.
func (s *siege) rush(calls int) {
	s.t.Helper()
	var wg sync.WaitGroup
	todo := make(chan int)
	for range callers {
		wg.Go(func() {
			for n := range todo {
				s.passing(n)
			}
		})
	}
	for n := range calls {
		todo <- n
	}
	close(todo)
	wg.Wait()
}

// passing is one short call: the caller hangs up at once, or stays until the
// salesperson lifted or declined.
func (s *siege) passing(n int) {
	ctx, cancel := wait()
	defer cancel()
	c, err := s.carrier.Call(ctx, peer.CallOptions{From: contactOf(n % 500), To: salesNumber, Server: s.sip})
	if err != nil {
		s.t.Error(err)
		return
	}
	if err := c.WaitAnswered(ctx); err != nil {
		s.t.Errorf("call %d: %v", n, err)
		return
	}
	if n%3 > 0 {
		lasts(c, 100*time.Millisecond)
	}
	_ = c.Hangup(ctx) // the switch may have ended it
	if _, err := c.WaitEnded(ctx); err != nil {
		s.t.Errorf("call %d: %v", n, err)
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
type holding struct{ calls, goroutines, files, memory int }

func (h holding) String() string {
	return strconv.Itoa(h.calls) + " calls, " + strconv.Itoa(h.goroutines) + " goroutines, " + strconv.Itoa(h.files) +
		" descriptors, " + strconv.Itoa(h.memory>>20) + " MB of memory"
}

// held reads what the switch's process holds from its metrics.
func (h *house) held() holding {
	h.t.Helper()
	res, err := h.api.http.Get("http://tandem/metrics")
	h.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		h.t.Fatalf("metrics: %s", res.Status)
	}
	body, err := io.ReadAll(res.Body)
	h.must(err)
	text := string(body)
	return holding{
		calls: h.metric(text, `tandem_calls_active{direction="inbound"}`), goroutines: h.metric(text, "go_goroutines"),
		files: h.metric(text, "process_open_fds"), memory: h.metric(text, "process_resident_memory_bytes"),
	}
}

// metric returns the value of one line of metrics.
func (h *house) metric(text, name string) int {
	h.t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		h.t.Fatalf("no metric %s in %s", name, strings.TrimSpace(text))
	}
	v, err := strconv.ParseFloat(m[1], 64)
	h.must(err)
	return int(math.Round(v))
}
