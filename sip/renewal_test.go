package sip

import (
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// talking brings up an answered inbound call.
func talking(t *testing.T) (*bench, *peer, call.LegID, *wire.Response) {
	t.Helper()
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "talk")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	return b, p, in.Leg, ok
}

func TestReinvite(t *testing.T) {
	b, p, leg, ok := talking(t)
	p.send(p.within(ok, "INVITE", 2, "re1", testSDP))
	if got := next[call.LegOffered](t, b.lines); string(got.SDP) != testSDP || got.Leg != leg {
		t.Fatalf("offered %+v", got)
	}
	p.send(p.within(ok, "INVITE", 3, "re2", testSDP)) // before the first is answered
	if res := p.response(500, wire.INVITE); res.GetHeader("Retry-After") == nil {
		t.Errorf("no Retry-After in %s", res)
	}
	b.Reanswer(leg, []byte("new answer"))
	if res := p.response(200, wire.INVITE); string(res.Body()) != "new answer" || res.CSeq().SeqNo != 2 {
		t.Errorf("answer %s", res)
	}
	p.send(p.within(ok, "ACK", 2, "reack"))
	p.send(p.within(ok, "UPDATE", 4, "up", testSDP))
	next[call.LegOffered](t, b.lines)
	b.Reanswer(leg, nil)
	p.response(488, wire.UPDATE)
	p.send(p.within(ok, "UPDATE", 5, "up2"))
	p.response(200, wire.UPDATE)
	p.send(p.within(ok, "UPDATE", 4, "old", testSDP))
	p.response(500, wire.UPDATE)
}

// A re-INVITE without SDP asks for our offer; the ACK brings the answer.
func TestReinviteLateOffer(t *testing.T) {
	b, p, leg, ok := talking(t)
	p.send(p.within(ok, "INVITE", 2, "re"))
	if got := next[call.LegOffered](t, b.lines); got.SDP != nil {
		t.Fatalf("offered %+v", got)
	}
	b.Reanswer(leg, []byte("our offer"))
	p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 2, "reack", testSDP))
	if got := next[call.LegAccepted](t, b.lines); string(got.SDP) != testSDP {
		t.Errorf("accepted %+v", got)
	}
}

// The BYE of a peer that moved goes to its new Contact.
func TestTargetRefresh(t *testing.T) {
	b, p, leg, ok := talking(t)
	p.send(p.within(ok, "UPDATE", 2, "up", "Contact: <sip:moved@"+p.addr.String()+">"))
	p.response(200, wire.UPDATE)
	b.Release(leg, call.Cause{Kind: call.CauseNormal})
	if bye := p.request(wire.BYE); bye.Recipient.User != "moved" {
		t.Errorf("BYE to %s", bye.Recipient.String())
	}
}

func TestInfo(t *testing.T) {
	b, p, _, ok := talking(t)
	p.send(p.within(ok, "INFO", 2, "i1"))
	p.response(200, wire.INFO)
	for _, c := range []struct {
		kind, body string
		key        byte
		ok         bool
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', true},
		{"application/dtmf-relay", "Signal= *\r\n", '*', true},
		{"application/dtmf-relay", "signal=11", '#', true},
		{"application/dtmf", "a", 'A', true},
		{"application/dtmf-relay", "Duration=5", 0, false},
		{"application/dtmf", "55", 0, false},
		{"text/plain", "5", 0, false},
	} {
		if key, ok := digitOf(c.kind, []byte(c.body)); key != c.key && ok || ok != c.ok {
			t.Errorf("digitOf(%q, %q) = %q, %v", c.kind, c.body, key, ok)
		}
	}
	if n := len(b.lines.inputs); n != 0 {
		t.Errorf("%d inputs", n)
	}
}

func TestInDialogUnknown(t *testing.T) {
	_, p, _, ok := talking(t)
	to := ok.To().Params
	to.Add("tag", "wrong")
	ok.To().Params = to
	p.send(p.within(ok, "BYE", 2, "bye"))
	p.response(481, wire.BYE)
}
