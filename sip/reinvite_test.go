package sip

import (
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Our re-INVITE meets one of the peer: both are refused, and ours comes again
// after the pause of whoever made the Call-ID.
func TestGlare(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		b.Take(taker, leg, []byte("offer"))
		first := p.request(wire.INVITE)
		p.send(p.says(invite, "INVITE", 1, testSDP))
		p.response(491, wire.INVITE)
		p.send(p.says(invite, "UPDATE", 2, testSDP))
		p.response(491, wire.UPDATE)
		start := time.Now()
		p.reply(first, 491, "")
		p.request(wire.ACK)
		second := p.request(wire.INVITE)
		if passed := time.Since(start); passed < 2100*time.Millisecond || passed > 4*time.Second {
			t.Errorf("again after %v", passed)
		}
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || string(second.Body()) != "offer" {
			t.Errorf("%s", second)
		}
		p.answers(second)
		next[call.LegAnswered](t, b.lines)
		p.request(wire.ACK)
		p.send(p.says(invite, "INVITE", 3, testSDP)) // now it is welcome
		next[call.LegOffered](t, b.lines)
	})
}

// Whoever did not make the Call-ID tries again within two seconds.
func TestGlareAsCallee(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		p.register("ana", "secret", 1)
		in := dials(t, b, p, "ana", "secret", "out")
		b.Answer(in.Leg, []byte("answer"))
		ok := p.response(200, wire.INVITE)
		b.Take(taker, in.Leg, []byte("offer")) // before the ACK: it waits
		synctest.Wait()
		p.send(p.within(ok, "ACK", 2, "ack"))
		first := p.request(wire.INVITE)
		start := time.Now()
		p.reply(first, 491, "")
		second := p.request(wire.INVITE)
		if passed := time.Since(start); passed >= 2*time.Second {
			t.Errorf("again after %v", passed)
		}
		p.answers(second)
		next[call.LegAnswered](t, b.lines)
	})
}

// A re-INVITE that is refused for good ends the leg of a call that needs it.
func TestReinviteRefused(t *testing.T) {
	for status, kind := range map[int]call.CauseKind{481: call.CauseUnreachable, 408: call.CauseUnreachable, 488: call.CauseFailed, 491: call.CauseFailed} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			leg, _ := onLine(t, b, p)
			b.Take(taker, leg, []byte("offer"))
			tries := 1
			if status == 491 {
				tries += offerTries
			}
			for range tries {
				p.reply(p.request(wire.INVITE), status, "")
			}
			if got := next[call.LegGone](t, b.lines); got.Leg != taker || got.Cause.Kind != kind {
				t.Errorf("%d: %+v", status, got)
			}
			ends(t, b, p)
		})
	}
}

// Nobody answers, or somebody rings for ever: after 64*T1 the peer is gone.
func TestReinviteUnanswered(t *testing.T) {
	for _, rings := range []bool{false, true} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			leg, _ := onLine(t, b, p)
			start := time.Now()
			b.Take(taker, leg, []byte("offer"))
			again := p.request(wire.INVITE)
			if rings {
				p.reply(again, 180, "")
			}
			if got := next[call.LegGone](t, b.lines); got.Leg != taker || time.Since(start) != timerAbsent {
				t.Errorf("%+v after %v", got, time.Since(start))
			}
			ends(t, b, p)
		})
	}
}

// The peer hangs up while our re-INVITE is on its way, and answers it all the
// same: the answer is acknowledged, and the call hears of one end.
func TestByeCrossesReinvite(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		b.Take(taker, leg, []byte("offer"))
		again := p.request(wire.INVITE)
		p.send(p.says(invite, "BYE", 1))
		p.response(200, wire.BYE)
		if got := next[call.LegGone](t, b.lines); got.Leg != taker || got.Cause.Kind != call.CauseNormal {
			t.Errorf("%+v", got)
		}
		p.answers(again)
		if ack := p.request(wire.ACK); ack.CSeq().SeqNo != again.CSeq().SeqNo {
			t.Errorf("%s", ack)
		}
		time.Sleep(2 * timerAbsent)
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d more inputs", n)
		}
	})
}

// Our BYE goes out at once, though a re-INVITE of ours is not answered.
func TestReleaseDuringReinvite(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, _ := onLine(t, b, p)
		b.Take(taker, leg, []byte("offer"))
		again := p.request(wire.INVITE)
		b.Release(taker, call.Cause{Kind: call.CauseNormal})
		bye := p.request(wire.BYE)
		if bye.CSeq().SeqNo != again.CSeq().SeqNo+1 {
			t.Errorf("%s", bye)
		}
		p.reply(bye, 200, "")
		p.reply(again, 487, "")
		p.request(wire.ACK)
		time.Sleep(2 * timerAbsent)
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs", n)
		}
	})
}

// A trunk asks for credentials; the BYE after it counts on.
func TestReinviteChallenged(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg := call.LegID("01J-3")
		b.Invite(leg, call.Target{Trunk: "carrier", Number: "+34600000000"}, []byte(testSDP))
		p.reply(p.request(wire.INVITE), 200, "phone", testSDP)
		next[call.LegAnswered](t, b.lines)
		p.request(wire.ACK)
		b.Take(taker, leg, []byte("offer"))
		first := p.request(wire.INVITE)
		p.reply(first, 407, "", `Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"`)
		p.request(wire.ACK)
		second := p.request(wire.INVITE)
		if second.GetHeader("Proxy-Authorization") == nil || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
			t.Errorf("%s", second)
		}
		p.answers(second)
		next[call.LegAnswered](t, b.lines)
		if ack := p.request(wire.ACK); ack.GetHeader("Proxy-Authorization") == nil || ack.CSeq().SeqNo != second.CSeq().SeqNo {
			t.Errorf("%s", ack)
		}
		b.Release(taker, call.Cause{Kind: call.CauseNormal})
		if bye := p.request(wire.BYE); bye.CSeq().SeqNo != second.CSeq().SeqNo+1 {
			t.Errorf("%s", bye)
		}
	}, Trunk{Name: "carrier", Address: "10.0.0.3", Auth: Credentials{"acme", "pw"}})
}
