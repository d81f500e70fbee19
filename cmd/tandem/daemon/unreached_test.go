package daemon_test

import (
	"cmp"
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
// the codes that came, and the telephone that dialed is told. A 422 is no final
// word: the call is tried once more with a longer session (sip/session_test.go).
func TestResults(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.edit("keepalive: 0s }", "keepalive: 0s, ring_timeout: 30s, calls_per_second: 100 }")
	h.run()
	ana := h.phone("ana", anaTone)
	n := 0
	for _, c := range []struct {
		code   int // what the carrier answers
		result call.Result
		q850   int
		told   int // to the telephone, when that is another code
	}{
		{300, call.ResultFailed, 23, 410}, {301, call.ResultFailed, 23, 410}, {302, call.ResultFailed, 23, 410}, // to nowhere
		{305, call.ResultFailed, 127, 410}, {380, call.ResultFailed, 127, 410}, // not to be followed

		{400, call.ResultFailed, 41, 0}, {401, call.ResultFailed, 21, 500}, {402, call.ResultFailed, 21, 0},
		{403, call.ResultFailed, 21, 0}, {404, call.ResultFailed, 1, 0}, {405, call.ResultFailed, 79, 0},
		{406, call.ResultFailed, 127, 0}, {407, call.ResultFailed, 21, 500}, {408, call.ResultNoAnswer, 102, 0},
		{410, call.ResultFailed, 22, 0}, {413, call.ResultFailed, 127, 0}, {415, call.ResultFailed, 127, 0},
		{416, call.ResultFailed, 127, 0}, {420, call.ResultFailed, 127, 0}, {421, call.ResultFailed, 127, 0},
		{423, call.ResultFailed, 127, 0}, {480, call.ResultNoAnswer, 18, 0},
		{481, call.ResultFailed, 41, 0}, {482, call.ResultFailed, 127, 0}, {483, call.ResultFailed, 127, 0},
		{484, call.ResultFailed, 28, 0}, {485, call.ResultFailed, 127, 0}, {486, call.ResultBusy, 17, 0},
		{487, call.ResultNoAnswer, 127, 480}, {488, call.ResultFailed, 65, 0}, {491, call.ResultFailed, 127, 0},
		{493, call.ResultFailed, 127, 0}, {499, call.ResultFailed, 127, 0},

		{500, call.ResultFailed, 41, 0}, {501, call.ResultFailed, 79, 0}, {502, call.ResultFailed, 38, 0},
		{503, call.ResultFailed, 41, 0}, {504, call.ResultFailed, 102, 0}, {505, call.ResultFailed, 127, 0},
		{513, call.ResultFailed, 127, 0}, {580, call.ResultFailed, 127, 0},

		{600, call.ResultBusy, 17, 0}, {603, call.ResultBusy, 21, 0}, {604, call.ResultFailed, 1, 0},
		{606, call.ResultFailed, 65, 0}, {607, call.ResultBusy, 127, 0},
	} {
		for _, rings := range []bool{false, true} {
			n++
			h.refused(n, ana, c.code, rings, cmp.Or(c.told, c.code), c.result, c.q850)
		}
	}
}

// TestReasons: a carrier's own words about the cause are more exact than its code.
func TestReasons(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	for i, c := range []struct {
		code, q850 int
		result     call.Result
	}{{480, 20, call.ResultNoAnswer}, {500, 38, call.ResultFailed}, {503, 34, call.ResultFailed}, {603, 21, call.ResultBusy}} {
		reason := peer.Header{Name: "Reason", Value: fmt.Sprintf("Q.850;cause=%d", c.q850)}
		h.refused(i+1, ana, c.code, false, c.code, c.result, c.q850, reason)
	}
}

// refused plays the nth call, which a carrier refuses, and checks what the
// telephone that dialed is told, and the record.
func (h *house) refused(n int, p *peer.Phone, code int, rings bool, told int, result call.Result, q850 int, reason ...peer.Header) {
	h.t.Helper()
	user := h.dials(p, outsideNumber)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	if rings {
		h.must(outside.Ring())
	}
	h.must(outside.Reject(code, reason...))
	if end := h.ended("the phone", user); end.Code != told || end.How != peer.ByResponse {
		h.t.Errorf("%d, rang %v: the phone %s, want %d", code, rings, end, told)
	}
	rec := h.record(n)
	if rec.Result != result || rec.SIPCode != code || rec.Q850 != q850 || rec.Missed || rec.AnsweredAt != nil {
		h.t.Errorf("%d, rang %v: result %s, codes %d/%d, missed %v; want %s, %d/%d",
			code, rings, rec.Result, rec.SIPCode, rec.Q850, rec.Missed, result, code, q850)
	}
	h.userIs("ana", routing.UserState.Available)
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
