package sip

import (
	"fmt"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// benchWith starts an Agent with options of its own.
func benchWith(t *testing.T, set func(*Options), trunks ...Trunk) *bench {
	t.Helper()
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(trunks)
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}, {"tcp", "127.0.0.1:0"}}
	set(&opt)
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	return b
}

// More new calls than allowed are asked to come later; the dialogs that there
// are go on.
func TestCallsPerSecond(t *testing.T) {
	p := udpPeer(t)
	b := benchWith(t, func(o *Options) { o.CallsPerSecond = 1 }, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "first")
	p.send(p.invite("second", "second"))
	res := p.response(503, wire.INVITE)
	if headerValue(res, "Retry-After") == "" || res.CallID().Value() != "second" {
		t.Errorf("%s", res)
	}
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	p.send(p.within(ok, "BYE", 2, "bye"))
	p.response(200, wire.BYE)
	next[call.LegGone](t, b.lines)
}

// Beyond the transactions that there may be nothing new is begun, and what is
// within a dialog is served all the same.
func TestTransactionsAreBounded(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "before")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	for b.open.enter(host(1), unlimited, maxTransactions) {
	}
	p.send(p.invite("late", "late"))
	if res := p.response(503, wire.INVITE); headerValue(res, "Retry-After") == "" {
		t.Errorf("%s", res)
	}
	p.send(p.within(ok, "BYE", 2, "bye"))
	p.response(200, wire.BYE)
	next[call.LegGone](t, b.lines)
	for range maxSourceTransactions {
		b.open.leave(host(1))
	}
	arrived(t, b, p, "after")
}

func TestRegistrationsAreBounded(t *testing.T) {
	b := newBench(t)
	b.registrar.table.mu.Lock()
	b.registrar.table.limit = 1
	b.registrar.table.mu.Unlock()
	p := udpPeer(t).dial(b)
	if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	if res := p.register("eva", "geheim", 1); res.StatusCode != 503 || headerValue(res, "Retry-After") == "" {
		t.Errorf("%s", res)
	}
	if res := p.register("ana", "secret", 3); res.StatusCode != 200 {
		t.Errorf("refresh: %d", res.StatusCode)
	}
}

// Who guesses is banned where it guesses from; the user registers elsewhere,
// and a trunk is never banned.
func TestGuessing(t *testing.T) {
	p, trunk := udpPeer(t), udpPeerAt(t, "127.0.0.5")
	b := benchWith(t, func(o *Options) { o.Limits.FailedAuthPerMinute = 3 }, carrierAt(trunk))
	p.dial(b)
	trunk.dial(b)
	for i := range 3 {
		if res := p.register("ana", "wrong", 2*i+1); res.StatusCode != 401 {
			t.Fatalf("guess %d: %d", i, res.StatusCode)
		}
	}
	if res := p.register("ana", "secret", 11); res.StatusCode != 403 {
		t.Errorf("after the ban: %d", res.StatusCode)
	}
	if res := p.register("eva", "geheim", 1); res.StatusCode != 200 {
		t.Errorf("a colleague: %d", res.StatusCode)
	}
	if res := udpPeerAt(t, "127.0.0.2").dial(b).register("ana", "secret", 1); res.StatusCode != 200 {
		t.Errorf("elsewhere: %d", res.StatusCode)
	}
	thief := udpPeerAt(t, "127.0.0.3").dial(b)
	for i := range 9 {
		thief.register(fmt.Sprint("user", i), "wrong", 1)
	}
	for i := range 9 {
		trunk.register(fmt.Sprint("user", i), "wrong", 1)
	}
	if res := trunk.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Errorf("trunk: %d", res.StatusCode)
	}
	thief.send(thief.registration("eva", 30))
	trunk.send(strings.Join([]string{"OPTIONS sip:pbx.test SIP/2.0", trunk.via("o"), "From: <sip:a@b>;tag=1",
		"To: <sip:pbx.test>", "Call-ID: o", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}, "\r\n"))
	trunk.response(200, wire.OPTIONS)
	if n := len(thief.inbox); n != 0 {
		t.Errorf("%d answers to a banned source", n)
	}
}
