package daemon_test

import (
	"fmt"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// secondTone is said by whoever lifts behind the second carrier, in Hz.
const secondTone = 1350

// TestResults: whatever a carrier says to a call, the record has its result and
// the codes that came, and the telephone that dialed is told.
func TestResults(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.edit("keepalive: 0s }", "keepalive: 0s, ring_timeout: 1s, calls_per_second: 100 }")
	h.run()
	ana := h.phone("ana", anaTone)
	told := func(q850 int) []peer.Header {
		return []peer.Header{{Name: "Reason", Value: fmt.Sprintf("Q.850;cause=%d", q850)}}
	}
	for i, c := range []struct {
		code   int // what the carrier answers
		reason []peer.Header
		result call.Result
		q850   int
	}{
		{404, nil, call.ResultFailed, 1},
		{408, nil, call.ResultNoAnswer, 102},
		{410, nil, call.ResultFailed, 22},
		{480, nil, call.ResultNoAnswer, 18},
		{480, told(20), call.ResultNoAnswer, 20},
		{484, nil, call.ResultFailed, 28},
		{486, nil, call.ResultBusy, 17},
		{487, nil, call.ResultNoAnswer, 127},
		{488, nil, call.ResultFailed, 65},
		{500, nil, call.ResultFailed, 41},
		{500, told(38), call.ResultFailed, 38},
		{503, nil, call.ResultFailed, 41},
		{503, told(34), call.ResultFailed, 34},
		{600, nil, call.ResultBusy, 17},
		{603, nil, call.ResultBusy, 21},
		{603, told(21), call.ResultBusy, 21},
		{604, nil, call.ResultFailed, 1},
	} {
		user := h.dials(ana, outsideNumber)
		h.must(h.reaches(h.carrier, outsideNumber, outsideTone).Reject(c.code, c.reason...))
		if end := h.ended("ana", user); end.Code != c.code || end.How != peer.ByResponse {
			t.Errorf("%d %v: ana's phone %s", c.code, c.reason, end)
		}
		rec := h.record(i + 1)
		if rec.Result != c.result || rec.SIPCode != c.code || rec.Q850 != c.q850 || rec.Missed || rec.AnsweredAt != nil {
			t.Errorf("%d %v: result %s, codes %d/%d, missed %v; want %s, %d/%d",
				c.code, c.reason, rec.Result, rec.SIPCode, rec.Q850, rec.Missed, c.result, c.code, c.q850)
		}
		h.userIs("ana", routing.UserState.Available)
	}
}

// TestNobodyLifts: it rings until the ring time is over, then the carrier gets
// CANCEL and the telephone hears that nobody is there.
func TestNobodyLifts(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.edit("keepalive: 0s }", "keepalive: 0s, ring_timeout: 1s }")
	h.run()
	ana := h.phone("ana", anaTone)
	user := h.dials(ana, outsideNumber)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	if end := h.ended("outside", outside); end.How != peer.ByCANCEL || !end.Remote {
		t.Errorf("outside %s", end)
	}
	if end := h.ended("ana", user); end.Code != 480 {
		t.Errorf("ana's phone %s", end)
	}
	if rec := h.record(1); rec.Result != call.ResultNoAnswer || rec.Q850 != 19 {
		t.Errorf("result %s, codes %d/%d", rec.Result, rec.SIPCode, rec.Q850)
	}
}

// TestSilentCarrier: a carrier that says nothing is a failure, not a person who
// does not lift.
func TestSilentCarrier(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	h.carrier.Behave(peer.Behaviour{SilentInvites: true})
	user := h.dials(ana, outsideNumber)
	if end := h.ended("ana", user); end.How != peer.ByResponse || end.Code < 400 {
		t.Errorf("ana's phone %s", end)
	}
	if rec := h.record(1); rec.Result != call.ResultFailed || rec.SIPCode != 0 {
		t.Errorf("result %s, codes %d/%d", rec.Result, rec.SIPCode, rec.Q850)
	}
}

// secondCarrier adds a second trunk to a house that does not run yet, tried
// after the first.
func (h *house) secondCarrier() *peer.Carrier {
	h.t.Helper()
	second, err := peer.NewCarrier(peer.Options{Name: "second", Bind: "127.0.0.3:0", Domain: "second.test"})
	h.must(err)
	h.t.Cleanup(func() { second.Close() })
	h.agents = append(h.agents, second)
	h.edit("numbers:\n", fmt.Sprintf("  - { name: second, address: %q, allow: [127.0.0.3/32], keepalive: 0s }\nnumbers:\n", second.Addr()))
	h.edit("trunks: [carrier], playbook: sales", "trunks: [carrier, second], playbook: sales")
	return second
}

// TestFailover: when the first trunk does not carry the call, the second does.
func TestFailover(t *testing.T) {
	for name, fail := range map[string]func(h *house){
		"dead":         func(h *house) { h.carrier.Vanish() },
		"silent":       func(h *house) { h.carrier.Behave(peer.Behaviour{SilentInvites: true}) },
		"refusing 503": func(h *house) { h.carrier.Handle(peer.RejectAll(503)) },
		"refusing 500": func(h *house) { h.carrier.Handle(peer.RejectAll(500)) },
		"refusing 408": func(h *house) { h.carrier.Handle(peer.RejectAll(408)) },
		"trying, then 503": func(h *house) {
			h.carrier.Handle(func(c *peer.Call) { _, _ = c.Trying(), c.Reject(503) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := prepareHouse(t, settings{})
			second := h.secondCarrier()
			h.run()
			ana := h.phone("ana", anaTone)
			fail(h)
			user := h.dials(ana, outsideNumber)
			outside := h.reaches(second, outsideNumber, secondTone)
			h.t.Logf("at the second carrier %s after the phone's INVITE",
				outside.Messages()[0].At.Sub(user.Messages()[0].At).Round(time.Millisecond))
			h.must(outside.Ring())
			h.must(outside.Answer())
			h.talk("ana", user, anaTone, "outside", outside, secondTone)
			h.hangsUp(user, "outside", outside)
			if rec := h.record(1); rec.Result != call.ResultCompleted || rec.Trunk != "second" || rec.Number != salesNumber {
				t.Errorf("record: %+v", rec)
			}
		})
	}
}

// TestNoFailover: once it rang, and after an answer about the person, no other
// trunk is tried.
func TestNoFailover(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*peer.Call) error
		result call.Result
	}{
		"rang, then 503": {func(c *peer.Call) error {
			if err := c.Ring(); err != nil {
				return err
			}
			return c.Reject(503)
		}, call.ResultFailed},
		"busy":    {func(c *peer.Call) error { return c.Reject(486) }, call.ResultBusy},
		"unknown": {func(c *peer.Call) error { return c.Reject(404) }, call.ResultFailed},
	} {
		t.Run(name, func(t *testing.T) {
			h := prepareHouse(t, settings{})
			second := h.secondCarrier()
			h.run()
			ana := h.phone("ana", anaTone)
			user := h.dials(ana, outsideNumber)
			h.must(c.answer(h.reaches(h.carrier, outsideNumber, outsideTone)))
			h.ended("ana", user)
			if rec := h.record(1); rec.Result != c.result || rec.Trunk != "carrier" {
				t.Errorf("result %s, trunk %s", rec.Result, rec.Trunk)
			}
			if n := len(second.Incoming()); n != 0 {
				t.Errorf("%d calls came to the second carrier", n)
			}
		})
	}
}

// TestGivenUp: who hangs up before the answer is obeyed at once, whoever it is
// and however far the call is.
func TestGivenUp(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	ctx, cancel := wait()
	defer cancel()
	n := 0
	givenUp := func(who string, outside *peer.Call, began time.Time) {
		t.Helper()
		n++
		end := h.ended("outside", outside)
		if end.How != peer.ByCANCEL || !end.Remote {
			t.Errorf("%s: outside %s", who, end)
		}
		t.Logf("%s: CANCEL at the carrier after %s", who, end.At.Sub(began).Round(10*time.Microsecond))
		if rec := h.record(n); rec.Result != call.ResultCancelled || rec.Missed || rec.AnsweredAt != nil || rec.SIPCode != 487 {
			t.Errorf("%s: result %s, missed %v, code %d", who, rec.Result, rec.Missed, rec.SIPCode)
		}
		h.userIs("ana", routing.UserState.Available)
	}

	user := h.dials(ana, outsideNumber)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.must(user.WaitRinging(ctx))
	began := time.Now()
	h.must(user.Cancel())
	givenUp("CANCEL of the softphone", outside, began)
	if end := h.ended("ana", user); end.How != peer.ByCANCEL || end.Code != 487 {
		t.Errorf("ana's phone %s", end)
	}

	h.place(order{"user": "ana", "to": outsideNumber})
	user = h.lifts(ana)
	outside = h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.hears("ana", user, ringbackTone)
	began = time.Now()
	h.must(user.Hangup(ctx))
	givenUp("BYE of the user's phone", outside, began)

	placed := h.place(order{"user": "ana", "to": outsideNumber})
	user = h.lifts(ana)
	outside = h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Progress())
	h.hears("ana", user, outsideTone)
	began = time.Now()
	h.api.Want(204, "DELETE", "/calls/"+string(placed.ID), nil)
	givenUp("DELETE", outside, began)
	h.ended("ana", user)

	placed = h.place(order{"user": "ana", "to": outsideNumber})
	own := h.rung(ana)
	h.api.Want(204, "DELETE", "/calls/"+string(placed.ID), nil)
	if end := h.ended("ana", own); end.How != peer.ByCANCEL {
		t.Errorf("ana's phone %s", end)
	}
	if rec := h.record(n + 1); rec.Result != call.ResultCancelled {
		t.Errorf("result %s", rec.Result)
	}
	if waiting := len(h.carrier.Incoming()); waiting != 0 {
		t.Errorf("%d calls came to the carrier", waiting)
	}
}
