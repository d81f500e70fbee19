package daemon_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

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
