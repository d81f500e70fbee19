package daemon_test

import (
	"context"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// TestCancelCrossingAnswer: the phone answers although it was cancelled. It
// gets ACK and BYE, and the call stays abandoned.
func TestCancelCrossingAnswer(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone, func(o *peer.Options) { o.Behaviour.AnswerAfterCancel = true })
	contact := h.call()
	user := h.rung(ana)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	if end := h.ended("ana", user); end.How != peer.ByBYE || !end.Remote || user.Acked() == 0 {
		t.Errorf("ana's phone %s, %d ACKs", end, user.Acked())
	} else if strings.Contains(end.Reason, "elsewhere") {
		t.Errorf("nobody took the call, but the phone is told %s", end.Reason)
	}
	h.missedOnce(call.ResultCancelled, call.MissedAbandoned, "ana")
	h.userIs("ana", routing.UserState.Available)
}

// TestContactGivesUpAsUserAnswers: the contact hangs up, or cancels, in the
// instant in which the salesperson lifts. The call is abandoned or it was
// connected, never something in between, and nobody is left on the line.
func TestContactGivesUpAsUserAnswers(t *testing.T) {
	t.Run("BYE", func(t *testing.T) {
		giveUp(t, settings{members: "ana"}, func(ctx context.Context, c *peer.Call) error { return c.Hangup(ctx) })
	})
	// The CANCEL may cross our 200: then the caller says BYE.
	t.Run("CANCEL", func(t *testing.T) {
		giveUp(t, settings{members: "ana", reception: "answer: early"}, func(_ context.Context, c *peer.Call) error {
			_ = c.Cancel() // too late when the answer is here
			return nil
		})
	})
}

func giveUp(t *testing.T, s settings, leave func(context.Context, *peer.Call) error) {
	h := newHouse(t, s)
	ana := h.phone("ana", anaTone)
	for i := range 20 {
		contact := h.call()
		user := h.rung(ana)
		ctx, cancel := wait()
		answered := make(chan error, 1)
		go func() { answered <- user.Answer() }()
		h.must(leave(ctx, contact))
		<-answered // either way is right for the phone
		daemontest.Eventually(h.t, "the contact is gone", func() bool {
			if contact.State() == peer.Answered {
				_ = contact.Hangup(ctx) // may have been ended by the switch
			}
			return contact.State() == peer.Ended
		})
		h.ended("ana", user)
		rec := h.record(i + 1)
		switch {
		case rec.Result == call.ResultCancelled && rec.Missed && rec.AnsweredAt == nil && rec.Duration == 0:
		case rec.Result == call.ResultCompleted && !rec.Missed && rec.AnsweredAt != nil:
		default:
			t.Errorf("round %d: %+v", i, rec)
		}
		h.userIs("ana", routing.UserState.Available)
		cancel()
	}
}

// TestTwoPhonesAnswerTogether: one wins, the other gets ACK and BYE.
func TestTwoPhonesAnswerTogether(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	// Both answer whatever is cancelled in between.
	stubborn := func(o *peer.Options) { o.Behaviour.AnswerAfterCancel = true }
	desk, mobile := h.phone("ana", anaTone, stubborn), h.phone("ana", luisTone, stubborn)
	contact := h.call()
	first, second := h.rung(desk), h.rung(mobile)
	answered := make(chan error, 2)
	go func() { answered <- first.Answer() }()
	go func() { answered <- second.Answer() }()
	<-answered
	<-answered
	h.hearsMusicNoMore(contact)
	winner, loser := first, second
	if second.State() != peer.Ended && first.State() == peer.Ended {
		winner, loser = second, first
	}
	daemontest.Eventually(h.t, "one phone is released", func() bool {
		if first.State() == peer.Ended {
			winner, loser = second, first
		}
		return loser.State() == peer.Ended
	})
	if end := h.ended("the slower phone", loser); end.How != peer.ByBYE && end.How != peer.ByCANCEL {
		t.Errorf("the slower phone %s", end)
	}
	h.hears("the faster phone", winner, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.ended("the faster phone", winner)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// hearsMusicNoMore waits until the contact hears one of the phones.
func (h *house) hearsMusicNoMore(c *peer.Call) {
	h.t.Helper()
	daemontest.Eventually(h.t, "the contact is connected", func() bool {
		live := daemontest.List[call.Record](h.api, "/calls?active=true")
		return len(live) == 1 && live[0].State == call.StateActive
	})
	if c.State() != peer.Answered {
		h.t.Errorf("the contact's call is %s", c.State())
	}
}

// TestManyCallsOneUser: however many wait, a user has one offer at a time, and
// each caller is served in the order of arrival.
func TestManyCallsOneUser(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	callers := []string{"+34600000001", "+34600000002", "+34600000003"}
	var contacts []*peer.Call
	for _, from := range callers {
		c := h.call(func(o *peer.CallOptions) { o.From, o.Display = from, "" })
		h.hearsMusic(from, c)
		contacts = append(contacts, c)
	}
	ctx, cancel := wait()
	defer cancel()
	for i, from := range callers {
		user := h.answered(ana)
		if got := user.From().User(); got != from {
			t.Errorf("caller %d is %s, want %s", i, got, from)
		}
		h.hears("ana", user, contactTone)
		h.must(contacts[i].Hangup(ctx))
		h.ended("ana", user)
	}
	h.record(len(callers))
}
