package daemon_test

import (
	"fmt"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
)

// capacity is how many calls TestTwiceTheCapacity may have at one time.
const capacity = 8

// TestTwiceTheCapacity: beyond what the switch may carry new calls get 503 with
// Retry-After and leave nothing but a count and a line of the log; within the
// live ones everything is served, and a place that comes free is taken.
func TestTwiceTheCapacity(t *testing.T) {
	h := prepareHouse(t, settings{reception: "timeout: 60s"})
	h.edit("domain: pbx.test", "domain: pbx.test\n  max_calls: 8\n  max_calls_per_second: 1000")
	h.run()
	live, talking, waiting := h.full()
	before := h.held()
	for n := range 2 * capacity {
		h.turnedAway(contactOf(100 + n))
	}
	m := h.api.Metrics()
	if got := m.Value(`tandem_calls_refused_total{reason="full"}`); got != 2*capacity {
		t.Errorf("refused: %v", got)
	}
	if !h.logged.has("calls are refused") {
		t.Error("the log does not tell")
	}
	if n := len(daemontest.List[call.Record](h.api, "/calls?limit=500")); n != capacity {
		t.Errorf("%d calls on record, want %d", n, capacity)
	}
	h.settles(before)

	ctx, cancel := wait()
	defer cancel()
	h.must(talking.Hold(ctx))
	h.must(talking.Resume(ctx))
	h.must(waiting.Hangup(ctx))
	for i, c := range live[:2] {
		h.oneStream(fmt.Sprint("call ", i), c)
	}
	h.hears("the contact", live[0], anaTone)
	var next *peer.Call
	daemontest.Eventually(t, "the place is taken", func() bool {
		next = h.call(func(o *peer.CallOptions) { o.From = contactOf(200) })
		return next.WaitAnswered(ctx) == nil
	})
	h.hearsMusic("the next caller", next)
	h.must(talking.Hangup(ctx))
	h.ended("whom ana talked to", live[0])
}

// full has as many calls as there may be: the first is talking to ana, the last
// waits.
func (h *house) full() (live []*peer.Call, talking, waiting *peer.Call) {
	h.t.Helper()
	ana := h.phone("ana", anaTone)
	ctx, cancel := wait()
	defer cancel()
	for n := range capacity {
		c := h.call(func(o *peer.CallOptions) { o.From = contactOf(n) })
		if n == 0 {
			talking = h.answered(ana)
		}
		h.must(c.WaitAnswered(ctx))
		live = append(live, c)
	}
	h.hears("the contact", live[0], anaTone)
	return live, talking, live[capacity-1]
}

// turnedAway fails unless a new call is asked to come later.
func (h *house) turnedAway(from string) {
	h.t.Helper()
	c := h.call(func(o *peer.CallOptions) { o.From = from })
	if end := h.ended("the caller beyond", c); end.Code != 503 || end.Last.Get("Retry-After") == "" {
		h.t.Errorf("the caller beyond %s", end)
	}
}

// settles waits until the switch holds what it held.
func (h *house) settles(before holding) {
	h.t.Helper()
	var after holding
	(&siege{house: h}).settled("the switch holds what it held", func() bool {
		after = h.held()
		return after.within(before)
	}, func() string { return after.String() + ", before " + before.String() })
}

// TestRush: more calls a second than there may be are asked to come later, and
// once they come more slowly every one is taken.
func TestRush(t *testing.T) {
	h := prepareHouse(t, settings{reception: "timeout: 60s"})
	h.edit("domain: pbx.test", "domain: pbx.test\n  max_calls_per_second: 2")
	h.run()
	var calls []*peer.Call
	for n := range 10 {
		calls = append(calls, h.call(func(o *peer.CallOptions) { o.From = contactOf(n) }))
	}
	ctx, cancel := wait()
	defer cancel()
	refused := 0
	for _, c := range calls {
		if c.WaitAnswered(ctx) == nil {
			continue
		}
		refused++
		if end := h.ended("a caller", c); end.Code != 503 || end.Last.Get("Retry-After") == "" {
			t.Errorf("a caller %s", end)
		}
	}
	if got := h.api.Metrics().Value(`tandem_calls_refused_total{reason="rate"}`); refused == 0 || got != float64(refused) {
		t.Errorf("refused: %d, counted %v", refused, got)
	}
	daemontest.Eventually(t, "calls are taken again", func() bool {
		return h.call(func(o *peer.CallOptions) { o.From = contactOf(20) }).WaitAnswered(ctx) == nil
	})
}
