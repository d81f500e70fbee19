package sip

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// taker is the leg that another one becomes.
const taker = call.LegID("01K-3")

// onLine has ana's phone lift, and returns the leg and what it was invited with.
func onLine(t *testing.T, b *bench, p *peer) (call.LegID, *wire.Request) {
	t.Helper()
	p.register("ana", "secret", 1)
	return lifts(t, b, p)
}

// lifts is onLine for a phone that is registered.
func lifts(t *testing.T, b *bench, p *peer) (call.LegID, *wire.Request) {
	t.Helper()
	leg := call.NewID(time.Now()).Leg(2)
	b.Invite(leg, call.Target{User: "ana"}, []byte(testSDP))
	invite := p.request(wire.INVITE)
	p.reply(invite, 200, "phone", testSDP)
	next[call.LegAnswered](t, b.lines)
	p.request(wire.ACK)
	return leg, invite
}

// says is the text of a request of a phone that we called.
func (p *peer) says(invite *wire.Request, method string, seq int, extra ...string) string {
	body := ""
	lines := []string{method + " " + invite.Contact().Address.String() + " SIP/2.0", p.via(fmt.Sprint(method, seq, invite.CallID().Value())), "Max-Forwards: 70",
		"From: " + invite.To().Value() + ";tag=phone", "To: " + invite.From().Value(), "Call-ID: " + invite.CallID().Value(),
		fmt.Sprintf("CSeq: %d %s", seq, method), "Contact: <sip:peer@" + p.addr.String() + ">"}
	for _, line := range extra {
		if isSDP(line) {
			body, line = line, "Content-Type: application/sdp"
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body), "\r\n")
}

// answers sends a 200 with another SDP.
func (p *peer) answers(req *wire.Request, extra ...string) {
	p.reply(req, 200, "", append([]string{testSDP}, extra...)...)
}

// ends expects a BYE and answers it; nothing is left then.
func ends(t *testing.T, b *bench, p *peer) {
	t.Helper()
	p.reply(p.request(wire.BYE), 200, "")
	synctest.Wait()
	if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 || b.legs.count() != 0 {
		t.Errorf("%d legs, stored %+v", b.legs.count(), left)
	}
}

// A leg that talks is offered new media, and is the new call's from then on.
func TestTakeTalking(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, first := onLine(t, b, p)
		b.Take(taker, leg, []byte("offer"))
		again := p.request(wire.INVITE)
		if string(again.Body()) != "offer" || again.CSeq().SeqNo != first.CSeq().SeqNo+1 || tagOf(again.To().Params) != "phone" {
			t.Fatalf("%s", again)
		}
		synctest.Wait()
		left, _ := b.store.Dialogs(t.Context())
		if len(left) != 1 || left[0].Leg != taker || !left[0].Confirmed || left[0].LocalCSeq != again.CSeq().SeqNo {
			t.Errorf("stored %+v", left)
		}
		p.reply(again, 100, "")
		p.answers(again)
		if got := next[call.LegAnswered](t, b.lines); got.Leg != taker || string(got.SDP) != testSDP || got.Source != "10.0.0.3" {
			t.Errorf("answered %+v", got)
		}
		if ack := p.request(wire.ACK); ack.CSeq().SeqNo != again.CSeq().SeqNo {
			t.Errorf("%s", ack)
		}
		p.answers(again) // the ACK was lost
		p.request(wire.ACK)
		b.Release(leg, call.Cause{Kind: call.CauseNormal}) // nobody any more
		p.send(p.says(first, "INFO", 1))
		p.response(200, wire.INFO)
		b.Release(taker, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d more inputs", n)
		}
	})
}

// An INVITE of a phone that is not answered yet is answered.
func TestTakeEarly(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late offer ", late), func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench, p *peer) {
				p.register("ana", "secret", 1)
				body := []string{testSDP}
				if late {
					body = nil
				}
				auth := p.challenged("ana", "secret", "pick", somebody, body...)
				p.send(p.dialing("ana", "pick", 2, somebody, append(body, auth)...))
				p.response(100, wire.INVITE)
				in := <-b.lines.dialed
				b.Take(taker, in.Leg, []byte("ours"))
				ok := p.response(200, wire.INVITE)
				if got := next[call.LegAnswered](t, b.lines); got.Leg != taker || got.SDP != nil || string(ok.Body()) != "ours" {
					t.Errorf("answered %+v by %s", got, ok)
				}
				ack := []string{}
				if late {
					ack = append(ack, testSDP)
				}
				p.send(p.within(ok, "ACK", 2, "ack", ack...))
				if late {
					if got := next[call.LegAccepted](t, b.lines); got.Leg != taker || string(got.SDP) != testSDP {
						t.Errorf("accepted %+v", got)
					}
				}
				p.send(p.within(ok, "INFO", 3, "sign"))
				p.response(200, wire.INFO)
				b.Release(taker, call.Cause{Kind: call.CauseNormal})
				ends(t, b, p)
			})
		})
	}
}

// Whatever was over before it could be taken is gone under its new ID.
func TestTakeTooLate(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		gone := func() {
			t.Helper()
			if got := next[call.LegGone](t, b.lines); got.Leg != taker || got.Cause.Kind != call.CauseUnreachable || got.Cause.Code != 481 {
				t.Errorf("%+v", got)
			}
		}
		b.Take(taker, "01J-9", nil)
		gone()
		leg, invite := onLine(t, b, p)
		b.lines.gone.Store(true)
		p.send(p.says(invite, "BYE", 1))
		p.response(200, wire.BYE)
		next[call.LegGone](t, b.lines) // to a call that does not hear it
		b.Take(taker, leg, []byte("offer"))
		gone()
		b.Invite("01J-7", call.Target{User: "ana"}, []byte(testSDP))
		p.reply(p.request(wire.INVITE), 180, "x")
		next[call.LegProgress](t, b.lines)
		b.Take(taker, "01J-7", []byte("offer")) // still rings: nobody to talk with
		p.reply(p.request(wire.CANCEL), 200, "x")
		gone()
	})
}

// However CANCEL and Take race, the phone gets one final response and the call
// hears of an answer or of the end, under the new ID.
func TestCancelRacesTake(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	for i := range 12 { // more would be a flood
		id := fmt.Sprintf("race%d", i)
		in := dials(t, b, p, "ana", "secret", id)
		cancel := strings.Replace(p.dialing("ana", id, 2, somebody), "INVITE sip", "CANCEL sip", 1)
		leg := call.LegID(fmt.Sprintf("01K%d-3", i))
		var wg sync.WaitGroup
		wg.Go(func() { p.send(strings.Replace(cancel, "2 INVITE", "2 CANCEL", 1)) })
		wg.Go(func() { b.Take(leg, in.Leg, []byte("answer")) })
		wg.Wait()
		res := p.final(wire.INVITE)
		if res.StatusCode == 200 {
			if got := next[call.LegAnswered](t, b.lines); got.Leg != leg {
				t.Fatalf("answered %+v", got)
			}
			p.send(p.within(res, "ACK", 2, id+"ack"))
			p.send(p.within(res, "BYE", 3, id+"bye"))
			if got := next[call.LegGone](t, b.lines); got.Leg != leg {
				t.Fatalf("gone %+v", got)
			}
			continue
		}
		p.ackDialing(id, 2, somebody, res)
		got := next[call.LegGone](t, b.lines)
		if got.Leg == in.Leg { // before Take: the old call heard of it
			got = next[call.LegGone](t, b.lines)
		}
		if got.Leg != leg || res.StatusCode != 487 {
			t.Fatalf("%d, gone %+v", res.StatusCode, got)
		}
	}
}

// A leg whose call ended lives on for two seconds, in which another call may
// take it; what the peer offered meanwhile has to be offered again.
func TestTakeOrphan(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		b.lines.gone.Store(true)
		p.send(p.says(invite, "INVITE", 1, testSDP))
		next[call.LegOffered](t, b.lines)
		time.Sleep(orphanGrace - time.Millisecond)
		b.lines.gone.Store(false)
		b.Take(taker, leg, []byte("offer"))
		p.response(491, wire.INVITE)
		p.answers(p.request(wire.INVITE))
		next[call.LegAnswered](t, b.lines)
		time.Sleep(2 * orphanGrace)
		b.Release(taker, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)

		leg, invite = lifts(t, b, p)
		b.lines.gone.Store(true)
		p.send(p.says(invite, "INVITE", 1, testSDP))
		next[call.LegOffered](t, b.lines)
		start := time.Now()
		ends(t, b, p)
		if passed := time.Since(start); passed != orphanGrace {
			t.Errorf("BYE after %v", passed)
		}
		b.Take(taker, leg, []byte("offer"))
		next[call.LegGone](t, b.lines)
	})
}

// Two phones rang; the one that lifted is taken while the other has not let go.
func TestTakeOneOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		b, end := newHubBench(t, h)
		defer end()
		p, hang := h.peer(t, b, "10.0.0.3:5060")
		defer hang()
		q, hangToo := h.peer(t, b, "10.0.0.4:5060")
		defer hangToo()
		leg, invites := ring(t, b, p, q)
		p.reply(invites[0], 180, "p")
		next[call.LegProgress](t, b.lines)
		q.reply(invites[1], 200, "phone", testSDP)
		next[call.LegAnswered](t, b.lines)
		q.request(wire.ACK)
		p.reply(p.request(wire.CANCEL), 200, "p")
		b.Take(taker, leg, []byte("offer"))
		q.answers(q.request(wire.INVITE))
		next[call.LegAnswered](t, b.lines)
		p.reply(invites[0], 487, "p")
		p.request(wire.ACK)
		b.Release(taker, call.Cause{Kind: call.CauseNormal})
		ends(t, b, q)
	})
}
