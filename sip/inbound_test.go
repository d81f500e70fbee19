package sip

import (
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// arrived sends an INVITE and returns what arrived of it.
func arrived(t *testing.T, b *bench, p *peer, callID string, extra ...string) call.Arrival {
	t.Helper()
	p.send(p.invite(callID, callID, extra...))
	p.response(100, wire.INVITE)
	return <-b.lines.arrivals
}

func TestInboundCall(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			p := udpPeer(t)
			b := newBench(t, carrierAt(p))
			p.dial(b)
			if network == "tcp" {
				p = tcpPeer(t, b)
			}
			in := arrived(t, b, p, "in1")
			if in.Called != "+34910000001" || in.Caller != "+34600111222" || in.Name != "María" || in.Trunk != "carrier" {
				t.Fatalf("arrival %+v", in)
			}
			if string(in.SDP) != testSDP || in.Source != "127.0.0.1" || in.Withheld {
				t.Fatalf("arrival %+v", in)
			}
			b.Progress(in.Leg, 180, nil)
			ringing := p.response(180, wire.INVITE)
			b.Answer(in.Leg, []byte("answer"))
			ok := p.response(200, wire.INVITE)
			if string(ok.Body()) != "answer" || tagOf(ringing.To().Params) != tagOf(ok.To().Params) {
				t.Fatalf("answer %s", ok)
			}
			p.send(p.within(ok, "ACK", 1, "ack"))
			b.Release(in.Leg, call.Cause{Kind: call.CauseNormal})
			bye := p.request(wire.BYE)
			if !strings.Contains(bye.GetHeader("Reason").Value(), "cause=16") {
				t.Errorf("Reason %s", bye.GetHeader("Reason"))
			}
			if bye.CSeq().SeqNo != 1 || tagOf(bye.To().Params) != "fromin1" {
				t.Errorf("bye %s", bye)
			}
			p.reply(bye, 200, "")
		})
	}
}

func TestCallerHangsUp(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "hang")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	p.send(p.within(ok, "BYE", 2, "bye", "Reason: Q.850;cause=31"))
	p.response(200, wire.BYE)
	gone := next[call.LegGone](t, b.lines)
	if gone.Leg != in.Leg || gone.Cause.Kind != call.CauseNormal || gone.Cause.Q850 != 31 {
		t.Fatalf("gone %+v", gone)
	}
	p.send(p.within(ok, "BYE", 3, "bye2"))
	p.response(481, wire.BYE)
}

func TestRefused(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "refused")
	b.Release(in.Leg, call.Cause{Kind: call.CauseFailed, Code: 404})
	p.response(404, wire.INVITE)
}

func TestFull(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	b.lines.full.Store(true)
	p.send(p.invite("full", "full"))
	if res := p.response(503, wire.INVITE); res.GetHeader("Retry-After") == nil {
		t.Errorf("no Retry-After in %s", res)
	}
}

func TestStrangerInvite(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.send(p.invite("stranger", "stranger"))
	p.response(403, wire.INVITE)
	select {
	case in := <-b.lines.arrivals:
		t.Fatalf("a stranger got in: %+v", in)
	default:
	}
}
