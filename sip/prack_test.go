package sip

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Reliable responses are acknowledged in their order, once each; their SDP is
// the answer, and what the 200 repeats is not looked at.
func TestReliableProgress(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		if !lists(invite, "Supported", "k", "100rel") || lists(invite, "Require", "", "100rel") {
			t.Errorf("%s", invite)
		}
		answer := func(status, rseq int, extra ...string) {
			p.reply(invite, status, "callee", append(extra, "Require: 100rel", fmt.Sprint("RSeq: ", rseq), "Record-Route: <sip:10.0.0.3;lr;early>")...)
		}
		acknowledged := func(rseq int, seq uint32) {
			t.Helper()
			req := p.request(wire.PRACK)
			if headerValue(req, "RAck") != fmt.Sprintf("%d 1 INVITE", rseq) || req.CSeq().SeqNo != seq ||
				tagOf(req.To().Params) != "callee" || !contains(headerValue(req, "Route"), "early") || req.Recipient.User != "peer" {
				t.Errorf("%s", req)
			}
			p.reply(req, 200, "")
		}
		answer(183, 100, sdpOn(4000))
		acknowledged(100, 2)
		heard(t, b, 183, 4000)
		answer(183, 100, sdpOn(4000)) // its PRACK crossed it
		answer(180, 102)              // the one before it is lost
		quietly(t, p, "repeated, and before its turn")
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs", n)
		}
		answer(183, 101, sdpOn(4444)) // no second answer
		acknowledged(101, 3)
		answer(180, 102)
		acknowledged(102, 4)
		heard(t, b, 180, 0)
		p.reply(invite, 200, "callee", sdpOn(5555))
		if got := next[call.LegAnswered](t, b.lines); string(got.SDP) != sdpOn(4000) || got.Leg != leg {
			t.Errorf("%+v", got)
		}
		if ack := p.request(wire.ACK); ack.CSeq().SeqNo != 1 {
			t.Errorf("%s", ack)
		}
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		bye := p.request(wire.BYE)
		if bye.CSeq().SeqNo != 5 {
			t.Errorf("%s", bye)
		}
		p.reply(bye, 200, "")
	}, hubCarrier())
}

// Each callee of a forked INVITE counts for itself, and a second 200 is ended
// after its own PRACKs.
func TestReliableForks(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, invite := calledOut(t, b, p)
		for i, tag := range []string{"one", "two", "two"} {
			p.reply(invite, 183, tag, "Require: 100rel", fmt.Sprint("RSeq: ", 10+i), sdpOn(4000+i*i%3))
			req := p.request(wire.PRACK)
			if tagOf(req.To().Params) != tag || req.CSeq().SeqNo != []uint32{2, 2, 3}[i] {
				t.Errorf("%s", req)
			}
			p.reply(req, 200, "")
			if i < 2 {
				heard(t, b, 183, 4000+i)
			}
		}
		p.reply(invite, 200, "one")
		if got := next[call.LegAnswered](t, b.lines); string(got.SDP) != sdpOn(4000) {
			t.Errorf("%+v", got) // the answer that it gave before, though two was heard last
		}
		p.request(wire.ACK)
		p.reply(invite, 200, "two")
		p.request(wire.ACK)
		if bye := p.request(wire.BYE); tagOf(bye.To().Params) != "two" || bye.CSeq().SeqNo != 4 {
			t.Errorf("%s", bye)
		}
	}, hubCarrier())
}

// A PRACK is sent until it is answered, a challenge is met, and after a CANCEL
// what still comes is acknowledged.
func TestPrackUntilItIsAnswered(t *testing.T) {
	carrier := hubCarrier()
	carrier.Auth = Credentials{"acme", "pw"}
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 180, "callee", "Require: 100rel", "RSeq: 1")
		first := p.request(wire.PRACK)
		heard(t, b, 180, 0)
		time.Sleep(timerT1 + time.Millisecond)
		again := p.request(wire.PRACK)
		if again.String() != first.String() {
			t.Errorf("%s\n%s", first, again)
		}
		p.reply(again, 407, "", `Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"`)
		third := p.request(wire.PRACK)
		if third.GetHeader("Proxy-Authorization") == nil || third.CSeq().SeqNo != 3 || headerValue(third, "RAck") != "1 1 INVITE" {
			t.Errorf("%s", third)
		}
		p.reply(third, 481, "") // and that is that
		b.Release(leg, call.Cause{Kind: call.CauseCancelled})
		p.reply(p.request(wire.CANCEL), 200, "callee")
		p.reply(invite, 183, "callee", "Require: 100rel", "RSeq: 2")
		if req := p.request(wire.PRACK); headerValue(req, "RAck") != "2 1 INVITE" || req.CSeq().SeqNo != 4 {
			t.Errorf("%s", req)
		}
		p.reply(invite, 487, "callee")
		p.request(wire.ACK)
	}, carrier)
}

// What is not to be read, or comes without end, gets no PRACK; a callee that
// answers in the end is talked to.
func TestReliableNonsense(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, invite := calledOut(t, b, p)
		for _, rseq := range []string{"", "0", "-1", "x", "4294967296", "2147483648"} {
			p.reply(invite, 183, "callee", "Require: 100rel", "RSeq: "+rseq, sdpOn(4000))
		}
		p.reply(invite, 183, "", "Require: 100rel", "RSeq: 1")
		quietly(t, p, "nonsense")
		count := 0
		for rseq := range 2 * maxReliable {
			p.reply(invite, 183, "callee", "Require: 100rel", fmt.Sprint("RSeq: ", rseq+1))
			synctest.Wait()
			for len(p.inbox) > 0 {
				if req, ok := (<-p.inbox).(*wire.Request); ok && req.Method == wire.PRACK {
					count++
					p.reply(req, 200, "")
				}
			}
		}
		if count != maxReliable {
			t.Errorf("%d acknowledged", count)
		}
		heard(t, b, 183, 0)
		p.reply(invite, 200, "callee", sdpOn(4000))
		next[call.LegAnswered](t, b.lines)
	}, hubCarrier())
}
