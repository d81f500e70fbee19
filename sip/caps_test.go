package sip

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Beyond the legs that there may be no call begins; the calls that there are go
// on to their end, and make room for another one.
func TestLegsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		if b.legs.limit != maxLegs {
			t.Errorf("%d legs at most, want %d", b.legs.limit, maxLegs)
		}
		b.legs.limit = 1
		in := arrived(t, b, p, "first")
		p.send(p.invite("second", "second"))
		if res := p.response(503, wire.INVITE); headerValue(res, "Retry-After") == "" || res.CallID().Value() != "second" {
			t.Errorf("%s", res)
		}
		if n := testutil.ToFloat64(b.turned.total.WithLabelValues("full")); n != 1 {
			t.Errorf("%v counted", n)
		}
		b.Answer(in.Leg, []byte("answer"))
		ok := p.response(200, wire.INVITE)
		p.send(p.within(ok, "ACK", 1, "ack"))
		p.send(p.within(ok, "INFO", 2, "info"))
		p.response(200, wire.INFO)
		p.send(p.within(ok, "INVITE", 3, "re", testSDP))
		next[call.LegOffered](t, b.lines)
		b.Reanswer(in.Leg, []byte("again"))
		p.send(p.within(p.response(200, wire.INVITE), "ACK", 3, "reack"))
		p.send(p.within(ok, "BYE", 4, "bye"))
		p.response(200, wire.BYE)
		next[call.LegGone](t, b.lines)
		arrived(t, b, p, "third")
	}, hubCarrier())
}

// talkingTo brings up an answered call of a carrier on a hub.
func talkingTo(t *testing.T, b *bench, store *patientStore, p *peer, id string) (call.LegID, *wire.Response) {
	t.Helper()
	p.send(p.invite(id, id))
	in := <-b.lines.arrivals
	store.commit()
	b.Answer(in.Leg, []byte("answer"))
	synctest.Wait()
	store.commit()
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, id+"ack"))
	synctest.Wait()
	return in.Leg, ok
}

// A dialog in which too much waits asks its peer to come again later. The other
// dialogs are served meanwhile, and nothing that was taken is lost.
func TestDialogIsFlooded(t *testing.T) {
	patiently(t, func(t *testing.T, b *bench, store *patientStore, p *peer) {
		_, flooded := talkingTo(t, b, store, p, "flooded")
		_, other := talkingTo(t, b, store, p, "other")
		p.send(p.within(flooded, "UPDATE", 2, "update")) // waits for the store
		synctest.Wait()
		seq := 3
		for ; seq < 3+mailboxLimit; seq++ {
			p.send(p.within(flooded, "INFO", seq, fmt.Sprint("info", seq)))
			quietly(t, p, "behind the UPDATE")
		}
		p.send(p.within(flooded, "INFO", seq, "late"))
		if res := p.response(503, wire.INFO); headerValue(res, "Retry-After") == "" || res.CSeq().SeqNo != uint32(seq) {
			t.Errorf("%s", res)
		}
		if n := testutil.ToFloat64(b.meter.refused[reasonFlood]); n != 1 {
			t.Errorf("%v counted", n)
		}
		p.send(p.within(other, "INFO", 2, "otherinfo"))
		p.response(200, wire.INFO)
		p.send(p.within(other, "BYE", 3, "otherbye"))
		p.response(200, wire.BYE)
		store.commit()
		p.response(200, wire.UPDATE)
		for want := 3; want < seq; want++ {
			if res := p.response(200, wire.INFO); res.CSeq().SeqNo != uint32(want) {
				t.Fatalf("%s, want %d", res, want)
			}
		}
		p.send(p.within(flooded, "INFO", seq, "later"))
		p.response(200, wire.INFO)
	}, hubCarrier())
}

// However much waits in a leg, it hears that its caller gave up, and that the
// transaction is over: nothing of it stays behind.
func TestFloodedLegEnds(t *testing.T) {
	for cancelled, kind := range map[bool]call.CauseKind{true: call.CauseCancelled, false: call.CauseFailed} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			l := b.legs.get(arrived(t, b, p, "a").Leg)
			l.box.hold()
			for l.box.post(func() {}) {
			}
			if cancelled {
				p.send(p.cancelText("a", "a"))
				p.send(p.ackText(p.response(487, wire.INVITE), "a", "a"))
			} else {
				l.in.tx.Terminate() // as a connection that breaks does
			}
			synctest.Wait()
			l.box.resume(func() {})
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != kind {
				t.Errorf("gone %+v", gone)
			}
			time.Sleep(timerAbsent)
			synctest.Wait()
			b.legs.mu.Lock()
			defer b.legs.mu.Unlock()
			if len(b.legs.byID)+len(b.legs.merged) != 0 {
				t.Errorf("left: %v, %v", b.legs.byID, b.legs.merged)
			}
		}, hubCarrier())
	}
}

// Whom we asked something is remembered for as long as an answer may take; of
// very many the oldest are forgotten, so that the table does not grow.
func TestAskedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := newAsked()
		for i := range 3 * maxAsked {
			asked.note(host(i))
		}
		if n := len(asked.hosts.young) + len(asked.hosts.old); n > maxAsked || n < maxAsked/2 {
			t.Errorf("%d remembered", n)
		}
		for _, c := range []struct {
			n    int
			want bool
		}{{0, false}, {2*maxAsked - 1, false}, {3*maxAsked - maxAsked/2, true}, {3*maxAsked - 1, true}} {
			if got := asked.knows(host(c.n)); got != c.want {
				t.Errorf("host %d of %d: known %v", c.n, 3*maxAsked, got)
			}
		}
		last := host(3*maxAsked - 1)
		time.Sleep(askedSpan - time.Nanosecond)
		if !asked.knows(last) {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if asked.knows(last) {
			t.Error("remembered too long")
		}
	})
}

// More hosts than are remembered have been asked since: the answer of a trunk
// and of a phone still comes through, that of a stranger does not.
func TestAnswersWhenAskedIsFull(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invites := ring(t, b, p)
		for i := range 2 * maxAsked {
			b.asked.note(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}))
		}
		stranger, hangUp := b.hub.peer(t, b, "10.0.0.9:5060")
		defer hangUp()
		stranger.reply(invites[0], 486, "x")
		p.reply(invites[0], 200, "x", testSDP)
		if in := next[call.LegAnswered](t, b.lines); in.Leg != leg {
			t.Errorf("%+v", in)
		}
		if n := testutil.ToFloat64(b.meter.refused[reasonResponse]); n != 1 {
			t.Errorf("%v dropped", n)
		}
	})
}

// refusedConn reports whether a connection from that host is closed at once,
// without a byte.
func refusedConn(t *testing.T, b *bench, from string) bool {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp4", b.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte("\r\n\r\n")) // gets a pong, if anything
	if err == nil {
		_, err = conn.Read(make([]byte, 2))
	}
	return err != nil
}

// A TCP connection beyond what one source may have, or all together, is closed
// at once; those that there are go on, as do a trunk's, and an end makes room.
func TestConnectionBeyondTheCap(t *testing.T) {
	carrier := udpPeer(t)
	b := newBench(t, carrierAt(carrier))
	phone := tcpPeerFrom(t, b, "127.0.0.6")
	if res := phone.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	for range maxSourceConn - 1 {
		if refusedConn(t, b, "127.0.0.6") {
			t.Fatal("refused within the cap")
		}
	}
	if !refusedConn(t, b, "127.0.0.6") || refusedConn(t, b, "127.0.0.7") {
		t.Error("the cap has to hold for the one source")
	}
	for b.guard.doors.enter(host(1), unlimited, maxConns) {
	}
	if !refusedConn(t, b, "127.0.0.8") || refusedConn(t, b, "127.0.0.1") {
		t.Error("the cap of all has to hold for all but trunks")
	}
	if n := testutil.ToFloat64(b.meter.refused[reasonConnections]); n != 2 {
		t.Errorf("%v counted", n)
	}
	leg := call.NewID(time.Now()).Leg(2)
	b.Invite(leg, call.Target{User: "ana"}, []byte(testSDP))
	phone.reply(phone.request(wire.INVITE), 200, "x", testSDP)
	phone.request(wire.ACK)
	next[call.LegAnswered](t, b.lines)
	b.Release(leg, call.Cause{Kind: call.CauseNormal})
	phone.reply(phone.request(wire.BYE), 200, "")
	for range 2 { // the trunk's connection is one more than all may have
		b.guard.doors.leave(host(1))
	}
	if refusedConn(t, b, "127.0.0.8") {
		t.Error("no room after an end")
	}
}
