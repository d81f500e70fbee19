package daemon_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// order is the body of a call that is asked for over the API.
type order map[string]string

// place asks for a call over the API.
func (h *house) place(o order) call.Record {
	h.t.Helper()
	var rec call.Record
	h.must(json.Unmarshal(h.api.Want(http.StatusAccepted, http.MethodPost, "/calls", o), &rec))
	return rec
}

// lifts waits until a phone is asked to lift by itself, and does.
func (h *house) lifts(p *peer.Phone) *peer.Call {
	h.t.Helper()
	c := h.rung(p)
	info, alert := c.Invite().Get("Call-Info"), c.Invite().Get("Alert-Info")
	if !strings.Contains(info, "answer-after=0") || alert == "" {
		h.t.Errorf("the phone is not asked to lift by itself: Call-Info %q, Alert-Info %q", info, alert)
	}
	h.must(c.Answer())
	return c
}

// TestDialFromTheScreen is a whole call that was asked for over the API: the
// user's own phone lifts first, then the contact is called.
func TestDialFromTheScreen(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	placed := h.place(order{"user": "ana", "to": "600 99 98 88"})
	if placed.Direction != call.Outbound || placed.State != call.StateRinging && placed.State != call.StateDialing || placed.User != "ana" ||
		placed.To != outsideNumber || placed.Number != salesNumber || placed.NumberRule != string(routing.RuleCountry) {
		t.Errorf("the call as it was placed: %+v", placed)
	}
	h.api.Want(http.StatusConflict, http.MethodPost, "/calls/"+string(placed.ID)+"/hold", nil)
	if n := len(h.carrier.Incoming()); n != 0 {
		t.Errorf("%d calls at the carrier before ana lifted", n)
	}
	user := h.lifts(ana)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.hears("ana, while it rings,", user, ringbackTone)
	h.must(outside.Progress())
	h.hears("ana, before the answer,", user, outsideTone)
	h.must(outside.Answer())
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	if err := user.Media().Stats().Unbroken(); err != nil {
		t.Errorf("ana's stream from ringback to conversation: %v", err)
	}
	h.hangsUp(outside, "ana", user)
	rec := h.record(1)
	if rec.ID != placed.ID || rec.Result != call.ResultCompleted || rec.SIPCode != 200 {
		t.Errorf("record: %+v", rec)
	}
	h.recordingHolds(rec.ID, outsideTone, anaTone)
	h.userIs("ana", routing.UserState.Available)
}

// TestDialContactAndTask: a contact is called on their number; a task is done
// once its contact was talked to.
func TestDialContactAndTask(t *testing.T) {
	h := newHouse(t, settings{reception: "timeout: 300ms", members: "ana"})
	h.ended("the contact", h.call())
	missed := h.missedOnce(call.ResultNoAnswer, call.MissedNoUser, "ana")
	task := h.tasks(routing.TaskMissedCall)[0]
	ana := h.phone("ana", anaTone)
	for i, o := range []order{{"user": "ana", "contact_id": missed.ContactID}, {"user": "ana", "task_id": task.ID}} {
		placed := h.place(o)
		if placed.To != contactNumber || placed.ContactID != missed.ContactID || placed.Number != salesNumber ||
			placed.NumberRule != string(routing.RuleLastCalled) {
			t.Errorf("%v: %+v", o, placed)
		}
		user := h.lifts(ana)
		if from := user.From(); from.Display != "María López" || from.User() != contactNumber {
			t.Errorf("%v: ana's phone shows %s", o, from)
		}
		outside := h.reaches(h.carrier, contactNumber, contactTone)
		h.must(outside.Answer())
		h.talk("ana", user, anaTone, "the contact", outside, contactTone)
		h.hangsUp(user, "the contact", outside)
		h.record(i + 2)
		h.userIs("ana", routing.UserState.Available)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 1 || tasks[0].State != call.TaskDone {
		t.Errorf("tasks: %+v", tasks)
	}
	if contacts := daemontest.List[routing.Contact](h.api, "/contacts?follow_up=true"); len(contacts) != 0 {
		t.Errorf("still to follow up: %+v", contacts)
	}
}

// TestDialRefused: each refusal has its status, and nothing was dialed.
func TestDialRefused(t *testing.T) {
	h := newHouse(t, settings{})
	h.phone("ana", anaTone)
	h.api.Want(http.StatusCreated, http.MethodPost, "/contacts",
		map[string]any{"name": "Do not", "numbers": []string{"+34600555000"}, "do_not_call": true})
	barred := daemontest.List[routing.Contact](h.api, "/contacts")[0].ID
	for name, c := range map[string]struct {
		order  order
		status int
	}{
		"unknown user":            {order{"user": "nobody", "to": outsideNumber}, 404},
		"unknown contact":         {order{"user": "ana", "contact_id": "01KAQ3W00000000000000000C9"}, 404},
		"unknown task":            {order{"user": "ana", "task_id": "01KAQ3W00000000000000000T9"}, 404},
		"no phone":                {order{"user": "luis", "to": outsideNumber}, 409},
		"word":                    {order{"user": "ana", "to": "maria"}, 422},
		"too long":                {order{"user": "ana", "to": strings.Repeat("6", 65)}, 422},
		"nobody":                  {order{"user": "ana"}, 422},
		"two targets":             {order{"user": "ana", "to": outsideNumber, "contact_id": barred}, 422},
		"unknown key":             {order{"user": "ana", "to": outsideNumber, "speed": "fast"}, 422},
		"number that is not ours": {order{"user": "ana", "to": outsideNumber, "number": "+34919999999"}, 422},
		"do not call":             {order{"user": "ana", "to": "600555000"}, 403},
		"do not call, contact":    {order{"user": "ana", "contact_id": barred}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := h.api.Do(http.MethodPost, "/calls", c.order)
			if status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, body)
			}
			var problem struct{ Title, Detail string }
			if err := json.Unmarshal(body, &problem); err != nil || problem.Detail == "" {
				t.Errorf("no problem is told: %s", body)
			}
		})
	}
	if calls := daemontest.List[call.Record](h.api, "/calls"); len(calls) != 0 {
		t.Errorf("calls: %+v", calls)
	}
	if n := len(h.carrier.Incoming()); n != 0 {
		t.Errorf("%d calls came to the carrier", n)
	}
	h.userIs("ana", routing.UserState.Available)
}

// TestDialWhileTalking: a user who is on a call cannot be given another one.
func TestDialWhileTalking(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	user, outside := h.connected(ana, anaTone)
	h.api.Want(http.StatusConflict, http.MethodPost, "/calls", order{"user": "ana", "to": contactNumber})
	h.hangsUp(outside, "ana", user)
	h.record(1)
}

// TestOwnPhoneDeclines: the contact is never called when the user's own phone
// does not lift.
func TestOwnPhoneDeclines(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	for i, c := range []struct {
		code   int
		result call.Result
	}{{486, call.ResultCancelled}, {603, call.ResultCancelled}, {480, call.ResultNoAnswer}} {
		h.place(order{"user": "ana", "to": outsideNumber})
		h.must(h.rung(ana).Reject(c.code))
		if rec := h.record(i + 1); rec.Result != c.result || rec.AnsweredAt != nil || rec.SIPCode != c.code {
			t.Errorf("own phone answers %d: result %s, code %d", c.code, rec.Result, rec.SIPCode)
		}
		h.userIs("ana", func(u routing.UserState) bool { return u.Activity == routing.ActivityIdle })
	}
	if n := len(h.carrier.Incoming()); n != 0 {
		t.Errorf("%d calls came to the carrier", n)
	}
}

// TestVerdictIsHeard: who asked for the call on the screen hears the busy tone,
// or that it failed, and is then released.
func TestVerdictIsHeard(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	for i, c := range []struct {
		code   int
		result call.Result
	}{{486, call.ResultBusy}, {404, call.ResultFailed}} {
		h.place(order{"user": "ana", "to": outsideNumber})
		user := h.lifts(ana)
		h.must(h.reaches(h.carrier, outsideNumber, outsideTone).Reject(c.code))
		h.hears("ana is told", user, ringbackTone) // busy and congestion have its pitch in the house's country
		if rec := h.record(i + 1); rec.Result != c.result || rec.SIPCode != c.code {
			t.Errorf("result %s, code %d, want %s, %d", rec.Result, rec.SIPCode, c.result, c.code)
		}
		if end := h.ended("ana", user); end.How != peer.ByBYE || !end.Remote {
			t.Errorf("ana's phone %s", end)
		}
		h.userIs("ana", routing.UserState.Available)
	}
}
