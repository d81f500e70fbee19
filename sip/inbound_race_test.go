package sip

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// cancelText is the CANCEL of an INVITE that peer.invite made.
func (p *peer) cancelText(callID, branch string) string {
	return strings.Join([]string{
		"CANCEL sip:+34910000001@" + p.server.String() + " SIP/2.0", p.via(branch), "Max-Forwards: 70",
		`From: "María" <sip:+34600111222@carrier.test>;tag=from` + callID, "To: <sip:+34910000001@pbx.test>",
		"Call-ID: " + callID, "CSeq: 1 CANCEL", "Content-Length: 0", "", "",
	}, "\r\n")
}

// ackText is the ACK of a failure response to such an INVITE.
func (p *peer) ackText(res *wire.Response, callID, branch string) string {
	return strings.Join([]string{
		"ACK sip:+34910000001@" + p.server.String() + " SIP/2.0", p.via(branch), "Max-Forwards: 70",
		"From: " + res.From().Value(), "To: " + res.To().Value(),
		"Call-ID: " + callID, "CSeq: 1 ACK", "Content-Length: 0", "", "",
	}, "\r\n")
}

func TestCancelBeforeAnswer(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "cancel")
	b.Progress(in.Leg, 180, nil)
	tag := tagOf(p.response(180, wire.INVITE).To().Params)
	p.send(p.cancelText("cancel", "cancel"))
	p.response(200, wire.CANCEL)
	terminated := p.response(487, wire.INVITE)
	if got := tagOf(terminated.To().Params); got != tag {
		t.Errorf("487 has tag %q, 180 had %q", got, tag)
	}
	p.send(p.ackText(terminated, "cancel", "cancel"))
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseCancelled {
		t.Errorf("gone %+v", gone)
	}
	b.Answer(in.Leg, []byte("too late"))
}

// However CANCEL and Answer race, the caller gets one final response, and the
// call hears of a cancellation exactly when that is 487.
func TestCancelRacesAnswer(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	for i := range 100 {
		id := fmt.Sprintf("race%d", i)
		in := arrived(t, b, p, id)
		var wg sync.WaitGroup
		wg.Go(func() { p.send(p.cancelText(id, id)) })
		wg.Go(func() { b.Answer(in.Leg, []byte("answer")) })
		wg.Wait()
		res := p.final(wire.INVITE)
		switch res.StatusCode {
		case 200:
			p.send(p.within(res, "ACK", 1, id+"ack"))
			p.send(p.within(res, "BYE", 2, id+"bye"))
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseNormal {
				t.Fatalf("answered, then gone %+v", gone)
			}
		case 487:
			p.send(p.ackText(res, id, id))
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseCancelled {
				t.Fatalf("cancelled, then gone %+v", gone)
			}
		default:
			t.Fatalf("got %d", res.StatusCode)
		}
	}
}

func TestCancelAfterAnswer(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "late")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.cancelText("late", "late"))
	p.response(200, wire.CANCEL)
	p.send(p.within(ok, "ACK", 1, "ack"))
	p.send(p.within(ok, "BYE", 2, "bye"))
	p.response(200, wire.BYE)
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseNormal {
		t.Errorf("gone %+v", gone)
	}
}

// A Release before the ACK waits for it: BYE must not come first.
func TestReleaseBeforeAck(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "early")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	b.Release(in.Leg, call.Cause{Kind: call.CauseNormal})
	p.send(p.invite("mark", "mark"))
	for m := range p.inbox {
		if req, isRequest := m.(*wire.Request); isRequest && req.Method == wire.BYE {
			t.Fatal("BYE before the ACK")
		}
		if res, isResponse := m.(*wire.Response); isResponse && res.CallID().Value() == "mark" {
			break
		}
	}
	p.send(p.within(ok, "ACK", 1, "ack"))
	p.reply(p.request(wire.BYE), 200, "")
}

func TestRetransmittedInvite(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "again")
	b.Progress(in.Leg, 180, nil)
	first := p.response(180, wire.INVITE)
	p.send(p.invite("again", "again"))
	second := p.response(180, wire.INVITE)
	if tagOf(first.To().Params) != tagOf(second.To().Params) {
		t.Error("the tag changed")
	}
	if n := len(b.lines.arrivals); n != 0 {
		t.Errorf("%d more calls", n)
	}
}

// The same INVITE over two ways is one call (RFC 3261 section 8.2.2.2).
func TestMergedInvite(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	arrived(t, b, p, "merged")
	p.send(p.invite("merged", "otherway"))
	p.response(482, wire.INVITE)
}

func TestByeInsteadOfCancel(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "byeearly")
	b.Progress(in.Leg, 180, nil)
	ringing := p.response(180, wire.INVITE)
	p.send(p.within(ringing, "BYE", 2, "bye"))
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseCancelled {
		t.Errorf("gone %+v", gone)
	}
	p.response(487, wire.INVITE)
}

// A BYE with the right tags from an address that is not the trunk's ends
// nothing: a stranger's is dropped, a phone's refused.
func TestSpoofedBye(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "spoof")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	stranger := udpPeerAt(t, "127.0.0.2").dial(b)
	stranger.send(stranger.within(ok, "BYE", 2, "theft"))
	colleague := udpPeerAt(t, "127.0.0.3").dial(b)
	colleague.register("ana", "secret", 1)
	colleague.send(colleague.within(ok, "BYE", 2, "theft"))
	colleague.response(481, wire.BYE)
	p.send(p.within(ok, "BYE", 2, "bye"))
	p.response(200, wire.BYE)
	if n := testutil.ToFloat64(b.meter.refused[reasonStranger]); n != 1 || len(stranger.inbox) > 0 {
		t.Errorf("%v dropped, %d answers", n, len(stranger.inbox))
	}
	next[call.LegGone](t, b.lines)
}

func TestLateOffer(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	text := p.invite("lateoffer", "lateoffer")
	text = strings.Replace(text, "Content-Type: application/sdp\r\n", "", 1)
	text = strings.Replace(text, fmt.Sprintf("Content-Length: %d", len(testSDP)), "Content-Length: 0", 1)
	p.send(strings.TrimSuffix(text, testSDP))
	in := <-b.lines.arrivals
	if in.SDP != nil {
		t.Fatalf("SDP %q", in.SDP)
	}
	b.Answer(in.Leg, []byte("our offer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack", testSDP))
	if got := next[call.LegAccepted](t, b.lines); string(got.SDP) != testSDP {
		t.Errorf("accepted %q", got.SDP)
	}
}

// A leg whose call is gone ends by itself.
func TestCallGone(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "orphan")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	b.lines.gone.Store(true)
	p.send(p.within(ok, "INVITE", 2, "re", testSDP))
	p.reply(p.request(wire.BYE), 200, "")
}
