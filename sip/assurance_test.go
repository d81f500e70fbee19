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

// prack is the text of a PRACK for a response.
func (p *peer) prack(res *wire.Response, seq int, extra ...string) string {
	rack := fmt.Sprintf("RAck: %s %d INVITE", headerValue(res, "RSeq"), res.CSeq().SeqNo)
	return p.within(res, "PRACK", seq, fmt.Sprint("prack", seq), append(extra, rack)...)
}

// A carrier that requires 100rel gets each response until its PRACK, one after
// another, and the answer after the one with our SDP; it goes out once.
func TestAssuredProgress(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		in := arrived(t, b, p, "a", "Require: 100rel")
		start := time.Now()
		b.Progress(in.Leg, 183, []byte("answer"))
		b.Progress(in.Leg, 180, []byte("answer"))
		b.Answer(in.Leg, []byte("answer"))
		first := p.response(183, wire.INVITE)
		if headerValue(first, "RSeq") != "1" || headerValue(first, "Require") != "100rel" || string(first.Body()) != "answer" || first.Contact() == nil {
			t.Errorf("%s", first)
		}
		for _, after := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond} {
			if again := p.response(183, wire.INVITE); again.String() != first.String() || time.Since(start) != after {
				t.Errorf("after %v: %s", time.Since(start), again)
			}
		}
		p.send(p.within(first, "PRACK", 2, "wrong", "RAck: 2 1 INVITE"))
		p.response(481, wire.PRACK)
		p.send(p.prack(first, 3))
		p.response(200, wire.PRACK)
		ok := p.response(200, wire.INVITE)
		if len(ok.Body()) != 0 {
			t.Errorf("%s", ok)
		}
		p.send(p.within(ok, "ACK", 1, "ack"))
		synctest.Wait()
		for len(p.inbox) > 0 {
			<-p.inbox
		}
		time.Sleep(time.Minute)
		quietly(t, p, "once it is answered")
		p.send(p.within(ok, "BYE", 4, "bye"))
		p.response(200, wire.BYE)
		next[call.LegGone](t, b.lines)
	}, hubCarrier())
}

// The next response goes out when the one before it was acknowledged, and the
// answer needs not wait for one without SDP: its late PRACK is welcome.
func TestAssuredInTurn(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		in := arrived(t, b, p, "a", "Require: 100rel")
		b.Progress(in.Leg, 180, nil)
		b.Progress(in.Leg, 183, nil)
		first := p.response(180, wire.INVITE)
		quietly(t, p, "before the PRACK")
		p.send(p.prack(first, 2))
		p.response(200, wire.PRACK)
		second := p.response(183, wire.INVITE)
		if headerValue(second, "RSeq") != "2" {
			t.Errorf("%s", second)
		}
		b.Answer(in.Leg, []byte("answer"))
		ok := p.response(200, wire.INVITE)
		if string(ok.Body()) != "answer" {
			t.Errorf("%s", ok)
		}
		p.send(p.prack(second, 3))
		p.response(200, wire.PRACK)
		p.send(p.prack(second, 4))
		p.response(481, wire.PRACK)
		p.send(p.within(ok, "ACK", 1, "ack"))
		synctest.Wait()
	}, hubCarrier())
}

// Without any PRACK the call is refused after 64*T1.
func TestNoPrack(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		in := arrived(t, b, p, "a", "Require: 100rel")
		start := time.Now()
		b.Progress(in.Leg, 183, []byte("answer"))
		b.Answer(in.Leg, []byte("answer"))
		count := 0
		for {
			res := (<-p.inbox).(*wire.Response)
			if res.StatusCode == 504 {
				p.send(p.ackText(res, "a", "a"))
				break
			}
			count++
		}
		if passed := time.Since(start); passed != timerAbsent || count != 7 { // at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s
			t.Errorf("%d times, refused after %v", count, passed)
		}
		if gone := next[call.LegGone](t, b.lines); gone.Leg != in.Leg || gone.Cause.Kind != call.CauseFailed || gone.Cause.Code != 504 {
			t.Errorf("%+v", gone)
		}
		synctest.Wait()
		if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 || b.legs.count() != 0 {
			t.Errorf("left %+v", left)
		}
	}, hubCarrier())
}

// A caller who hangs up ends the repetitions, and so does our refusal.
func TestAssuredIsGivenUp(t *testing.T) {
	for _, cancels := range []bool{true, false} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			in := arrived(t, b, p, "a", "Require: 100rel")
			b.Progress(in.Leg, 183, []byte("answer"))
			p.response(183, wire.INVITE)
			status := 486
			if cancels {
				status = 487
				p.send(p.cancelText("a", "a"))
			} else {
				b.Release(in.Leg, call.Cause{Kind: call.CauseBusy})
			}
			p.send(p.ackText(p.response(status, wire.INVITE), "a", "a"))
			time.Sleep(time.Minute)
			synctest.Wait()
			for len(p.inbox) > 0 {
				if res, ok := (<-p.inbox).(*wire.Response); ok && res.StatusCode == 183 {
					t.Errorf("%s", res)
				}
			}
		}, hubCarrier())
	}
}

// A caller who lets us offer gets the offer in the first reliable response and
// answers it with the PRACK.
func TestAssuredOffer(t *testing.T) {
	for _, answers := range []bool{true, false} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			head, _, _ := strings.Cut(p.invite("late", "late"), "Content-Type")
			p.send(head + "Require: 100rel\r\nContent-Length: 0\r\n\r\n")
			in := <-b.lines.arrivals
			b.Progress(in.Leg, 180, nil) // may not go out without the offer
			b.Progress(in.Leg, 183, []byte("our offer"))
			first := p.response(183, wire.INVITE)
			if string(first.Body()) != "our offer" || headerValue(first, "RSeq") != "1" {
				t.Errorf("%s", first)
			}
			if !answers {
				p.send(p.prack(first, 2))
				p.response(200, wire.PRACK)
				p.send(p.ackText(p.response(488, wire.INVITE), "late", "late"))
				if gone := next[call.LegGone](t, b.lines); gone.Cause.Code != 488 {
					t.Errorf("%+v", gone)
				}
				return
			}
			p.send(p.prack(first, 2, testSDP))
			p.response(200, wire.PRACK)
			if got := next[call.LegAccepted](t, b.lines); string(got.SDP) != testSDP {
				t.Errorf("%+v", got)
			}
			b.Answer(in.Leg, []byte("our offer"))
			ok := p.response(200, wire.INVITE)
			p.send(p.within(ok, "ACK", 1, "ack"))
			synctest.Wait()
			if len(ok.Body()) != 0 || len(b.lines.inputs) != 0 {
				t.Errorf("%s, %d inputs", ok, len(b.lines.inputs))
			}
		}, hubCarrier())
	}
}

// Before our answer is out reliably the caller may not offer anew; after that,
// by UPDATE or with the PRACK itself. What was changed is not put back by the 200.
func TestCallerUpdatesEarly(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		in := arrived(t, b, p, "a", "Require: 100rel")
		b.Progress(in.Leg, 180, nil)
		ringing := p.response(180, wire.INVITE)
		p.send(p.within(ringing, "UPDATE", 2, "u2", sdpOn(4010)))
		if res := p.response(500, wire.UPDATE); headerValue(res, "Retry-After") == "" {
			t.Errorf("%s", res)
		}
		p.send(p.prack(ringing, 3))
		p.response(200, wire.PRACK)
		b.Progress(in.Leg, 183, []byte("answer"))
		early := p.response(183, wire.INVITE)
		p.send(p.prack(early, 4, sdpOn(4012)))
		if got := next[call.LegOffered](t, b.lines); string(got.SDP) != sdpOn(4012) {
			t.Errorf("%+v", got)
		}
		b.Reanswer(in.Leg, []byte("second"))
		if res := p.response(200, wire.PRACK); string(res.Body()) != "second" {
			t.Errorf("%s", res)
		}
		p.send(p.within(early, "UPDATE", 5, "u5", sdpOn(4014)))
		next[call.LegOffered](t, b.lines)
		p.send(p.within(early, "UPDATE", 6, "u6", sdpOn(4016)))
		p.response(500, wire.UPDATE)
		b.Reanswer(in.Leg, []byte("third"))
		if res := p.response(200, wire.UPDATE); string(res.Body()) != "third" || res.GetHeader("Session-Expires") != nil {
			t.Errorf("%s", res)
		}
		b.Answer(in.Leg, []byte("answer"))
		ok := p.response(200, wire.INVITE)
		p.send(p.within(ok, "ACK", 1, "ack"))
		synctest.Wait()
		if l := b.legs.get(in.Leg); string(l.sdp) != "third" || len(ok.Body()) != 0 {
			t.Errorf("%s, kept %s", ok, l.sdp)
		}
	}, hubCarrier())
}
