//go:build linux

package interop_test

import (
	"slices"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
)

const movedNumber = "600777888" // where a carrier redirects a call to

// TestCarrierIsReliable: the carrier wants a PRACK for what it says before the
// answer, and changes its media then; ana's phone hears it all.
func TestCarrierIsReliable(t *testing.T) { heardEarly(t, "reliable.xml") }

// TestCarrierForks: two callees announce something; the one that came last is
// heard and answers, the other one is let go.
func TestCarrierForks(t *testing.T) { heardEarly(t, "forks.xml") }

// heardEarly has ana call a carrier that speaks before the answer.
func heardEarly(t *testing.T, file string) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	wire := h.tap()
	carrier := h.sipp(scenario{file: file, early: earlyTone, says: outsideTone, local: carrierPort, flags: []string{"-d", "2000"}})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	ana.command("dial", outsideDialed)
	ana.tells(progress)
	ana.tells(established)
	holds(t, "what ana hears after the answer", wire.flows(h.phones), outsideTone, earlyTone, anaTone)
	holds(t, "what the contact hears", wire.mostly(h.carrier), anaTone, outsideTone)
	ana.command("hangup", "")
	carrier.succeeds()
	holds(t, "what ana heard before the answer", sound(wire.only(h.phones)[50:75]), earlyTone, outsideTone)
	h.outbound("ana", call.ResultCompleted, 200, 16)
}

// TestCarrierRedirects: a 302 is followed to a number that may be called, and to
// none of our own.
func TestCarrierRedirects(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, "baresip", "sipp")
	t.Run("to another number", func(t *testing.T) {
		h := newHouse(network.within(t), settings{})
		wire := h.tap()
		carrier := h.sipp(scenario{
			file: "redirects.xml", says: outsideTone, local: carrierPort, keys: map[string]string{"moved": movedNumber}, flags: []string{"-m", "2"},
		})
		ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
		ana.command("dial", outsideDialed)
		ana.tells(established)
		holds(t, "what ana hears", wire.flows(h.phones), outsideTone, anaTone)
		ana.command("hangup", "")
		carrier.succeeds()
		h.outbound("ana", call.ResultCompleted, 200, 16)
		h.marked("redirected", "to "+movedNumber)
	})
	t.Run("to ourselves", func(t *testing.T) {
		h := newHouse(network.within(t), settings{})
		carrier := h.sipp(scenario{file: "redirects.xml", says: outsideTone, local: carrierPort, keys: map[string]string{"moved": salesNumber}})
		ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
		ana.command("dial", outsideDialed)
		ana.tells(closed)
		carrier.succeeds()
		h.outbound("ana", call.ResultFailed, 302, 23)
		h.marked("not_followed", "to "+salesNumber+": that is one of our own numbers")
	})
}

// TestCarrierRingsOut: nobody picks up in time; the record has the carrier's 487.
func TestCarrierRingsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{trunk: ", ring_timeout: 2s"})
	carrier := h.sipp(scenario{file: "rings.xml", local: carrierPort})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	ana.command("dial", outsideDialed)
	if e := ana.tells(closed); !strings.HasPrefix(e.Text, "480 ") {
		t.Errorf("the phone shows %q", e.Text)
	}
	carrier.succeeds()
	h.outbound("ana", call.ResultNoAnswer, 487, 19)
}

// TestCarrierRequiresReliable: the carrier of a contact who calls wants a 183
// that it acknowledges.
func TestCarrierRequiresReliable(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{reception: "answer: early"})
	wire := h.tap()
	contact := h.sipp(scenario{file: "requires.xml", says: contactTone, keys: from(salesNumber), flags: []string{"-d", "1200"}})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "auto"})
	ana.tells(established)
	holds(t, "what the contact hears", wire.flows(h.carrier), anaTone, contactTone)
	holds(t, "what ana hears", wire.flows(h.phones), contactTone, anaTone)
	ana.command("hangup", "")
	contact.succeeds()
	is(t, "result", h.record().Result, call.ResultCompleted)
}

// marked checks a step on the way of the one call.
func (h *house) marked(what, why string) {
	h.t.Helper()
	explained := daemontest.Read[struct{ Trail []call.Mark }](h.api, "/calls/"+string(h.record().ID)+"/explain")
	if !slices.ContainsFunc(explained.Trail, func(m call.Mark) bool { return m.What == what && m.Why == why }) {
		h.t.Errorf("no %q %q in %+v", what, why, explained.Trail)
	}
}
