package daemon_test

import (
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// briefOffers lets phones ring for two seconds.
const briefOffers = "timeout: 15s, offer_timeout: 2s"

// TestTransferUnanswered: a colleague who does not lift gives the call back to
// whoever passed it on, who is still there.
func TestTransferUnanswered(t *testing.T) {
	h := newHouse(t, settings{members: "ana", reception: briefOffers})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	h.refers(user, "102", nil)
	if end := h.ended("luis", h.rung(luis)); end.How != peer.ByCANCEL {
		t.Errorf("luis's phone %s", end)
	}
	h.notified(user, 480)
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	h.hangsUp(user, "the contact", contact)
	h.passedOn(1, id, "ana", "ana")
}

// TestRecall: a colleague who does not lift gives the call back to whoever passed
// it on and hung up: their phone rings.
func TestRecall(t *testing.T) {
	h := newHouse(t, settings{members: "ana", reception: briefOffers})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.refers(user, "102", nil)
	colleague := h.rung(luis)
	h.must(user.Hangup(ctx))
	h.hearsMusic("the contact", contact)
	if end := h.ended("luis", colleague); end.How != peer.ByCANCEL {
		t.Errorf("luis's phone %s", end)
	}
	back := h.rung(ana)
	if from := back.From(); from.Display != "María López" || from.User() != contactNumber {
		t.Errorf("ana's phone shows %s", from)
	}
	h.must(back.Answer())
	h.talk("ana", back, anaTone, "the contact", contact, contactTone)
	h.oneStream("the contact", contact)
	h.hangsUp(contact, "ana", back)
	h.passedOn(1, id, "ana", "ana ana")
	if n := len(h.tasks(routing.TaskMissedCall)); n != 0 {
		t.Errorf("%d missed-call tasks", n)
	}
}

// TestRecallUnanswered: when whoever passed the call on does not lift either, the
// contact is told so and has to be called back.
func TestRecallUnanswered(t *testing.T) {
	h := newHouse(t, settings{members: "ana", reception: briefOffers})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.refers(user, "102", nil)
	colleague := h.rung(luis)
	h.must(user.Hangup(ctx))
	h.ended("luis", colleague)
	if end := h.ended("ana", h.rung(ana)); end.How != peer.ByCANCEL {
		t.Errorf("ana's phone %s", end)
	}
	if end := h.ended("the contact", contact); end.How != peer.ByBYE || !end.Remote {
		t.Errorf("the contact %s", end)
	}
	h.passedOn(1, id, "ana", "ana")
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 1 || tasks[0].State != call.TaskOpen {
		t.Errorf("missed-call tasks: %+v", tasks)
	}
}
