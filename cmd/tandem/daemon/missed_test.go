package daemon_test

import (
	"net/http"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

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
