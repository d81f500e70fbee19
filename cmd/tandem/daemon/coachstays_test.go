package daemon_test

import (
	"net/http"
	"slices"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// TestCoachStays: a coach who stays with the salesperson waits with music, joins
// the next conversation muted, also one that goes out, and leaves when the
// salesperson does.
func TestCoachStays(t *testing.T) {
	h := newStudio(t, studioSettings(t))
	ctx, cancel := wait()
	defer cancel()
	eva := h.joins(h.eva, map[string]string{"user": "eva", "mode": "whisper", "follow": "user"})
	h.coaches("eva", call.CoachWhispers)
	h.ears("the first call", ear{"ana", h.user, hears(contactTone, evaTone)}, ear{"eva", eva, hears(contactTone, anaTone)})
	h.hangsUp(h.contact, "ana", h.user)
	first := h.record(1)
	h.ears("between calls", ear{"eva", eva, hears(musicTone)})
	h.userIs("eva", func(u routing.UserState) bool { return u.Activity == routing.ActivityCoaching })

	h.contact = h.call()
	h.user = h.answered(h.ana)
	h.id = daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.coaches("eva", call.CoachListens)
	h.ears("the second call",
		ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)}, ear{"eva", eva, hears(contactTone, anaTone)})
	h.refers(h.user, "102", nil)
	luis := h.answered(h.luis)
	h.ended("ana", h.user)
	h.leftCall("eva")
	h.ears("the second call is luis's",
		ear{"the contact", h.contact, hears(luisTone)}, ear{"luis", luis, hears(contactTone)}, ear{"eva", eva, hears(musicTone)})
	h.hangsUp(h.contact, "luis", luis)

	user, outside := h.connected(h.ana, anaTone)
	h.id = daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.coaches("eva", call.CoachListens)
	h.ears("the call out", ear{"outside", outside, hears(anaTone)}, ear{"ana", user, hears(outsideTone)}, ear{"eva", eva, hears(outsideTone, anaTone)})
	h.hangsUp(outside, "ana", user)
	h.ears("between calls again", ear{"eva", eva, hears(musicTone)})

	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "offline"})
	if end := h.ended("eva", eva); !end.Remote {
		t.Errorf("eva's phone %s", end)
	}
	h.userIs("eva", routing.UserState.Available)

	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "available"})
	h.contact, h.user, h.id = h.conversation(h.ana)
	eva = h.joins(h.eva, map[string]string{"user": "eva", "follow": "user"})
	h.coaches("eva", call.CoachListens)
	h.must(h.contact.Hangup(ctx))
	h.ears("waiting", ear{"eva", eva, hears(musicTone)})
	h.api.Want(http.StatusAccepted, http.MethodDelete, h.path("eva"), nil)
	h.ended("eva", eva)
	h.userIs("eva", routing.UserState.Available)
	if len(first.Coachings) != 1 || first.Coachings[0].LeftAt == nil {
		t.Errorf("the first call's coachings: %+v", first.Coachings)
	}
}

// leftCall waits until a user no longer coaches the call.
func (h *studio) leftCall(user string) {
	h.t.Helper()
	daemontest.Eventually(h.t, user+" has left", func() bool {
		return !slices.ContainsFunc(h.coachings(), func(s call.CoachSession) bool { return s.User == user && s.LeftAt == nil })
	})
}

// TestKillWhileCoached: a coach's leg is no zombie after kill -9, and the history
// says when the coaching ended.
func TestKillWhileCoached(t *testing.T) {
	h := &studio{house: prepareHouse(t, studioSettings(t))}
	h.fixPort()
	sw := h.spawn()
	h.open()
	eva := h.dialsIn(h.eva, "eva")
	pau := h.joins(h.pau, map[string]string{"user": "pau"})
	h.coaches("pau", call.CoachListens)
	h.ears("before the kill", ear{"eva", eva, hears(contactTone, anaTone)}, ear{"pau", pau, hears(contactTone, anaTone)})
	sw.kill()
	h.spawn()
	for who, c := range map[string]*peer.Call{"the contact": h.contact, "ana": h.user, "eva": eva, "pau": pau} {
		if end := h.ended(who, c); !end.Remote || end.How != peer.ByBYE {
			t.Errorf("%s %s", who, end)
		}
	}
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || len(rec.Coachings) != 2 || rec.Coachings[0].LeftAt == nil || rec.Coachings[1].LeftAt == nil {
		t.Errorf("record: %s, coachings %+v", rec.Result, rec.Coachings)
	}
	h.userIs("eva", routing.UserState.Available)
	h.contact, h.user, h.id = h.conversation(h.ana)
	h.dialsIn(h.eva, "eva")
}
