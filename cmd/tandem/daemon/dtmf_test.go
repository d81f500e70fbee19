package daemon_test

import (
	"net/http"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
)

// TestKeys: keys arrive as RFC 4733 events on both sides, whether they were
// sent so or by INFO.
func TestKeys(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, _ := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Media().SendDTMF("159#"))
	h.must(user.Media().WaitDigits(ctx, "159#"))
	h.must(user.Media().SendDTMF("2580*"))
	h.must(contact.Media().WaitStats(ctx, "the keys' ends", told(5)))
	h.hears("the contact, again,", contact, anaTone)
	for _, key := range []byte("36") {
		h.must(user.Info(ctx, key))
	}
	h.must(contact.Media().WaitDigits(ctx, "2580*36"))
	for _, key := range []byte("74") {
		h.must(contact.Info(ctx, key))
	}
	h.must(user.Media().WaitDigits(ctx, "159#74"))
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
}

// told waits for all of n keys: each ends three times.
func told(n int) func(peer.Stats) bool {
	return func(s peer.Stats) bool { return len(s.Digits) == n && s.EventEnds == 3*n }
}

// TestKeysOut: a salesperson who called out finds their way through the menu of
// whom they called.
func TestKeysOut(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	user, outside := h.connected(ana, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().SendDTMF("1"))
	h.must(outside.Media().WaitStats(ctx, "the key's end", told(1)))
	h.hears("outside, again,", outside, anaTone)
	h.must(user.Info(ctx, '0'))
	h.must(outside.Media().WaitDigits(ctx, "10"))
}

// TestRecordingPausedByCode: *1 makes the recording silence, a second one ends
// that. The contact's keys do nothing of the kind.
func TestRecordingPausedByCode(t *testing.T) {
	for name, info := range map[string]bool{"RFC 4733": false, "INFO": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, settings{members: "ana"})
			ana := h.phone("ana", anaTone)
			contact, user, id := h.conversation(ana)
			ctx, cancel := wait()
			defer cancel()
			toggle := func(marks int) {
				t.Helper()
				if info {
					h.must(user.Info(ctx, '*'))
					h.must(user.Info(ctx, '1'))
				} else {
					h.must(user.Media().SendDTMF("*1"))
				}
				daemontest.Eventually(t, "the recording is turned", func() bool {
					return strings.Count(h.way(id), "recording_") == marks
				})
			}
			h.must(contact.Media().SendDTMF("*1"))
			h.must(user.Media().WaitDigits(ctx, "*1"))
			h.must(user.Media().WaitPackets(ctx, 50))
			toggle(1)
			h.must(user.Media().WaitPackets(ctx, 75))
			toggle(2)
			h.must(user.Media().WaitPackets(ctx, 50))
			h.hangsUp(contact, "ana", user)
			h.record(1)
			h.sealed(id)
			left, right := h.wholeChannels(id)
			for channel, got := range map[string]string{"contact": pattern(left, contactTone), "salesperson": pattern(right, anaTone)} {
				if len(parted(got)) != 2 {
					t.Errorf("%s's channel, tenths of a second: %s", channel, got)
				}
			}
		})
	}
}

// way is why a call went as it did so far.
func (h *house) way(id call.ID) string {
	h.t.Helper()
	return string(h.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(id)+"/explain", nil))
}
