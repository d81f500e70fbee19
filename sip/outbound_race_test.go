package sip

import (
	"fmt"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Two phones answer together: one wins, the other gets ACK and BYE.
func TestTwoPhonesAnswer(t *testing.T) {
	b := newBench(t)
	p, q := udpPeer(t).dial(b), udpPeer(t).dial(b)
	leg, invites := ring(t, b, p, q)
	p.reply(invites[0], 200, "p", testSDP)
	q.reply(invites[1], 200, "q", testSDP)
	next[call.LegAnswered](t, b.lines)
	p.request(wire.ACK)
	q.request(wire.ACK)
	var loser, winner *peer
	select {
	case m := <-only(p, wire.BYE):
		loser, winner = p, q
		p.reply(m, 200, "")
	case m := <-only(q, wire.BYE):
		loser, winner = q, p
		q.reply(m, 200, "")
	}
	_ = loser
	b.Release(leg, call.Cause{Kind: call.CauseNormal})
	winner.reply(winner.request(wire.BYE), 200, "")
	if n := len(b.lines.inputs); n != 0 {
		t.Errorf("%d more inputs", n)
	}
}

// only filters a peer's requests by method.
func only(p *peer, method wire.RequestMethod) <-chan *wire.Request {
	out := make(chan *wire.Request, 1)
	go func() {
		for m := range p.inbox {
			if req, ok := m.(*wire.Request); ok && req.Method == method {
				out <- req
				return
			}
		}
	}()
	return out
}

func TestOthersAreCancelled(t *testing.T) {
	b := newBench(t)
	p, q := udpPeer(t).dial(b), udpPeer(t).dial(b)
	_, invites := ring(t, b, p, q)
	q.reply(invites[1], 180, "q")
	next[call.LegProgress](t, b.lines)
	p.reply(invites[0], 200, "p", testSDP)
	next[call.LegAnswered](t, b.lines)
	cancel := q.request(wire.CANCEL)
	if got := headerValue(cancel, "Reason"); got != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("Reason %q", got)
	}
	q.reply(cancel, 200, "q")
	q.reply(invites[1], 487, "q")
	q.request(wire.ACK)
}

// A proxy forked our INVITE: the second dialog is ended, the first stays.
func TestForkedAnswers(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	leg, invites := ring(t, b, p)
	p.reply(invites[0], 200, "one", testSDP)
	next[call.LegAnswered](t, b.lines)
	if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "one" {
		t.Fatalf("ack %s", ack)
	}
	p.reply(invites[0], 200, "two", testSDP)
	if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "two" {
		t.Fatalf("ack %s", ack)
	}
	bye := p.request(wire.BYE)
	if tagOf(bye.To().Params) != "two" {
		t.Fatalf("bye %s", bye)
	}
	p.reply(bye, 200, "")
	p.reply(invites[0], 200, "one", testSDP) // resent: the ACK was lost
	if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "one" {
		t.Fatalf("ack %s", ack)
	}
	b.Release(leg, call.Cause{Kind: call.CauseNormal})
	if bye := p.request(wire.BYE); tagOf(bye.To().Params) != "one" {
		t.Fatalf("bye %s", bye)
	}
}

// The phone answers and hangs up at once; its BYE is read before its 200.
func TestByeOvertakesAnswer(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	_, invites := ring(t, b, p)
	invite := invites[0]
	p.reply(invite, 180, "fast")
	next[call.LegProgress](t, b.lines)
	p.send(strings.Join([]string{
		"BYE " + invite.Contact().Address.String() + " SIP/2.0", p.via("fastbye"), "Max-Forwards: 70",
		"From: " + invite.To().Value() + ";tag=fast", "To: " + invite.From().Value(),
		"Call-ID: " + invite.CallID().Value(), "CSeq: 1 BYE", "Content-Length: 0", "", "",
	}, "\r\n"))
	p.response(200, wire.BYE)
	p.reply(invite, 200, "fast", testSDP)
	p.request(wire.ACK)
	next[call.LegAnswered](t, b.lines)
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseNormal {
		t.Errorf("gone %+v", gone)
	}
}

func TestPhoneRefuses(t *testing.T) {
	for _, c := range []struct {
		status  int
		rang    bool
		kind    call.CauseKind
		suspect bool
	}{
		{486, true, call.CauseBusy, false},
		{600, false, call.CauseBusy, false},
		{603, true, call.CauseDeclined, false},
		{480, false, call.CauseUnreachable, true},
		{480, true, call.CauseNoAnswer, false},
		{408, false, call.CauseUnreachable, true},
		{503, false, call.CauseUnreachable, true},
		{302, false, call.CauseFailed, false},
		{488, false, call.CauseFailed, false},
	} {
		t.Run(fmt.Sprintf("%d rang %v", c.status, c.rang), func(t *testing.T) {
			b := newBench(t)
			p := udpPeer(t).dial(b)
			_, invites := ring(t, b, p)
			b.watch.want(t, "up ana")
			if c.rang {
				p.reply(invites[0], 180, "x")
				next[call.LegProgress](t, b.lines)
			}
			p.reply(invites[0], c.status, "x")
			p.request(wire.ACK)
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != c.kind || gone.Cause.Code != c.status {
				t.Errorf("gone %+v, want %v", gone, c.kind)
			}
			if c.suspect {
				b.watch.want(t, "down ana")
				p.register("ana", "secret", 3)
				b.watch.want(t, "up ana")
			}
		})
	}
}

// 486 of one phone lets the other ring on; 603 speaks for both.
func TestBusyAndDecline(t *testing.T) {
	b := newBench(t)
	p, q := udpPeer(t).dial(b), udpPeer(t).dial(b)
	_, invites := ring(t, b, p, q)
	q.reply(invites[1], 180, "q")
	next[call.LegProgress](t, b.lines)
	p.reply(invites[0], 486, "p")
	p.request(wire.ACK)
	q.reply(invites[1], 603, "q")
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseDeclined {
		t.Errorf("gone %+v", gone)
	}
}

// A phone that registers anew while it rings is not under suspicion for what
// its old registration did.
func TestReregisterWhileRinging(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	_, invites := ring(t, b, p)
	b.watch.want(t, "up ana")
	p.register("ana", "secret", 3)
	p.reply(invites[0], 408, "x")
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseUnreachable {
		t.Errorf("gone %+v", gone)
	}
	if all := b.Registrations(); len(all) != 1 || all[0].Suspect {
		t.Errorf("registrations %+v", all)
	}
}

func TestNoPhone(t *testing.T) {
	b := newBench(t)
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseUnreachable {
		t.Errorf("gone %+v", gone)
	}
}

// A phone whose TCP connection closes is not reachable until it comes back.
func TestConnectionLost(t *testing.T) {
	b := newBench(t)
	p := tcpPeer(t, b)
	if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	b.watch.want(t, "up ana")
	_ = p.stream.Close()
	b.watch.want(t, "down ana")
	again := tcpPeer(t, b)
	again.register("ana", "secret", 1)
	b.watch.want(t, "up ana")
}

func TestShownCaller(t *testing.T) {
	for _, c := range []struct {
		show call.Party
		from string
	}{
		{call.Party{}, `"Anonymous" <sip:anonymous@anonymous.invalid>`},
		{call.Party{Name: "Sales"}, `"Sales" <sip:anonymous@anonymous.invalid>`},
		{call.Party{Number: "+34600"}, `<sip:+34600@pbx.test>`},
		{call.Party{Name: "a\"b\\c\r\nX: y\x00<script>", Number: "+34600;x=<y>"}, `"a\"b\\cX: y<script>" <sip:+34600%3Bx=%3Cy%3E@pbx.test>`},
	} {
		b := newBench(t)
		p := udpPeer(t).dial(b)
		p.register("ana", "secret", 1)
		b.Invite("01J-2", call.Target{User: "ana", Show: c.show, AutoAnswer: true}, []byte(testSDP))
		invite := p.request(wire.INVITE)
		if got, _, _ := strings.Cut(invite.From().Value(), ";tag="); got != c.from {
			t.Errorf("From %q, want %q", got, c.from)
		}
		if headerValue(invite, "Answer-Mode") != "Auto" || !contains(headerValue(invite, "Call-Info"), "answer-after=0") {
			t.Errorf("no auto answer in %s", invite)
		}
		if invite.GetHeader("X") != nil {
			t.Errorf("a header was smuggled in: %s", invite)
		}
	}
}
