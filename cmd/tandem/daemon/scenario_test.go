package daemon_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// TestAccept is a whole inbound call: music, the phone rings, both hear each
// other and nobody else, one unbroken stream, recorded, task done.
func TestAccept(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)

	contact := h.call()
	h.hearsMusic("the contact waits", contact)
	inbound := h.tasks(routing.TaskInboundCall)
	if len(inbound) != 1 || inbound[0].State != call.TaskOpen {
		t.Errorf("tasks while the phone rings: %+v", inbound)
	}
	user := h.rung(ana)
	if from := user.From(); from.Display != "María López" || from.User() != contactNumber {
		t.Errorf("the phone shows %s", from)
	}
	h.must(user.Answer())
	h.hears("the contact", contact, anaTone)
	h.hears("ana", user, contactTone)
	live := daemontest.List[call.Record](h.api, "/calls?active=true")
	if len(live) != 1 || live[0].State != call.StateActive || live[0].User != "ana" || live[0].AnsweredAt == nil {
		t.Errorf("live calls: %+v", live)
	}
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	if end := h.ended("ana", user); end.How != peer.ByBYE || !end.Remote {
		t.Errorf("ana's phone %s", end)
	}
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || rec.Missed || rec.From != contactNumber || rec.Number != salesNumber ||
		rec.Trunk != "carrier" || rec.Playbook != "sales" || rec.User != "ana" || rec.Duration <= 0 {
		t.Errorf("record: %+v", rec)
	}
	if err := contact.Media().Stats().Unbroken(); err != nil {
		t.Errorf("the contact's stream from music to conversation: %v", err)
	}
	if tasks := h.tasks(routing.TaskInboundCall); len(tasks) != 1 || tasks[0].State != call.TaskDone {
		t.Errorf("tasks after the call: %+v", tasks)
	}
	contacts := daemontest.List[routing.Contact](h.api, "/contacts")
	if len(contacts) != 1 || contacts[0].Name != "María López" || contacts[0].LastNumber != salesNumber ||
		contacts[0].FollowUp || contacts[0].ID != rec.ContactID || contacts[0].Country != "ES" {
		t.Errorf("contacts: %+v", contacts)
	}
	h.recordingHolds(rec.ID, contactTone, anaTone)
}

// TestAcceptOnScreen accepts through the API: the phone is called with headers
// that make it lift by itself.
func TestAcceptOnScreen(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	first := h.rung(ana)
	id := daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.api.Want(http.StatusConflict, http.MethodPost, "/calls/"+string(id)+"/accept", map[string]string{"user": "luis"})
	h.api.Want(http.StatusAccepted, http.MethodPost, "/calls/"+string(id)+"/accept", map[string]string{"user": "ana"})
	if end := h.ended("the first ringing", first); end.How != peer.ByCANCEL {
		t.Errorf("the first ringing %s", end)
	}
	second := h.answered(ana)
	if !second.AutoAnswerAsked() {
		t.Error("the phone is not asked to lift by itself")
	}
	h.hears("the contact", contact, anaTone)
	h.hears("ana", second, contactTone)
	h.api.Want(http.StatusNoContent, http.MethodDelete, "/calls/"+string(id), nil)
	h.ended("the contact", contact)
	h.ended("ana", second)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// missedOnce checks what every missed call leaves behind.
func (h *house) missedOnce(result call.Result, reason call.MissedReason, user string) call.Record {
	h.t.Helper()
	rec := h.record(1)
	if rec.Result != result || !rec.Missed || rec.Reason != reason || rec.AnsweredAt != nil {
		h.t.Errorf("record: result %s, missed %v, reason %s, answered %v", rec.Result, rec.Missed, rec.Reason, rec.AnsweredAt)
	}
	tasks := h.tasks(routing.TaskMissedCall)
	if len(tasks) != 1 || tasks[0].Count != 1 || tasks[0].State != call.TaskOpen || tasks[0].User != user || tasks[0].CallID != rec.ID {
		h.t.Errorf("missed-call tasks: %+v", tasks)
	}
	if contacts := daemontest.List[routing.Contact](h.api, "/contacts?follow_up=true"); len(contacts) != 1 {
		h.t.Errorf("contacts to follow up: %+v", contacts)
	}
	return rec
}

func TestReject(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.rung(ana)
	h.must(user.Reject(486))
	if end := h.ended("the contact", contact); end.How != peer.ByBYE || !end.Remote {
		t.Errorf("the contact %s", end)
	}
	h.missedOnce(call.ResultNoAnswer, call.MissedRejected, "ana")
	// The task done, nobody is to be followed up any more.
	task := h.tasks(routing.TaskMissedCall)[0]
	h.api.Want(http.StatusOK, http.MethodPatch, "/tasks/"+task.ID, map[string]string{"state": "done"})
	if contacts := daemontest.List[routing.Contact](h.api, "/contacts?follow_up=true"); len(contacts) != 0 {
		t.Errorf("still to follow up: %+v", contacts)
	}
}

func TestRejectNext(t *testing.T) {
	h := newHouse(t, settings{reception: "on_reject: next"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact := h.call()
	h.must(h.rung(ana).Reject(603))
	user := h.answered(luis)
	h.hears("the contact", contact, luisTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hangup(ctx))
	h.ended("the contact", contact)
	if rec := h.record(1); rec.Result != call.ResultCompleted || rec.User != "luis" {
		t.Errorf("result %s, user %s", rec.Result, rec.User)
	}
}

func TestTimeout(t *testing.T) {
	h := newHouse(t, settings{reception: "timeout: 1s"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.rung(ana)
	if end := h.ended("ana", user); end.How != peer.ByCANCEL {
		t.Errorf("ana's phone %s", end)
	}
	h.ended("the contact", contact)
	h.missedOnce(call.ResultNoAnswer, call.MissedTimeout, "ana")
}

func TestNobodyThere(t *testing.T) {
	h := newHouse(t, settings{reception: "timeout: 500ms", members: "ana"})
	h.ended("the contact", h.call())
	h.missedOnce(call.ResultNoAnswer, call.MissedNoUser, "ana")
}

func TestAbandon(t *testing.T) {
	for _, mode := range []string{"immediate", "early"} {
		t.Run(mode, func(t *testing.T) {
			h := newHouse(t, settings{reception: "answer: " + mode})
			ana := h.phone("ana", anaTone)
			contact := h.call()
			user := h.rung(ana)
			h.hearsMusic("the contact", contact)
			ctx, cancel := wait()
			defer cancel()
			if mode == "early" {
				h.must(contact.Cancel())
			} else {
				h.must(contact.Hangup(ctx))
			}
			if end := h.ended("ana", user); end.How != peer.ByCANCEL {
				t.Errorf("ana's phone %s", end)
			}
			h.missedOnce(call.ResultCancelled, call.MissedAbandoned, "ana")
			h.userIs("ana", routing.UserState.Available)
		})
	}
}

// TestEarlyAnswer leaves the caller unanswered until a salesperson lifts.
func TestEarlyAnswer(t *testing.T) {
	h := newHouse(t, settings{reception: "answer: early"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.rung(ana)
	h.hearsMusic("the contact", contact)
	if codes := contact.Codes(); slices.Contains(codes, 200) || !slices.Contains(codes, 183) {
		t.Errorf("answers before anybody lifted: %v", codes)
	}
	h.must(user.Answer())
	h.hears("the contact", contact, anaTone)
	h.hears("ana", user, contactTone)
	if err := contact.Media().Stats().Unbroken(); err != nil {
		t.Error(err)
	}
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.record(1)
}

func TestLateOffer(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call(func(o *peer.CallOptions) { o.LateOffer = true })
	h.hearsMusic("the contact", contact)
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	h.hears("ana", user, contactTone)
}

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

// TestTwoCallersOneSalesperson: the second waits and is offered when the first
// conversation is over.
func TestTwoCallersOneSalesperson(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	first := h.call()
	user := h.answered(ana)
	h.hears("ana", user, contactTone)
	second := h.call(func(o *peer.CallOptions) {
		o.From = "+34600333444"
		o.Media = &peer.MediaOptions{Source: peer.Tone(luisTone)}
	})
	h.hearsMusic("the second waits", second)
	ctx, cancel := wait()
	defer cancel()
	h.must(first.Hangup(ctx))
	next := h.answered(ana)
	h.hears("ana", next, luisTone)
	h.must(second.Hangup(ctx))
	h.record(2)
}

// TestVanishedPhone: a phone that is gone without a word is passed over, and
// the next user is asked within seconds.
func TestVanishedPhone(t *testing.T) {
	h := newHouse(t, settings{})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	ana.Vanish()
	contact := h.call()
	user := h.answered(luis)
	h.hears("the contact", contact, luisTone)
	h.userIs("ana", func(u routing.UserState) bool { return u.Suspect || !u.Registered })
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hangup(ctx))
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || rec.User != "luis" {
		t.Errorf("result %s, user %s", rec.Result, rec.User)
	}
	// The phone comes back and registers: it is asked again.
	h.must(ana.Return())
	if _, err := ana.Register(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	h.userIs("ana", routing.UserState.Available)
}

func TestPhoneVanishesWhileTalking(t *testing.T) {
	h := newHouse(t, settings{media: "timeout: 3s"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ana.Vanish()
	if end := h.ended("the contact", contact); !end.Remote {
		t.Errorf("the contact %s", end)
	}
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

func TestReregisterWhileRingingAndTalking(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.rung(ana)
	ctx, cancel := wait()
	defer cancel()
	register := func() {
		if _, err := ana.Register(ctx, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	register()
	h.must(user.Answer())
	h.hears("the contact", contact, anaTone)
	register()
	h.must(ana.Unregister(ctx))
	h.hears("the contact", contact, anaTone)
	h.must(user.Hangup(ctx))
	h.ended("the contact", contact)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

func TestWithheld(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call(func(o *peer.CallOptions) { o.Anonymous, o.Privacy = true, "id" })
	user := h.rung(ana)
	if from := user.From(); from.User() != "anonymous" {
		t.Errorf("the phone shows %s", from)
	}
	h.must(user.Answer())
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	rec := h.record(1)
	if rec.From != "" || rec.ContactID != "" || rec.Result != call.ResultCompleted {
		t.Errorf("record: %+v", rec)
	}
	if len(h.tasks(routing.TaskInboundCall)) != 1 || len(daemontest.List[routing.Contact](h.api, "/contacts")) != 0 {
		t.Error("a withheld caller has a task and no contact")
	}
}

func TestUnknownNumber(t *testing.T) {
	h := newHouse(t, settings{})
	contact := h.call(func(o *peer.CallOptions) { o.To = "+34919999999" })
	if end := h.ended("the contact", contact); end.Code != 404 {
		t.Errorf("the contact %s", end)
	}
	if calls := daemontest.List[call.Record](h.api, "/calls"); len(calls) != 0 {
		t.Errorf("calls: %+v", calls)
	}
}

// TestStranger: an INVITE from a source that is no trunk's gets 403 and makes
// nothing; the switch says no more.
func TestStranger(t *testing.T) {
	h := newHouse(t, settings{})
	h.phone("ana", anaTone)
	h.strange()
	if calls := daemontest.List[call.Record](h.api, "/calls"); len(calls) != 0 {
		t.Errorf("calls: %+v", calls)
	}
}

// strange calls from an address that is no trunk's.
func (h *house) strange() {
	h.t.Helper()
	stranger, err := peer.NewCarrier(peer.Options{Name: "stranger", Bind: "127.0.0.9:0", Server: h.sip})
	h.must(err)
	h.t.Cleanup(func() { stranger.Close() })
	h.agents = append(h.agents, stranger)
	ctx, cancel := wait()
	defer cancel()
	c, err := stranger.Call(ctx, peer.CallOptions{From: contactNumber, To: salesNumber, Server: h.sip, Asserted: contactNumber})
	h.must(err)
	if end := h.ended("the stranger", c); end.Code != 403 {
		h.t.Errorf("the stranger's call %s", end)
	}
}

// TestSameContactTwiceAtOnce makes one contact, however close the calls.
func TestSameContactTwiceAtOnce(t *testing.T) {
	h := newHouse(t, settings{})
	first, second := h.call(), h.call()
	h.hearsMusic("the first", first)
	h.hearsMusic("the second", second)
	ctx, cancel := wait()
	defer cancel()
	h.must(first.Hangup(ctx))
	h.must(second.Hangup(ctx))
	daemontest.Eventually(h.t, "both calls ended", func() bool { return len(daemontest.List[call.Record](h.api, "/calls?active=false")) == 2 })
	if contacts := daemontest.List[routing.Contact](h.api, "/contacts"); len(contacts) != 1 {
		t.Errorf("contacts: %+v", contacts)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 1 || tasks[0].Count != 2 {
		t.Errorf("missed-call tasks: %+v", tasks)
	}
}

// TestRingAll: everybody rings, the first wins, the others are told so.
func TestRingAll(t *testing.T) {
	h := newHouse(t, settings{reception: "strategy: ring-all"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact := h.call()
	first, second := h.rung(ana), h.rung(luis)
	h.must(second.Answer())
	h.hears("the contact", contact, luisTone)
	if end := h.ended("ana", first); end.How != peer.ByCANCEL || end.Reason != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("ana's phone %s", end)
	}
}

// TestSeveralPhones: all devices of one user ring, the first to answer wins.
func TestSeveralPhones(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	desk, mobile := h.phone("ana", anaTone), h.phone("ana", luisTone)
	contact := h.call()
	first, second := h.rung(desk), h.rung(mobile)
	h.must(second.Answer())
	h.hears("the contact", contact, luisTone)
	if end := h.ended("the desk phone", first); end.How != peer.ByCANCEL || end.Reason != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("the desk phone %s", end)
	}
}

// TestBreaks: nobody is offered a call during a break.
func TestBreaks(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "break", "reason": "lunch"})
	contact := h.call()
	h.hearsMusic("the contact", contact)
	h.userIs("ana", func(u routing.UserState) bool {
		return u.Status == routing.StatusBreak && u.Activity == routing.ActivityIdle
	})
	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "available"})
	h.answered(ana)
	h.hears("the contact", contact, anaTone)
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

// TestTCP: a telephone on TCP is called over the connection on which it
// registered.
func TestTCP(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone, func(o *peer.Options) {
		o.Transport, o.Server = "tcp", h.sw.SIPAddrs()[1].String()
	})
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	h.hears("ana", user, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hangup(ctx))
	h.ended("the contact", contact)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// TestHold: a phone that holds and resumes is answered, and hears again.
func TestHold(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("ana", user, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hold(ctx))
	h.must(user.Resume(ctx))
	h.hears("ana", user, contactTone)
	h.hears("the contact", contact, anaTone)
	if err := contact.Media().Stats().Continuous(); err != nil {
		t.Error(err)
	}
}

// TestWrapUp: after a call the user is left alone for a while, or until they
// say that they are available.
func TestWrapUp(t *testing.T) {
	h := newHouse(t, settings{members: "ana", wrapUp: "10m"})
	ana := h.phone("ana", anaTone)
	first := h.call()
	h.answered(ana)
	h.hears("the contact", first, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(first.Hangup(ctx))
	h.userIs("ana", func(u routing.UserState) bool { return u.Activity == routing.ActivityWrapUp && u.WrapUpUntil != nil })
	second := h.call()
	h.hearsMusic("the second call", second)
	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "available"})
	h.answered(ana)
	h.hears("the second call", second, anaTone)
}

// TestExplain: the way of a call can be read afterwards.
func TestExplain(t *testing.T) {
	h := newHouse(t, settings{reception: "on_reject: next"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	h.api.Want(http.StatusOK, http.MethodPut, "/users/luis/status", map[string]string{"status": "break", "reason": "lunch"})
	contact := h.call()
	h.must(h.rung(ana).Reject(486))
	h.api.Want(http.StatusOK, http.MethodPut, "/users/luis/status", map[string]string{"status": "available"})
	h.answered(luis)
	ctx, cancel := wait()
	defer cancel()
	h.hears("the contact", contact, luisTone)
	h.must(contact.Hangup(ctx))
	rec := h.record(1)
	text := string(h.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(rec.ID)+"/explain", nil))
	for _, part := range []string{"on a break (lunch)", "rejected", "ana", "luis", "connected", "completed"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %s", part, text)
		}
	}
	ahead := string(h.api.Want(http.StatusOK, http.MethodGet, "/explain?number=%2B34910000001", nil))
	for _, part := range []string{"sales", "open", "ana"} {
		if !strings.Contains(ahead, part) {
			t.Errorf("no %q in %s", part, ahead)
		}
	}
}
