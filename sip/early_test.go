package sip

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// sdpOn is an SDP of a peer with its media on a port.
func sdpOn(port int) string {
	return strings.Replace(testSDP, "audio 4000", fmt.Sprint("audio ", port), 1)
}

// calledOut calls a number through the carrier and returns the INVITE.
func calledOut(t *testing.T, b *bench, p *peer) (call.LegID, *wire.Request) {
	t.Helper()
	leg := call.NewID(time.Now()).Leg(3)
	b.Invite(leg, call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
	return leg, p.request(wire.INVITE)
}

// heard expects early media on a port to come up.
func heard(t *testing.T, b *bench, status, port int) {
	t.Helper()
	got := next[call.LegProgress](t, b.lines)
	want := ""
	if port > 0 {
		want = sdpOn(port)
	}
	if got.Status != status || string(got.SDP) != want {
		t.Errorf("%d %q, want %d %q", got.Status, got.SDP, status, want)
	}
}

// A carrier forks our INVITE: what came last is heard, a repetition changes
// nothing, and the callee that answers is the one that stays. Requests to it go
// its own way, the other one is hung up on.
func TestForkedByCarrier(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 180, "one", "Record-Route: <sip:10.0.0.3;lr;first>")
		heard(t, b, 180, 0)
		p.reply(invite, 183, "one", sdpOn(4000))
		heard(t, b, 183, 4000)
		p.reply(invite, 180, "two")
		heard(t, b, 180, 0)
		p.reply(invite, 183, "two", sdpOn(4002))
		heard(t, b, 183, 4002)
		p.reply(invite, 183, "one", sdpOn(4000)) // kept alive
		synctest.Wait()
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs for a repetition", n)
		}
		p.reply(invite, 200, "one", sdpOn(4000), "Record-Route: <sip:10.0.0.3;lr;second>")
		if got := next[call.LegAnswered](t, b.lines); got.Leg != leg || string(got.SDP) != sdpOn(4000) || got.Agreed {
			t.Errorf("%+v", got)
		}
		if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "one" || !contains(headerValue(ack, "Route"), "second") {
			t.Errorf("%s", ack)
		}
		p.reply(invite, 200, "two", sdpOn(4002))
		p.request(wire.ACK)
		bye := p.request(wire.BYE)
		if tagOf(bye.To().Params) != "two" || bye.GetHeader("Route") != nil {
			t.Errorf("%s", bye)
		}
		p.reply(bye, 200, "")
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		if bye := p.request(wire.BYE); tagOf(bye.To().Params) != "one" {
			t.Errorf("%s", bye)
		}
	}, hubCarrier())
}

// Early dialogs are bounded: whoever comes after the eighth may ring, but makes
// none, and gets no PRACK.
func TestEarlyDialogsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		for i := range maxEarly {
			p.reply(invite, 183, fmt.Sprint("callee", i), sdpOn(4000+2*i))
			heard(t, b, 183, 4000+2*i)
		}
		p.reply(invite, 183, "more", "Require: 100rel", "RSeq: 1", sdpOn(5000))
		p.send(p.early(invite, "UPDATE", 1, "more"))
		p.response(481, wire.UPDATE)
		synctest.Wait()
		for len(p.inbox) > 0 {
			if req, ok := (<-p.inbox).(*wire.Request); ok && req.Method == wire.PRACK {
				t.Errorf("%s", req)
			}
		}
		l := b.legs.get(leg)
		if n := len(l.out.forks[0].callees); n != maxEarly || len(b.lines.inputs) != 0 {
			t.Errorf("%d early dialogs, %d inputs", n, len(b.lines.inputs))
		}
		p.reply(invite, 200, "more", sdpOn(5000)) // it may answer all the same
		if got := next[call.LegAnswered](t, b.lines); string(got.SDP) != sdpOn(5000) {
			t.Errorf("%+v", got)
		}
	}, hubCarrier())
}

// A callee that never spoke before its BYE: the 2xx behind it is taken and ended.
func TestByeBeforeAnything(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, invite := calledOut(t, b, p)
		p.reply(invite, 183, "one", sdpOn(4000))
		heard(t, b, 183, 4000)
		p.send(p.early(invite, "BYE", 5, "two"))
		p.response(200, wire.BYE)
		p.reply(invite, 200, "two", sdpOn(4002))
		if got := next[call.LegAnswered](t, b.lines); string(got.SDP) != sdpOn(4002) {
			t.Errorf("%+v", got)
		}
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseNormal {
			t.Errorf("%+v", gone)
		}
	}, hubCarrier())
}

// Once a callee has answered our offer it may change its media before it lifts:
// the UPDATE is answered, a second one waits, and the 200 repeats nothing.
func TestUpdateBeforeAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 183, "phone", "Require: 100rel", "RSeq: 7", sdpOn(4000))
		p.reply(p.request(wire.PRACK), 200, "")
		heard(t, b, 183, 4000)
		p.send(p.says(invite, "UPDATE", 1, "Contact: <sip:moved@10.0.0.3>", sdpOn(4010)))
		if got := next[call.LegOffered](t, b.lines); string(got.SDP) != sdpOn(4010) {
			t.Errorf("%+v", got)
		}
		p.send(p.says(invite, "UPDATE", 2, sdpOn(4012)))
		if res := p.response(500, wire.UPDATE); headerValue(res, "Retry-After") == "" {
			t.Errorf("%s", res)
		}
		b.Reanswer(leg, []byte("answer"))
		if res := p.response(200, wire.UPDATE); string(res.Body()) != "answer" || res.CSeq().SeqNo != 1 || res.Contact() == nil {
			t.Errorf("%s", res)
		}
		p.send(p.says(invite, "UPDATE", 3)) // a new target alone
		p.response(200, wire.UPDATE)
		p.send(p.says(invite, "INVITE", 4, sdpOn(4014)))
		p.response(491, wire.INVITE)
		p.reply(invite, 200, "phone", sdpOn(4000))
		if got := next[call.LegAnswered](t, b.lines); !got.Agreed || got.SDP != nil {
			t.Errorf("%+v", got)
		}
		if ack := p.request(wire.ACK); ack.CSeq().SeqNo != invite.CSeq().SeqNo {
			t.Errorf("%s", ack)
		}
		p.send(p.says(invite, "UPDATE", 5, sdpOn(4016)))
		next[call.LegOffered](t, b.lines)
	}, hubCarrier())
}

// The media that an UPDATE changed is another callee's by now: whoever answers
// is heard with what they said last.
func TestAnswerAfterUpdateElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 183, "phone", "Require: 100rel", "RSeq: 1", sdpOn(4000))
		p.reply(p.request(wire.PRACK), 200, "")
		heard(t, b, 183, 4000)
		p.send(p.says(invite, "UPDATE", 1, sdpOn(4010)))
		next[call.LegOffered](t, b.lines)
		b.Reanswer(leg, []byte("answer"))
		p.response(200, wire.UPDATE)
		p.reply(invite, 183, "other", sdpOn(4020))
		heard(t, b, 183, 4020)
		p.reply(invite, 200, "phone")
		if got := next[call.LegAnswered](t, b.lines); got.Agreed || string(got.SDP) != sdpOn(4010) {
			t.Errorf("%+v", got)
		}
	}, hubCarrier())
}

// Another callee answers while an UPDATE waits for us: that one is over, and
// what the call says to it goes nowhere.
func TestUpdateOfTheLoser(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 183, "phone", "Require: 100rel", "RSeq: 1", sdpOn(4000))
		p.reply(p.request(wire.PRACK), 200, "")
		heard(t, b, 183, 4000)
		p.send(p.says(invite, "UPDATE", 1, sdpOn(4010)))
		next[call.LegOffered](t, b.lines)
		p.reply(invite, 200, "other", sdpOn(4020))
		p.response(487, wire.UPDATE)
		if got := next[call.LegAnswered](t, b.lines); got.Agreed || string(got.SDP) != sdpOn(4020) {
			t.Errorf("%+v", got)
		}
		p.request(wire.ACK)
		b.Reanswer(leg, []byte("late"))
		quietly(t, p, "after the answer")
	}, hubCarrier())
}

// Until our offer is answered an UPDATE with one is refused with 491, early
// media or not; one without changes where requests go.
func TestUpdateMeetsOurOffer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := calledOut(t, b, p)
		p.reply(invite, 183, "phone", sdpOn(4000)) // not reliable: no answer yet
		heard(t, b, 183, 4000)
		p.send(p.says(invite, "UPDATE", 1, sdpOn(4010)))
		p.response(491, wire.UPDATE)
		p.send(p.says(invite, "UPDATE", 2))
		p.response(200, wire.UPDATE)
		p.reply(invite, 200, "phone", sdpOn(4004)) // the preview may have been another
		if got := next[call.LegAnswered](t, b.lines); got.Leg != leg || string(got.SDP) != sdpOn(4004) {
			t.Errorf("%+v", got)
		}
	}, hubCarrier())
}
