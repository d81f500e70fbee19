package sip

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// A 200 whose ACK never comes is resent for 64*T1, then the call is ended.
func TestNoAck(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		in := arrived(t, b, p, "noack")
		start := time.Now()
		b.Answer(in.Leg, []byte("answer"))
		answers := 0
		for {
			m := <-p.inbox
			if res, ok := m.(*wire.Response); ok && res.StatusCode == 200 {
				answers++
			}
			if req, ok := m.(*wire.Request); ok && req.Method == wire.BYE {
				p.reply(req, 200, "")
				break
			}
		}
		if passed := time.Since(start); passed != timerAbsent {
			t.Errorf("BYE after %v, want %v", passed, timerAbsent)
		}
		if answers != 11 { // 0, 0.5, 1.5, 3.5, 7.5, then every 4 s
			t.Errorf("200 sent %d times", answers)
		}
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseFailed {
			t.Errorf("gone %+v", gone)
		}
	}, hubCarrier())
}

// A phone that says nothing for 3 s is unreachable and under suspicion until it
// answers OPTIONS; its late answer is ended at once.
func TestSilentPhone(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invites := ring(t, b, p)
		b.watch.want(t, "up ana")
		start := time.Now()
		gone := next[call.LegGone](t, b.lines)
		if gone.Leg != leg || gone.Cause.Kind != call.CauseUnreachable || time.Since(start) != silenceLimit {
			t.Fatalf("gone %+v after %v", gone, time.Since(start))
		}
		b.watch.want(t, "down ana")
		p.reply(invites[0], 200, "late", testSDP)
		if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "late" {
			t.Errorf("ack %s", ack)
		}
		p.reply(p.request(wire.BYE), 200, "")
		p.request(wire.OPTIONS) // not answered: asked again
		options := p.request(wire.OPTIONS)
		p.reply(options, 200, "o")
		b.watch.want(t, "up ana")
	})
}

// A CANCEL waits for the first provisional response.
func TestCancelWaits(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invites := ring(t, b, p)
		b.Release(leg, call.Cause{Kind: call.CauseElsewhere})
		time.Sleep(time.Second)
		synctest.Wait()
		for len(p.inbox) > 0 {
			if req, ok := (<-p.inbox).(*wire.Request); ok && req.Method == wire.CANCEL {
				t.Fatal("CANCEL before any provisional response")
			}
		}
		p.reply(invites[0], 180, "x")
		cancel := p.request(wire.CANCEL)
		if got := headerValue(cancel, "Reason"); got != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("Reason %q", got)
		}
		if cancel.Via().Value() != invites[0].Via().Value() || cancel.CSeq().SeqNo != invites[0].CSeq().SeqNo {
			t.Errorf("CANCEL does not match its INVITE: %s", cancel)
		}
		// The 200 crosses the CANCEL: it is acknowledged and ended.
		p.reply(invites[0], 200, "x", testSDP)
		p.request(wire.ACK)
		p.reply(p.request(wire.BYE), 200, "")
		time.Sleep(time.Minute)
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs after Release", n)
		}
	})
}

// A callee that rings on after the CANCEL and never ends the INVITE is let go
// after 64*T1; should it answer even then, it gets ACK and BYE.
func TestCancelledForEver(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invites := ring(t, b, p)
		p.reply(invites[0], 180, "x")
		next[call.LegProgress](t, b.lines)
		b.Release(leg, call.Cause{Kind: call.CauseNoAnswer})
		p.reply(p.request(wire.CANCEL), 200, "x")
		time.Sleep(2 * timerAbsent)
		synctest.Wait()
		p.reply(invites[0], 200, "x", testSDP)
		if ack := p.request(wire.ACK); tagOf(ack.To().Params) != "x" {
			t.Errorf("ack %s", ack)
		}
		p.reply(p.request(wire.BYE), 200, "")
	})
}

func TestBindingExpires(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		if res := p.register("ana", "secret", 1, "Expires: 60"); res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
		b.watch.want(t, "up ana")
		start := time.Now()
		b.watch.want(t, "down ana")
		if passed := time.Since(start); passed.Round(time.Second) != time.Minute {
			t.Errorf("gone after %v", passed)
		}
		synctest.Wait()
		if left, _ := b.store.Bindings(t.Context()); len(left) != 0 {
			t.Errorf("still stored: %+v", left)
		}
	})
}

func TestNonceExpires(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		p.send(p.registration("ana", 1))
		res := p.response(401, wire.REGISTER)
		auth := p.authorize(res, "SHA-256", "ana", "secret", "REGISTER", "sip:pbx.test")
		time.Sleep(nonceLife + time.Second)
		p.send(p.registration("ana", 2, auth))
		res = p.response(401, wire.REGISTER)
		for _, h := range res.GetHeaders("WWW-Authenticate") {
			if got := h.Value(); !contains(got, "stale=true") {
				t.Errorf("challenge %q is not stale", got)
			}
		}
		p.send(p.registration("ana", 3, p.authorize(res, "SHA-256", "ana", "secret", "REGISTER", "sip:pbx.test")))
		p.response(200, wire.REGISTER)
	})
}

// Three OPTIONS without an answer take a trunk down, any answer brings it back.
func TestKeepalive(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		b.watch.want(t, "trunk carrier true")
		p.reply(p.request(wire.OPTIONS), 404, "x") // any answer counts
		b.watch.want(t, "trunk carrier false")
		if b.TrunkUp("carrier") {
			t.Error("trunk is up")
		}
		for len(p.inbox) > 0 {
			<-p.inbox
		}
		p.reply(p.request(wire.OPTIONS), 200, "x")
		b.watch.want(t, "trunk carrier true")
	}, Trunk{Name: "carrier", Address: "10.0.0.3:5060", Keepalive: 30 * time.Second})
}

// A trunk that wants us registered is down until we are.
func TestEnrol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		p, hang := h.peer(t, nil, "10.0.0.2:5060")
		defer hang()
		p.server = netip.MustParseAddrPort("10.0.0.1:5060")
		b, end := newHubBench(t, h, Trunk{Name: "carrier", Address: "10.0.0.2",
			Register: &Registration{Credentials{"acme", "pw"}, time.Hour}})
		defer end()
		b.watch.want(t, "trunk carrier false")
		first := p.request(wire.REGISTER)
		p.reply(first, 401, "r", `WWW-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"`)
		second := p.request(wire.REGISTER)
		if second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() {
			t.Errorf("second REGISTER %s", second)
		}
		if auth := headerValue(second, "Authorization"); !contains(auth, `username="acme"`) {
			t.Errorf("Authorization %q", auth)
		}
		p.reply(second, 200, "r", "Expires: 600")
		b.watch.want(t, "trunk carrier true")
		start := time.Now()
		third := func() *wire.Request {
			for {
				if req, ok := (<-p.inbox).(*wire.Request); ok && req.Method == wire.REGISTER {
					return req
				}
			}
		}()
		if passed := time.Since(start); passed != 300*time.Second {
			t.Errorf("refreshed after %v", passed)
		}
		p.reply(third, 503, "r") // the registration holds for another 300 s
		time.Sleep(time.Second)
		if !b.TrunkUp("carrier") {
			t.Error("a failed refresh took the trunk down before its time")
		}
		fourth := p.request(wire.REGISTER)
		if passed := time.Since(start); passed < 303*time.Second || passed > 307*time.Second {
			t.Errorf("tried again after %v", passed)
		}
		p.reply(fourth, 403, "r")
		b.watch.want(t, "trunk carrier false")
	})
}
