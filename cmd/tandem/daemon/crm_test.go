package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/config"
	"tandem/crm"
	"tandem/web"
)

// notebook is a CRM that notes what it is told.
type notebook struct {
	mu      sync.Mutex
	down    bool
	told    map[call.ID][]crm.Step
	newest  map[call.ID]crm.Activity
	numbers []string
}

func (n *notebook) Name() string { return "hubspot" }

func (n *notebook) Steps() []crm.Step {
	return []crm.Step{crm.StepContact, crm.StepActivity, crm.StepCompletion}
}

func (n *notebook) Do(_ context.Context, s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return refs, &crm.Fault{Kind: crm.FaultAccess, Say: "the token is not taken any more: make a new one", Err: errors.New("401")}
	}
	n.told[a.CallID] = append(n.told[a.CallID], s)
	n.newest[a.CallID] = a
	switch s {
	case crm.StepContact:
		n.numbers = append(n.numbers, a.Number)
		refs.Contact = "77"
	case crm.StepActivity:
		refs.Activity = "501"
	case crm.StepAssociation, crm.StepCallLog, crm.StepRecording, crm.StepCompletion:
	}
	return refs, nil
}

func (n *notebook) activity(id call.ID) (crm.Activity, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.newest[id], len(n.told[id])
}

func (n *notebook) setDown(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// crmHouse is a house whose calls are logged.
func crmHouse(t *testing.T) (*house, *notebook) {
	n := &notebook{told: map[call.ID][]crm.Step{}, newest: map[call.ID]crm.Activity{}}
	h := prepareHouse(t, settings{
		members: "ana", extra: "crm: { provider: hubspot, token: secret, sync_after: 3s, dispositions: { completed: Connected } }",
	})
	h.edit(`extension: "101",`, `extension: "101", crm_owner: "771",`)
	h.edit(`http: { listen: "127.0.0.1:0" }`, `http: { listen: "127.0.0.1:0", public_url: "https://pbx.example" }`)
	h.vendor = func(c config.CRM) (crm.Vendor, error) {
		if c.Provider == config.NoCRM {
			return nil, nil
		}
		return n, nil
	}
	h.run()
	return h, n
}

// TestCRM: an ended call is in the CRM, complete with recording and notes, and
// says so; a call between colleagues is not.
func TestCRM(t *testing.T) {
	h, n := crmHouse(t)
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.ended("ana", user)
	rec := h.record(1)
	h.api.Want(http.StatusOK, http.MethodPatch, "/calls/"+string(rec.ID), map[string]string{"notes": "wants <two>"})
	daemontest.Eventually(t, "the call is complete", func() bool {
		a, steps := n.activity(rec.ID)
		return steps == 3 && strings.Contains(a.Body, "wants &lt;two&gt;")
	})
	a, _ := n.activity(rec.ID)
	if a.Number != contactNumber || a.Owner != "771" || a.Disposition != "Connected" || a.Recording != "https://pbx.example/api/v1/calls/"+string(rec.ID)+"/recording" ||
		!strings.HasPrefix(a.Title, "Inbound call – completed – María López") || !strings.Contains(a.Body, "Ana García") {
		t.Errorf("%+v", a)
	}
	if got := h.record(1).CRM; got == nil || *got != (call.Sync{Status: crm.SyncSynced, ID: "501"}) {
		t.Errorf("the call says %+v", got)
	}
	inside := h.dials(ana, "102")
	colleague := h.answered(luis)
	h.must(inside.Hangup(ctx))
	h.ended("luis", colleague)
	if got := h.record(2); got.CRM != nil {
		t.Errorf("a call between colleagues is logged: %+v", got.CRM)
	}
	text := h.api.Metrics().Text
	for _, line := range []string{"tandem_crm_pending 0", "tandem_crm_failed 0", "tandem_crm_lag_seconds_count 1", `tandem_crm_stopped{reason="access"} 0`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no metric %s", line)
		}
	}
}

// TestCRMRefuses: a CRM that refuses the token harms no call and is loud; a
// retry, a restart and a reload keep what waits.
func TestCRMRefuses(t *testing.T) {
	h, n := crmHouse(t)
	n.setDown(true)
	contact := h.call()
	h.ended("the contact", contact) // nobody is there
	rec := h.record(1)
	status := func() web.CRMStatus { return daemontest.Read[web.CRMStatus](h.api, "/crm") }
	daemontest.Eventually(t, "the fault is known", func() bool { return status().State == "access" })
	s := status()
	if s.Provider != "hubspot" || s.Pending != 1 || s.Failed != 0 || s.Oldest == nil || s.Until == nil || !strings.Contains(s.Error, "make a new one") {
		t.Errorf("status: %+v", s)
	}
	if !h.api.Ready() || !h.logged.has("calls wait for the CRM") {
		t.Error("the switch is not ready, or says nothing")
	}
	if got := h.record(1).CRM; got == nil || got.Status != crm.SyncPending || got.Error == "" {
		t.Errorf("the call says %+v", got)
	}
	h.stop()
	h.run()
	h.edit("provider: hubspot", "provider: none")
	h.api.Want(http.StatusNoContent, http.MethodPost, "/reload", nil)
	if s := status(); s.State != "off" || s.Provider != "none" || s.Pending != 1 {
		t.Errorf("without a provider: %+v", s)
	}
	h.edit("provider: none", "provider: hubspot")
	n.setDown(false)
	h.api.Want(http.StatusNoContent, http.MethodPost, "/reload", nil)
	h.api.Want(http.StatusOK, http.MethodPost, "/crm/retry", map[string]bool{"all": true})
	h.api.Want(http.StatusNotFound, http.MethodPost, "/crm/retry", map[string]any{"calls": []call.ID{call.NewID(time.Now())}})
	daemontest.Eventually(t, "the call is logged", func() bool {
		got := h.record(1).CRM
		return got.Status == crm.SyncSynced && got.Error == ""
	})
	if a, _ := n.activity(rec.ID); a.Reason != call.MissedNoUser || a.Disposition != "" {
		t.Errorf("%+v", a)
	}
}
