package daemon_test

import (
	"net/http"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// The account's further numbers of TestShownNumber.
const (
	mainNumber    = "+34910000009"
	britishNumber = "+442071838750"
)

// numbered is a house with numbers of two countries, one of them the playbook's
// main number, and a user without a playbook.
func numbered(t *testing.T) *house {
	t.Helper()
	h := prepareHouse(t, settings{users: `- { name: eva, extension: "103", sip_password: secret-eva }`})
	h.edit("users:\n", `  - { number: "`+mainNumber+`", trunks: [carrier], playbook: sales }
  - { number: "`+britishNumber+`", trunks: [carrier], playbook: sales }
users:
`)
	h.edit("wrap_up: 0s", `wrap_up: 0s
    main_number: "`+mainNumber+`"`)
	h.edit("keepalive: 0s }", "keepalive: 0s, calls_per_second: 100 }")
	h.fixPort()
	return h
}

// shows fails unless a call of a user to a number shows the wanted one of ours,
// by the wanted rule. The call is over when it returns.
func (h *house) shows(user string, p *peer.Phone, to, number string, rule routing.Rule) {
	h.t.Helper()
	placed := h.place(order{"user": user, "to": to})
	if placed.Number != number || placed.NumberRule != string(rule) {
		h.t.Errorf("%s calls %s: shows %s by %s, want %s by %s", user, to, placed.Number, placed.NumberRule, number, rule)
	}
	own := h.rung(p)
	h.api.Want(http.StatusNoContent, http.MethodDelete, "/calls/"+string(placed.ID), nil)
	h.ended(user, own)
	h.userIs(user, func(u routing.UserState) bool { return u.Activity == routing.ActivityIdle })
}

// TestShownNumber goes through the rules by which an outbound call's number is
// chosen. What was learned of contacts survives a restart.
func TestShownNumber(t *testing.T) {
	h := numbered(t)
	h.run()
	ana := h.phone("ana", anaTone)
	eva := h.phone("eva", luisTone)

	h.shows("ana", ana, "+442079460000", britishNumber, routing.RuleCountry)
	h.shows("ana", ana, "+34600777001", mainNumber, routing.RuleCountry) // the playbook's main number is the first of its country
	h.shows("ana", ana, "+33612345678", mainNumber, routing.RuleMain)
	h.shows("eva", eva, "+33612345678", salesNumber, routing.RuleAny)

	// Talked to once, through a number that was asked for.
	placed := h.place(order{"user": "ana", "to": outsideNumber, "number": britishNumber})
	if placed.Number != britishNumber || placed.NumberRule != string(routing.RuleAsked) {
		t.Errorf("asked for: %s by %s", placed.Number, placed.NumberRule)
	}
	user := h.lifts(ana)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	if shown := peer.ParseAddress(outside.Invite().Get("P-Asserted-Identity")).User(); shown != britishNumber {
		t.Errorf("the carrier is shown %q", shown)
	}
	h.must(outside.Answer())
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	h.hangsUp(user, "outside", outside)
	h.userIs("ana", routing.UserState.Available)

	// Called us last on a number of another playbook.
	contact := h.call(func(o *peer.CallOptions) { o.To = closedNumber })
	h.ended("the contact", contact)
	h.contactCalled(contactNumber, closedNumber)

	learned := func() {
		h.t.Helper()
		h.shows("ana", ana, outsideNumber, britishNumber, routing.RuleLastTalked)
		h.shows("ana", ana, contactNumber, closedNumber, routing.RuleLastCalled)
	}
	learned()
	h.stop()
	h.run()
	for _, name := range []string{"ana", "eva"} {
		h.userIs(name, routing.UserState.Available) // registered before the restart
	}
	learned()
}

// contactCalled waits until a contact is known to have called a number last.
func (h *house) contactCalled(contact, number string) {
	h.t.Helper()
	daemontest.Eventually(h.t, contact+" has called "+number, func() bool {
		for _, c := range daemontest.List[routing.Contact](h.api, "/contacts?number="+contact[1:]) {
			if c.LastNumber == number {
				return true
			}
		}
		return false
	})
}

// TestTrunkFull: a number whose trunk has no free channel is not shown; when
// none has, the call is refused.
func TestTrunkFull(t *testing.T) {
	h := prepareHouse(t, settings{})
	second := h.secondCarrier()
	h.edit("numbers:\n", "numbers:\n  - { number: \""+britishNumber+"\", trunks: [second], playbook: sales }\n")
	h.edit("trunks: [carrier, second]", "trunks: [carrier]")
	h.edit("allow: [127.0.0.2/32], keepalive: 0s }", "allow: [127.0.0.2/32], keepalive: 0s, max_calls: 1 }")
	h.edit("allow: [127.0.0.3/32], keepalive: 0s }", "allow: [127.0.0.3/32], keepalive: 0s, max_calls: 1 }")
	h.run()
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	h.connected(ana, anaTone)

	user := h.dials(luis, contactNumber)
	outside := h.reaches(second, contactNumber, secondTone)
	h.must(outside.Answer())
	h.talk("luis", user, luisTone, "outside", outside, secondTone)
	if end := h.ended("ana", h.dials(ana, "+34600333444")); end.Code != 503 {
		t.Errorf("both trunks are full: ana's phone %s", end)
	}
	h.hangsUp(user, "outside", outside)
	for _, rec := range daemontest.List[call.Record](h.api, "/calls") {
		if rec.User == "luis" && (rec.Trunk != "second" || rec.Number != britishNumber) {
			t.Errorf("luis's call: %+v", rec)
		}
	}
}
