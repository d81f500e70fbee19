package daemon_test

import (
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// TestRingAll: everybody rings, the first wins, the others are told so.
func TestRingAll(t *testing.T) {
	h := newHouse(t, settings{reception: "strategy: ring-all"})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	contact := h.call()
	first, second := h.rung(ana), h.rung(luis)
	h.must(second.Answer())
	h.hears("the contact", contact, luisTone)
	if end := h.ended("ana", first); end.How != peer.ByCANCEL || end.Reason != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("ana's phone %s", end)
	}
}

// TestSeveralPhones: all devices of one user ring, the first to answer wins.
func TestSeveralPhones(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	desk, mobile := h.phone("ana", anaTone), h.phone("ana", luisTone)
	contact := h.call()
	first, second := h.rung(desk), h.rung(mobile)
	h.must(second.Answer())
	h.hears("the contact", contact, luisTone)
	if end := h.ended("the desk phone", first); end.How != peer.ByCANCEL || end.Reason != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("the desk phone %s", end)
	}
}

// TestVanishedPhone: a phone that is gone without a word is passed over, and
// the next user is asked within seconds.
func TestVanishedPhone(t *testing.T) {
	h := newHouse(t, settings{})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	ana.Vanish()
	contact := h.call()
	user := h.answered(luis)
	h.hears("the contact", contact, luisTone)
	h.userIs("ana", func(u routing.UserState) bool { return u.Suspect || !u.Registered })
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hangup(ctx))
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || rec.User != "luis" {
		t.Errorf("result %s, user %s", rec.Result, rec.User)
	}
	// The phone comes back and registers: it is asked again.
	h.must(ana.Return())
	if _, err := ana.Register(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	h.userIs("ana", routing.UserState.Available)
}

func TestPhoneVanishesWhileTalking(t *testing.T) {
	h := newHouse(t, settings{media: "timeout: 3s"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ana.Vanish()
	if end := h.ended("the contact", contact); !end.Remote {
		t.Errorf("the contact %s", end)
	}
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

func TestReregisterWhileRingingAndTalking(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.rung(ana)
	ctx, cancel := wait()
	defer cancel()
	register := func() {
		if _, err := ana.Register(ctx, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	register()
	h.must(user.Answer())
	h.hears("the contact", contact, anaTone)
	register()
	h.must(ana.Unregister(ctx))
	h.hears("the contact", contact, anaTone)
	h.must(user.Hangup(ctx))
	h.ended("the contact", contact)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// TestTCP: a telephone on TCP is called over the connection on which it
// registered.
func TestTCP(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone, func(o *peer.Options) {
		o.Transport, o.Server = "tcp", h.sw.SIPAddrs()[1].String()
	})
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	h.hears("ana", user, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Hangup(ctx))
	h.ended("the contact", contact)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}
