package sip

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

func sprint(v any) string { return fmt.Sprint(v) }

// stored waits until the store holds a dialog that answers to ok, and returns
// all of them.
func (b *bench) stored(t *testing.T, ok func(call.Dialog) bool) []call.Dialog {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		all, _ := b.store.Dialogs(t.Context())
		if slices.ContainsFunc(all, ok) {
			return all
		}
	}
	t.Fatal("the dialog was not stored")
	return nil
}

// After a crash another process ends what the first one left.
func TestSweep(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	// One call answered, one waiting, one that we make.
	answered := arrived(t, b, p, "answered")
	b.Answer(answered.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	waiting := arrived(t, b, p, "waiting")
	b.Invite("01J-9", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
	invite := p.request(wire.INVITE)
	p.reply(invite, 180, "out")
	next[call.LegProgress](t, b.lines)
	b.stored(t, func(d call.Dialog) bool { return d.Leg == answered.Leg && d.Confirmed })
	b.stored(t, func(d call.Dialog) bool { return d.Leg == waiting.Leg })
	left := b.stored(t, func(d call.Dialog) bool { return d.Leg == "01J-9" })
	if len(left) != 3 {
		t.Fatalf("stored %+v", left)
	}

	next := newBench(t, carrierAt(p))
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		next.Sweep(t.Context(), left)
	}()
	p.dial(next)
	seen := map[string]bool{}
	for len(seen) < 4 {
		switch m := (<-p.inbox).(type) {
		case *wire.Request:
			switch {
			case m.Method == wire.BYE && m.CallID().Value() == "answered":
				p.reply(m, 200, "")
				seen["bye"] = true
			case m.Method == wire.BYE: // should the callee have answered meanwhile
				p.reply(m, 481, "")
				seen["bye to be sure"] = true
			case m.Method == wire.CANCEL && m.Via().Value() == invite.Via().Value():
				p.reply(m, 200, "out")
				seen["cancel"] = true
			}
		case *wire.Response:
			if m.StatusCode == 503 && m.CallID().Value() == "waiting" && tagOf(m.From().Params) == "fromwaiting" {
				seen["503"] = true
			}
		}
	}
	<-swept
}

// A 200 to an INVITE that nobody remembers is acknowledged and ended.
func TestStrayAnswer(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	answer := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " + b.Addrs()[0].String() + ";branch=z9hG4bKold\r\n" +
		"From: <sip:us@pbx.test>;tag=old\r\nTo: <sip:them@carrier.test>;tag=theirs\r\nCall-ID: old\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:them@" + p.addr.String() + ">\r\nContent-Length: 0\r\n\r\n"
	p.send(answer)
	if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "theirs" || ack.CSeq().SeqNo != 1 {
		t.Errorf("ack %s", ack)
	}
	bye := p.request(wire.BYE)
	if bye.CSeq().SeqNo != 2+unstored || tagOf(bye.From().Params) != "old" {
		t.Errorf("bye %s", bye)
	}
	p.reply(bye, 200, "")
}

// A call that was stored as answered may not have heard of it: it is refused
// and its dialog ended, whichever the caller knows of. The refusal goes back by
// the Via, the BYE to the Contact.
func TestSweepUnacknowledged(t *testing.T) {
	p, contact := udpPeer(t), udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	text := p.invite("unsure", "unsure")
	text = strings.Replace(text, "<sip:carrier@"+p.addr.String(), "<sip:carrier@"+contact.addr.String(), 1)
	p.send(text)
	in := <-b.lines.arrivals
	b.Answer(in.Leg, []byte("answer"))
	p.response(200, wire.INVITE)
	left := b.stored(t, func(d call.Dialog) bool { return d.Confirmed })

	next := newBench(t, carrierAt(p))
	contact.dial(next)
	go next.Sweep(t.Context(), left)
	p.response(503, wire.INVITE)
	bye := contact.request(wire.BYE)
	if tagOf(bye.To().Params) != "fromunsure" || bye.CSeq().SeqNo != 2 {
		t.Errorf("%s", bye)
	}
	contact.reply(bye, 200, "")
}

// A caller that repeats its INVITE after the restart has one call, or none: the
// refusal of what was stored does not hit a call that is served anew, and once
// it is out no call comes of a repetition.
func TestSweepAndRepetition(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	arrived(t, b, p, "early")
	arrived(t, b, p, "late")
	early := b.stored(t, func(d call.Dialog) bool { return d.CallID == "early" })
	late := b.stored(t, func(d call.Dialog) bool { return d.CallID == "late" })

	again := newBench(t, carrierAt(p))
	p.dial(again)
	in := arrived(t, again, p, "early")
	again.Sweep(t.Context(), slices.DeleteFunc(early, func(d call.Dialog) bool { return d.CallID != "early" }))
	again.Progress(in.Leg, 180, nil)
	p.response(180, wire.INVITE)
	again.Sweep(t.Context(), slices.DeleteFunc(late, func(d call.Dialog) bool { return d.CallID != "late" }))
	p.response(503, wire.INVITE)
	p.send(p.invite("late", "late"))
	p.response(482, wire.INVITE)
	if n := len(again.lines.arrivals); n != 0 {
		t.Errorf("%d calls of a repetition", n)
	}
}
