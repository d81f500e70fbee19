package daemon_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/go-audio/wav"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

// conversation is an inbound call of the contact that ana has answered.
func (h *house) conversation(ana *peer.Phone) (contact, user *peer.Call, id call.ID) {
	h.t.Helper()
	contact = h.call()
	user = h.answered(ana)
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	live := daemontest.List[call.Record](h.api, "/calls?active=true")
	if len(live) == 0 {
		h.t.Fatal("no live call")
	}
	return contact, user, live[0].ID
}

// becomes waits until a call has a state.
func (h *house) becomes(id call.ID, state call.State) {
	h.t.Helper()
	daemontest.Eventually(h.t, "call "+string(id)+" is "+string(state), func() bool {
		return daemontest.Read[call.Record](h.api, "/calls/"+string(id)).State == state
	})
}

// resumed fails unless the last SDP that a side received says sendrecv.
func (h *house) resumed(who string, c *peer.Call) {
	h.t.Helper()
	var last []byte
	for _, e := range c.Messages() {
		if !e.Sent && e.Message.SDP() != nil {
			last = e.Message.SDP()
		}
	}
	for _, other := range []string{"a=sendonly", "a=recvonly", "a=inactive"} {
		if bytes.Contains(last, []byte(other)) {
			h.t.Errorf("%s is left with %s", who, other)
		}
	}
}

// holds are the ways in which telephones put a call on hold.
func holds() map[string]func(*peer.Call, context.Context) error {
	return map[string]func(*peer.Call, context.Context) error{
		"sendonly": func(c *peer.Call, ctx context.Context) error { return c.Reinvite(ctx, "sendonly") },
		"inactive": func(c *peer.Call, ctx context.Context) error { return c.Reinvite(ctx, "inactive") },
		"0.0.0.0":  (*peer.Call).HoldByAddress,
		"UPDATE":   func(c *peer.Call, ctx context.Context) error { return c.Update(ctx, "sendonly") },
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

// TestHoldByEitherSide: the other side hears music and never the one who holds;
// resumption restores the conversation, in one stream.
func TestHoldByEitherSide(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	for name, hold := range holds() {
		for who, side := range map[string]struct{ holder, other *peer.Call }{"ana": {user, contact}, "the contact": {contact, user}} {
			t.Logf("%s holds by %s", who, name)
			h.must(hold(side.holder, ctx))
			h.becomes(id, call.StateHeld)
			h.hearsMusic("whom "+who+" holds by "+name, side.other)
			h.must(side.holder.Resume(ctx))
			h.becomes(id, call.StateActive)
			h.talk("ana", user, anaTone, "the contact", contact, contactTone)
			h.resumed(who, side.holder)
		}
	}
	for who, c := range map[string]*peer.Call{"ana": user, "the contact": contact} {
		h.oneStream(who, c)
	}
	h.hangsUp(contact, "ana", user)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// oneStream fails unless what a side was sent is one stream without losses. Its
// timestamps follow the time, also where nothing was sent: a marker tells that.
func (h *house) oneStream(who string, c *peer.Call) {
	h.t.Helper()
	if s := c.Media().Stats(); len(s.SSRCs) != 1 || s.SequenceJumps > 0 || s.TimestampJumps > s.Markers {
		h.t.Errorf("%s: %d SSRCs, %d sequence jumps, %d timestamp jumps, %d markers",
			who, len(s.SSRCs), s.SequenceJumps, s.TimestampJumps, s.Markers)
	}
}

// TestListenOnly: a side that only wants to listen goes on hearing the other.
func TestListenOnly(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Reinvite(ctx, "recvonly"))
	h.hears("ana, who only listens,", user, contactTone)
	h.becomes(id, call.StateActive)
	h.must(user.Resume(ctx))
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
}

// TestHoldByBoth: the conversation goes on once neither side holds any more.
func TestHoldByBoth(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hold(ctx))
	h.hearsMusic("the contact", contact)
	h.must(contact.Hold(ctx))
	h.must(user.Resume(ctx))
	h.becomes(id, call.StateHeld)
	h.must(contact.Resume(ctx))
	h.becomes(id, call.StateActive)
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
}

// TestHoldOnTheScreen holds, resumes, mutes and unmutes over the API, in a call
// that went out.
func TestHoldOnTheScreen(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	user, outside := h.connected(ana, anaTone)
	id := daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	act := func(what string) {
		h.t.Helper()
		h.api.Want(http.StatusAccepted, http.MethodPost, "/calls/"+string(id)+"/"+what, nil)
	}
	act("hold")
	h.becomes(id, call.StateHeld)
	h.hearsMusic("outside", outside)
	h.hearsSilence("ana, who holds,", user)
	act("resume")
	h.becomes(id, call.StateActive)
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	act("mute")
	h.hearsSilence("outside", outside)
	h.hears("ana, muted,", user, outsideTone)
	act("unmute")
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	h.oneStream("outside", outside)
	h.oneStream("ana", user)
	h.hangsUp(outside, "ana", user)
	rec := h.record(1)
	trail := string(h.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(rec.ID)+"/explain", nil))
	if !strings.Contains(trail, "held") {
		t.Errorf("the hold is not told: %s", trail)
	}
}

// hearsSilence fails unless a side is sent a stream of silence for half a second.
func (h *house) hearsSilence(who string, c *peer.Call) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	h.must(c.Media().WaitPackets(ctx, 10)) // what was on its way
	before := c.Media().Stats().Packets
	h.must(c.Media().WaitPackets(ctx, 25))
	after := c.Media().Stats().Packets
	heard := c.Media().Heard()
	if fresh := heard[max(0, len(heard)-(after-before)*160):]; !silent(fresh) {
		h.t.Errorf("%s hears something in %d packets", who, after-before)
	}
}

// TestHeldIsSilentOnTape: a hold is silence of its own length on both channels
// of the recording, which stays as long as the conversation.
func TestHeldIsSilentOnTape(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().WaitPackets(ctx, 50))
	h.must(user.Hold(ctx))
	h.becomes(id, call.StateHeld)
	h.must(contact.Media().WaitPackets(ctx, 75))
	h.must(user.Resume(ctx))
	h.becomes(id, call.StateActive)
	h.must(user.Media().WaitPackets(ctx, 50))
	h.hangsUp(contact, "ana", user)
	rec := h.record(1)
	h.sealed(rec.ID)
	rec = daemontest.Read[call.Record](h.api, "/calls/"+string(rec.ID))
	if gap := rec.Duration - rec.Recording.Seconds; gap > 0.5 || gap < -0.1 {
		t.Errorf("%.2f s recorded of %.2f s", rec.Recording.Seconds, rec.Duration)
	}
	left, right := h.wholeChannels(rec.ID)
	l, r := pattern(left, contactTone), pattern(right, anaTone)
	for channel, got := range map[string]string{"contact": l, "salesperson": r} {
		if len(parted(got)) != 2 {
			t.Errorf("%s's channel, tenths of a second: %s", channel, got)
		}
	}
	if a, b := strings.Index(l, "....."), strings.Index(r, "....."); a-b > 2 || b-a > 2 {
		t.Errorf("the sides are not aligned: %s, %s", l, r)
	}
}

// pattern tells of each tenth of a second whether a tone is heard (x), or
// nothing (.), or something else (?).
func pattern(pcm []int16, hz float64) string {
	const tenth = 800
	var b strings.Builder
	for ; len(pcm) >= tenth; pcm = pcm[tenth:] {
		part := pcm[:tenth]
		switch {
		case tone.Power(part, hz) > -30:
			b.WriteByte('x')
		case silent(part):
			b.WriteByte('.')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func silent(pcm []int16) bool {
	for _, s := range pcm {
		if s > 100 || s < -100 {
			return false
		}
	}
	return true
}

// parted cuts a pattern where there is silence for a second or longer.
func parted(pattern string) (parts []string) {
	for part := range strings.SplitSeq(pattern, "..........") {
		if part = strings.Trim(part, "."); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// sealed waits until a call's recording is finished.
func (h *house) sealed(id call.ID) {
	h.t.Helper()
	daemontest.Eventually(h.t, "the recording is sealed", func() bool {
		rec := daemontest.Read[call.Record](h.api, "/calls/"+string(id))
		return rec.Recording != nil && rec.Recording.SHA256 != ""
	})
}

// wholeChannels returns both sides of a recording.
func (h *house) wholeChannels(id call.ID) (left, right []int16) {
	h.t.Helper()
	body := h.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(id)+"/recording", nil)
	pcm, err := wav.NewDecoder(bytes.NewReader(body)).FullPCMBuffer()
	h.must(err)
	for i := 0; i+1 < len(pcm.Data); i += 2 {
		left, right = append(left, int16(pcm.Data[i])), append(right, int16(pcm.Data[i+1]))
	}
	return left, right
}
