package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// notified waits until a phone is told how its REFER does.
func (h *house) notified(c *peer.Call, status int) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	_, err := c.WaitMessage(ctx, func(m *peer.Message) bool {
		return m.Method == "NOTIFY" && strings.HasPrefix(string(m.Body), fmt.Sprintf("SIP/2.0 %d", status)) &&
			strings.HasPrefix(m.Get("Event"), "refer")
	})
	if err != nil {
		h.t.Fatalf("no NOTIFY of %d: %v", status, err)
	}
}

// refers passes a call on by a phone, which is told that it is tried.
func (h *house) refers(c *peer.Call, to string, replacing *peer.Call) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	h.must(c.Refer(ctx, to, replacing))
	h.notified(c, 100)
}

// segments tells who talked with the contact, one after another.
func segments(rec call.Record) string {
	var who []string
	for _, s := range rec.Segments {
		who = append(who, s.User+s.Number)
	}
	return strings.Join(who, " ")
}

// passedOn checks the record of a call that was passed on.
func (h *house) passedOn(n int, id call.ID, user, talked string) call.Record {
	h.t.Helper()
	daemontest.Eventually(h.t, "the calls have ended", func() bool {
		return len(daemontest.List[call.Record](h.api, "/calls?active=false")) == n
	})
	rec := daemontest.Read[call.Record](h.api, "/calls/"+string(id))
	if rec.Result != call.ResultCompleted || rec.Missed || rec.User != user || segments(rec) != talked {
		h.t.Errorf("record: result %s, user %s, talked with %s; want %s, %s", rec.Result, rec.User, segments(rec), user, talked)
	}
	for _, name := range []string{"ana", "luis"} {
		h.userIs(name, func(u routing.UserState) bool { return u.Activity == routing.ActivityIdle })
	}
	return rec
}

// TestBlindTransfer passes a contact on to a colleague, by extension and by
// name: one call, one recording, two people.
func TestBlindTransfer(t *testing.T) {
	for _, to := range []string{"102", "luis"} {
		t.Run(to, func(t *testing.T) {
			h := newHouse(t, settings{members: "ana"})
			ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
			contact, user, id := h.conversation(ana)
			h.refers(user, to, nil)
			colleague := h.rung(luis)
			if from := colleague.From(); from.Display != "María López" || from.User() != contactNumber {
				t.Errorf("luis's phone shows %s", from)
			}
			h.hearsMusic("the contact", contact)
			h.must(colleague.Answer())
			h.notified(user, 200)
			if end := h.ended("ana", user); end.How != peer.ByBYE || !end.Remote {
				t.Errorf("ana's phone %s", end)
			}
			h.talk("luis", colleague, luisTone, "the contact", contact, contactTone)
			h.oneStream("the contact", contact)
			h.hangsUp(contact, "luis", colleague)
			h.passedOn(1, id, "luis", "ana luis")
			h.sealed(id)
			left, right := h.wholeChannels(id)
			if got := pattern(left, contactTone); !strings.Contains(got, "x") {
				t.Errorf("the contact's channel: %s", got)
			}
			for name, hz := range map[string]float64{"ana": anaTone, "luis": luisTone} {
				if got := pattern(right, hz); !strings.Contains(got, "x") {
					t.Errorf("%s is not on the tape: %s", name, got)
				}
			}
		})
	}
}

// TestTransferOutside passes a contact on to a number outside.
func TestTransferOutside(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	h.refers(user, "600999888", nil)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.must(outside.Answer())
	h.notified(user, 200)
	h.ended("ana", user)
	h.talk("outside", outside, outsideTone, "the contact", contact, contactTone)
	h.hangsUp(outside, "the contact", contact)
	h.passedOn(1, id, "ana", "ana "+outsideNumber)
}

// TestTransferToPlaybook puts a contact into a playbook's queue.
func TestTransferToPlaybook(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	h.api.Want(http.StatusOK, http.MethodPut, "/users/luis/status", map[string]string{"status": "available"})
	ana := h.phone("ana", anaTone)
	user := h.dials(ana, outsideNumber)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Answer())
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	id := daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.refers(user, "sales", nil)
	h.notified(user, 200)
	h.ended("ana", user)
	h.hearsMusic("outside", outside)
	h.becomes(id, call.StateQueued)
	luis := h.phone("luis", luisTone)
	picked := h.dials(luis, "*8") // not of the playbook
	h.ended("luis", picked)
	again := h.dials(ana, "*8")
	h.talk("ana", again, anaTone, "outside", outside, outsideTone)
	h.hangsUp(outside, "ana", again)
	rec := h.passedOn(1, id, "ana", "ana ana")
	if rec.Direction != call.Outbound {
		t.Errorf("direction %s", rec.Direction)
	}
}

// TestTransferFails: whoever passed the call on has it back, whatever was wrong.
func TestTransferFails(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	for _, c := range []struct {
		to     string
		status int
		fail   func()
	}{
		{"102", 486, func() { h.must(h.rung(luis).Reject(486)) }},
		{"102", 603, func() { h.must(h.rung(luis).Reject(603)) }},
		{outsideNumber, 404, func() { h.must(h.reaches(h.carrier, outsideNumber, outsideTone).Reject(404)) }},
		{"maria", 484, func() {}},
		{salesNumber, 403, func() {}},
		{"101", 486, func() {}}, // herself, who is on a call
	} {
		h.refers(user, c.to, nil)
		c.fail()
		h.notified(user, c.status)
		h.becomes(id, call.StateActive)
		h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	}
	h.hangsUp(user, "the contact", contact)
	h.passedOn(1, id, "ana", "ana")
}

// TestTransferHungUp: a salesperson who hangs up after the REFER has passed the
// call on for good, unless it fails: then it comes back to their phone.
func TestTransferHungUp(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.refers(user, "102", nil)
	first := h.rung(luis)
	h.must(user.Hangup(ctx))
	h.hearsMusic("the contact", contact)
	h.must(first.Reject(486))
	back := h.answered(ana)
	h.talk("ana", back, anaTone, "the contact", contact, contactTone)
	h.refers(back, "102", nil)
	second := h.rung(luis)
	h.must(back.Hangup(ctx))
	h.must(second.Answer())
	h.talk("luis", second, luisTone, "the contact", contact, contactTone)
	h.hangsUp(contact, "luis", second)
	h.passedOn(1, id, "luis", "ana ana luis")
}

// TestContactGoneMidTransfer: nobody rings for a contact who hung up.
func TestContactGoneMidTransfer(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	h.refers(user, "102", nil)
	colleague := h.rung(luis)
	h.hangsUp(contact, "ana", user)
	if end := h.ended("luis", colleague); end.How != peer.ByCANCEL {
		t.Errorf("luis's phone %s", end)
	}
	h.passedOn(1, id, "ana", "ana")
}

// TestAttendedTransfer: a salesperson talks to a colleague, or to somebody
// outside, while the contact is on hold, and brings the two together.
func TestAttendedTransfer(t *testing.T) {
	for name, c := range map[string]struct {
		to           string
		user, talked string // of the contact's call
	}{
		"colleague": {"102", "luis", "ana luis"},
		"outside":   {outsideNumber, "ana", "ana " + outsideNumber},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, settings{members: "ana"})
			ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
			contact, user, id := h.conversation(ana)
			ctx, cancel := wait()
			defer cancel()
			h.must(user.Hold(ctx))
			h.hearsMusic("the contact", contact)
			consultation := h.dials(ana, c.to)
			tone := float64(luisTone)
			var third *peer.Call
			if c.to == outsideNumber {
				tone = outsideTone
				third = h.reaches(h.carrier, outsideNumber, outsideTone)
				h.must(third.Answer())
			} else {
				third = h.answered(luis)
			}
			h.talk("ana", consultation, anaTone, c.to, third, tone)
			h.hearsMusic("the contact, still,", contact)
			h.refers(user, c.to, consultation)
			h.notified(user, 200)
			h.ended("ana's call with the contact", user)
			h.ended("ana's consultation", consultation)
			h.talk(c.to, third, tone, "the contact", contact, contactTone)
			h.userIs("ana", routing.UserState.Available)
			h.hangsUp(third, "the contact", contact)
			h.passedOn(2, id, c.user, c.talked)
			h.oneStream("the contact", contact)
		})
	}
}

// TestAttendedTransferOfNothing: a dialog that does not exist cannot be taken
// over, and the call stays.
func TestAttendedTransferOfNothing(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	over := h.dials(ana, "102")
	h.hangsUp(h.answered(luis), "ana", over)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Refer(ctx, "102", over))
	h.notified(user, 481)
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	h.hangsUp(user, "the contact", contact)
	h.passedOn(2, id, "ana", "ana")
}

// TestReferByStrangers: neither the contact nor the carrier passes calls on.
func TestReferByStrangers(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, _ := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	res, err := contact.Request(ctx, "REFER", nil, peer.Header{Name: "Refer-To", Value: "<sip:" + outsideNumber + "@pbx.test>"})
	h.must(err)
	if res.Code != 403 {
		t.Errorf("REFER of the contact: %s", res)
	}
	res, err = user.Request(ctx, "REFER", nil, peer.Header{Name: "Refer-To", Value: "<sip:" + outsideNumber + "@elsewhere.example>"})
	h.must(err)
	if res.Code != 403 {
		t.Errorf("REFER to another domain: %s", res)
	}
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	if n := len(h.carrier.Incoming()); n != 0 {
		t.Errorf("%d calls came to the carrier", n)
	}
}

// TestTransferOnTheScreen passes a call on over the API; what cannot be is
// refused at once.
func TestTransferOnTheScreen(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	transfer := func(status int, to string) {
		h.t.Helper()
		h.api.Want(status, http.MethodPost, "/calls/"+string(id)+"/transfer", map[string]string{"to": to})
	}
	transfer(http.StatusUnprocessableEntity, "maria")
	transfer(http.StatusUnprocessableEntity, "")
	h.api.Want(http.StatusOK, http.MethodPut, "/users/luis/status", map[string]string{"status": "break"})
	transfer(http.StatusConflict, "luis")
	h.api.Want(http.StatusOK, http.MethodPut, "/users/luis/status", map[string]string{"status": "available"})
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)

	transfer(http.StatusAccepted, "luis")
	h.must(h.rung(luis).Reject(486))
	h.becomes(id, call.StateActive)
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)

	transfer(http.StatusAccepted, "luis")
	colleague := h.answered(luis)
	h.ended("ana", user)
	h.talk("luis", colleague, luisTone, "the contact", contact, contactTone)
	h.hangsUp(contact, "luis", colleague)
	h.passedOn(1, id, "luis", "ana luis")
	if way := h.way(id); !strings.Contains(way, "transfer_failed") {
		t.Errorf("the failure is not told: %s", way)
	}
}
