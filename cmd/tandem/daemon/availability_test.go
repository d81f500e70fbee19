package daemon_test

import (
	"net/http"
	"testing"

	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

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
