package daemon_test

import (
	"testing"
	"time"

	"tandem/cmd/tandem/daemon/daemontest"
)

// TestCRMKill kills the switch after a call's end, before the CRM has heard of
// it, and then each time that the CRM has carried out a write and the switch has
// not noted it: there is one activity, of one contact.
func TestCRMKill(t *testing.T) {
	eachCRM(t, func(t *testing.T, c *standIn) {
		h := c.house("ana")
		h.fixPort()
		sw := h.spawn()
		ana := h.phone("ana", anaTone)
		contact := h.call()
		user := h.answered(ana)
		h.hears("the contact", contact, anaTone)
		c.close()
		h.hangsUp(contact, "ana", user)
		rec := h.record(1)
		sw.kill()
		c.open()
		for _, w := range c.writes {
			c.withhold(w)
			sw = h.spawn()
			select {
			case <-c.held:
			case <-time.After(daemontest.Patience):
				t.Fatalf("no %s %s", w.method, w.path)
			}
			sw.kill()
		}
		h.spawn()
		h.drained()
		c.holds(rec)
		if n := c.contacts(); n != 1 {
			t.Errorf("%d contacts, want 1", n)
		}
	})
}
