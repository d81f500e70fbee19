package daemon_test

import (
	"net/http"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// TestClosed plays the message and hangs up.
func TestClosed(t *testing.T) {
	h := newHouse(t, settings{})
	contact := h.call(func(o *peer.CallOptions) { o.To = closedNumber })
	h.hearsMusic("the contact is told", contact)
	if end := h.ended("the contact", contact); end.How != peer.ByBYE || !end.Remote {
		t.Errorf("the contact %s", end)
	}
	h.missedOnce(call.ResultOfficeClosed, call.MissedClosed, "ana")
}

// TestRedirect sends a caller after hours to an outside number.
func TestRedirect(t *testing.T) {
	h := newHouse(t, settings{closed: "redirect: \"" + outsideNumber + "\""})
	contact := h.call(func(o *peer.CallOptions) { o.To = closedNumber })
	outside := h.redirected()
	h.must(outside.Ring())
	h.must(outside.Answer())
	outside.Media().Say(peer.Tone(outsideTone))
	h.hears("the contact", contact, outsideTone)
	h.hears("outside", outside, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.ended("outside", outside)
	rec := h.record(1)
	if rec.Result != call.ResultOfficeClosed || rec.Missed || rec.RedirectedTo != outsideNumber || rec.AnsweredAt == nil {
		t.Errorf("record: %+v", rec)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 1 {
		t.Errorf("missed_task always: %+v", tasks)
	}
}

// redirected waits for the switch's call to the carrier.
func (h *house) redirected() *peer.Call {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	c, err := h.carrier.Accept(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if got := peer.ParseAddress(c.Invite().URI).User(); got != outsideNumber {
		h.t.Errorf("redirected to %s", got)
	}
	return c
}

func TestRedirectUnanswered(t *testing.T) {
	h := newHouse(t, settings{closed: "missed_task: unanswered, redirect: \"" + outsideNumber + "\""})
	contact := h.call(func(o *peer.CallOptions) { o.To = closedNumber })
	outside := h.redirected()
	h.must(outside.Ring())
	h.must(outside.Reject(486))
	h.ended("the contact", contact)
	h.missedOnce(call.ResultOfficeClosed, call.MissedClosed, "ana")
}

// TestOverride closes an open playbook by command.
func TestOverride(t *testing.T) {
	h := newHouse(t, settings{})
	h.phone("ana", anaTone)
	h.api.Want(http.StatusOK, http.MethodPost, "/playbooks/sales/override", map[string]any{"open": false})
	contact := h.call()
	h.ended("the contact", contact)
	h.missedOnce(call.ResultOfficeClosed, call.MissedClosed, "ana")
}
