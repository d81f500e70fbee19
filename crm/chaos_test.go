package crm_test

import (
	"context"
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
)

// chaos does things at random and remembers what has to come of them.
type chaos struct {
	*house
	rng   *rand.Rand
	calls []call.ID
	notes map[call.ID]string
}

// TestChaos: whatever fails, whenever, in the end every call is in the CRM
// once, with its person and its newest notes.
func TestChaos(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				c := &chaos{house: h, rng: rand.New(rand.NewPCG(seed, 7)), notes: map[call.ID]string{}}
				for range 150 {
					c.step()
					pass(time.Duration(c.rng.IntN(40)) * time.Second)
				}
				h.vendor.set(nil, nil)
				_, err := h.worker.Retry(t.Context(), nil)
				h.must(err)
				pass(15 * time.Minute)
				_, err = h.worker.Retry(t.Context(), nil) // what failed since
				h.must(err)
				pass(15 * time.Minute)
				c.check()
			})
		})
	}
}

func (c *chaos) step() {
	switch n := c.rng.IntN(12); {
	case n < 4:
		number := phone(c.rng.IntN(6))
		if n == 0 {
			number = ""
		}
		c.calls = append(c.calls, c.end(number))
	case n < 7 && len(c.calls) > 0:
		id := c.calls[c.rng.IntN(len(c.calls))]
		c.notes[id] = fmt.Sprintf("note <%d>", c.rng.IntN(1000))
		c.note(id, c.notes[id])
	case n == 7:
		c.vendor.set(c.flaky(), nil)
	case n == 8:
		c.vendor.set(nil, c.flaky())
	case n == 9:
		c.vendor.set(nil, nil)
	case n == 10:
		c.stop()
		c.must(c.store.Close())
		c.open()
		c.start(c.store)
	case n == 11:
		c.vendor.mu.Lock()
		delete(c.vendor.contacts, phone(c.rng.IntN(6)))
		c.vendor.mu.Unlock()
	}
}

// flaky is a rule that fails some steps in every way that there is.
func (c *chaos) flaky() func(crm.Step, crm.Activity) error {
	rate, seed := c.rng.IntN(100), c.rng.Uint64() // the rule itself is asked by several at once
	return func(s crm.Step, a crm.Activity) error {
		r := rand.New(rand.NewPCG(seed, uint64(time.Now().UnixNano())^uint64(len(s))^uint64(a.CallID[25])))
		if r.IntN(100) >= rate {
			return nil
		}
		switch kind := crm.FaultKind(r.IntN(7)); kind {
		case crm.FaultRetry, crm.FaultBudget, crm.FaultAccess, crm.FaultRefused, crm.FaultNoContact:
			return &crm.Fault{Kind: kind, Say: "chaos", After: time.Duration(r.IntN(60)) * time.Second}
		}
		return [...]error{context.Canceled, context.DeadlineExceeded}[r.IntN(2)]
	}
}

func (c *chaos) check() {
	c.t.Helper()
	if s := c.sum(); s.ToLog+s.ToComplete+s.Failed != 0 || s.Stop != crm.StopNone {
		c.t.Errorf("left: %+v", s)
	}
	if len(c.vendor.activities) != len(c.calls) {
		c.t.Errorf("%d activities of %d calls", len(c.vendor.activities), len(c.calls))
	}
	for _, id := range c.calls {
		is := c.vendor.of(id)
		if is == nil || len(is.sent) == 0 || (is.activity.Number == "") != (is.contact == "") {
			c.t.Errorf("call %s: %+v", id, is)
			continue
		}
		if !strings.Contains(is.activity.Body, html.EscapeString(c.notes[id])) {
			c.t.Errorf("call %s says %s, and %q is noted", id, is.activity.Body, c.notes[id])
		}
		if s := c.status(id); s != (call.Sync{Status: crm.SyncSynced, ID: is.id}) {
			c.t.Errorf("call %s says %+v", id, s)
		}
	}
}
