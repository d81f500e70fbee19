package daemon_test

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
)

// otherContact is somebody else who calls.
const otherContact = "+34600777888"

// TestCRMIsDown: what ends while the CRM is not there is logged when it is, each
// call once and each contact once.
func TestCRMIsDown(t *testing.T) {
	eachCRM(t, func(t *testing.T, c *standIn) {
		h := c.house("ana, luis")
		h.run()
		ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
		contact := h.call()
		user := h.answered(ana)
		h.hears("the contact", contact, anaTone)
		other := h.call(func(o *peer.CallOptions) { o.From = otherContact })
		colleague := h.answered(luis)
		h.hears("the other contact", other, luisTone)
		c.close()
		h.hangsUp(contact, "ana", user)
		h.hangsUp(other, "luis", colleague)
		var calls []call.Record
		daemontest.Eventually(t, "both calls say that the CRM is not there", func() bool {
			calls = daemontest.List[call.Record](h.api, "/calls")
			return calls[0].CRM != nil && calls[0].CRM.Error != "" && calls[1].CRM != nil && calls[1].CRM.Error != ""
		})
		if s := h.crm(); s.Pending != 2 || s.Failed != 0 || s.Oldest == nil {
			t.Errorf("while it is away: %+v", s)
		}
		if !h.api.Ready() {
			t.Error("the switch is not ready without its CRM")
		}
		c.open()
		h.drained()
		c.holds(calls...)
		if n := c.contacts(); n != 2 {
			t.Errorf("%d contacts, want 2", n)
		}
	})
}

// TestCRMRefusesToken: a wrong token is told with what to do, and calls wait
// until the right one is there.
func TestCRMRefusesToken(t *testing.T) {
	eachCRM(t, func(t *testing.T, c *standIn) {
		const wrong = "pat-eu1-of-long-ago"
		h := c.house("ana")
		h.edit(crmToken, wrong)
		h.run()
		rec := h.givenUp(h.phone("ana", anaTone))
		daemontest.Eventually(t, "the fault is known", func() bool { return h.crm().State == "access" })
		s := h.crm()
		if s.Pending != 1 || s.Failed != 0 || s.Until == nil || !strings.Contains(s.Error, "crm.token") {
			t.Errorf("status: %+v", s)
		}
		if !h.logged.has("calls wait for the CRM") {
			t.Error("the log says nothing")
		}
		h.discreet(wrong)
		h.edit(wrong, crmToken)
		h.api.Want(http.StatusNoContent, http.MethodPost, "/reload", nil)
		h.drained()
		c.holds(rec)
		if s := h.crm(); s.State != "working" {
			t.Errorf("afterwards: %+v", s)
		}
		h.discreet(crmToken)
	})
}

// givenUp is a call whose contact hangs up while a phone rings.
func (h *house) givenUp(p *peer.Phone) call.Record {
	h.t.Helper()
	contact := h.call()
	h.rung(p)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	return h.record(1)
}

// privateHost is a host of which only the dialer can tell that it is none of
// the Internet's: this machine's name where that leads to loopback, else an
// address that carriers share (RFC 6598).
func privateHost(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	found, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", name)
	if err != nil || name == "localhost" || slices.ContainsFunc(found, func(a netip.Addr) bool { return !a.Unmap().IsLoopback() }) {
		name = "100.64.0.1"
	}
	t.Logf("the address leads to %s", name)
	return name
}

// TestCRMIsPrivate: an address that turns out to be this machine's own is not
// asked, unless that is meant.
func TestCRMIsPrivate(t *testing.T) {
	c, hs := hubSpot(t)
	h := c.house("ana")
	at, err := url.Parse("http://" + c.addr)
	h.must(err)
	private := net.JoinHostPort(privateHost(t), at.Port())
	h.edit(`"http://`+c.addr+`", allow_private: true`, `"https://`+private+`"`)
	h.run()
	rec := h.givenUp(h.phone("ana", anaTone))
	daemontest.Eventually(t, "the fault is known", func() bool { return h.crm().State == "access" })
	if s := h.crm(); !strings.Contains(s.Error, "set crm.allow_private") || s.Pending != 1 {
		t.Errorf("status: %+v", s)
	}
	if asked := hs.Requests(); len(asked) != 0 {
		t.Errorf("it was asked all the same: %q", asked)
	}
	h.edit("https://"+private, "https://"+c.addr)
	body := h.api.Want(http.StatusUnprocessableEntity, http.MethodPost, "/reload", nil)
	if !strings.Contains(string(body), "allow_private") {
		t.Errorf("the refusal of the address itself: %s", body)
	}
	h.edit(`"https://`+c.addr+`"`, `"http://`+c.addr+`", allow_private: true`)
	h.api.Want(http.StatusNoContent, http.MethodPost, "/reload", nil)
	h.drained()
	c.holds(rec)
	h.discreet(crmToken)
}
