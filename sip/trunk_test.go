package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

func TestTrunkCall(t *testing.T) {
	p := udpPeer(t)
	trunk := carrierAt(p)
	trunk.Format = func(n string) string { return n[1:] }
	b := newBench(t, trunk)
	p.dial(b)
	leg := call.LegID("01J-3")
	b.Invite(leg, call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001", Diverted: "+34910000002"}, []byte(testSDP))
	first := p.request(wire.INVITE)
	if first.Recipient.User != "34600000000" || headerValue(first, "P-Asserted-Identity") != "<sip:34910000001@pbx.test>" {
		t.Errorf("invite %s", first)
	}
	if !contains(headerValue(first, "Diversion"), "34910000002") || first.GetHeader("Authorization") != nil {
		t.Errorf("invite %s", first)
	}
	p.reply(first, 407, "c",
		`Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"`,
		`Proxy-Authenticate: Digest realm="carrier", nonce="n1", algorithm=SHA-256, qop="auth"`)
	p.request(wire.ACK)
	second := p.request(wire.INVITE)
	if auth := headerValue(second, "Proxy-Authorization"); !contains(auth, "SHA-256") || second.CSeq().SeqNo != 2 {
		t.Errorf("second %s", second)
	}
	p.reply(second, 183, "c", testSDP)
	if got := next[call.LegProgress](t, b.lines); got.Status != 183 || string(got.SDP) != testSDP {
		t.Errorf("progress %+v", got)
	}
	p.reply(second, 200, "c", testSDP)
	next[call.LegAnswered](t, b.lines)
	if ack := p.request(wire.ACK); ack.CSeq().SeqNo != 2 || !contains(headerValue(ack, "Proxy-Authorization"), "SHA-256") {
		t.Errorf("ack %s", ack)
	}
	b.Release(leg, call.Cause{Kind: call.CauseNormal})
	if bye := p.request(wire.BYE); bye.CSeq().SeqNo != 3 {
		t.Errorf("bye %s", bye)
	}
}

func TestTrunkRefuses(t *testing.T) {
	for status, kind := range map[int]call.CauseKind{
		407: call.CauseFailed, 404: call.CauseFailed, 486: call.CauseBusy, 480: call.CauseNoAnswer,
		500: call.CauseFailed, 503: call.CauseFailed, 603: call.CauseDeclined, 302: call.CauseFailed,
	} {
		p := udpPeer(t)
		b := newBench(t, carrierAt(p))
		p.dial(b)
		b.Invite("01J-3", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
		p.reply(p.request(wire.INVITE), status, "c")
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != kind || gone.Cause.Code != status {
			t.Errorf("%d: gone %+v, want %v", status, gone, kind)
		}
	}
}

func TestReach(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	phone := udpPeerAt(t, "127.0.0.3").dial(b)
	phone.register("ana", "secret", 1)
	for to, want := range map[call.Target]string{
		{Trunk: "carrier"}: "127.0.0.1", {Trunk: "none"}: "", {User: "ana"}: "127.0.0.3", {User: "eva"}: "",
	} {
		if got, secure := b.Reach("", to); got != want || secure {
			t.Errorf("%+v: %q, want %q", to, got, want)
		}
	}
}

func TestTrunkUnknown(t *testing.T) {
	b := newBench(t)
	b.Invite("01J-3", call.Target{Trunk: "nobody", Number: "+34600000000"}, []byte(testSDP))
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseUnreachable {
		t.Errorf("gone %+v", gone)
	}
}

func TestCallerIDStyles(t *testing.T) {
	for style, name := range map[CallerID]string{CallerIDFrom: "From", CallerIDAsserted: "P-Asserted-Identity", CallerIDRemote: "Remote-Party-ID"} {
		p := udpPeer(t)
		trunk := carrierAt(p)
		trunk.CallerID = style
		b := newBench(t, trunk)
		p.dial(b)
		b.Invite("01J-3", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
		if got := headerValue(p.request(wire.INVITE), name); !contains(got, "+34910000001") {
			t.Errorf("%s: %s is %q", style, name, got)
		}
	}
}

func TestAllowEmptyMatchesNobody(t *testing.T) {
	p := udpPeer(t)
	trunk := carrierAt(p)
	trunk.Allow = []netip.Prefix{}
	b := newBench(t, trunk)
	p.dial(b)
	p.send(p.invite("nobody", "nobody"))
	p.response(403, wire.INVITE)
}

func TestReconfigure(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t)
	p.dial(b)
	if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	b.watch.want(t, "up ana")
	err := b.Reconfigure(Directory{Users: []User{{Name: "eva", Password: "x"}}, Trunks: []Trunk{carrierAt(p)}})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{<-b.watch.events, <-b.watch.events}
	slices.Sort(got)
	if !slices.Equal(got, []string{"down ana", "trunk carrier true"}) {
		t.Errorf("events %q", got)
	}
	arrived(t, b, p, "reconf")
	if err := b.Reconfigure(Directory{Trunks: []Trunk{{Name: "a", Address: "h", Transport: "smoke"}}}); err == nil {
		t.Error("a bad trunk was taken")
	}
	if b.trunkNamed("carrier") == nil {
		t.Error("the old directory is gone")
	}
}

// records is a Resolver made of maps.
type records struct {
	srv map[string][]*net.SRV
	ip  map[string][]netip.Addr
}

func (r records) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if all := r.srv["_"+service+"._"+proto+"."+name]; len(all) > 0 {
		return name, all, nil
	}
	return "", nil, errors.New("no such name")
}

func (r records) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if all := r.ip[host]; len(all) > 0 {
		return all, nil
	}
	return nil, errors.New("no such host")
}

func TestResolve(t *testing.T) {
	dns := records{
		srv: map[string][]*net.SRV{"_sip._udp.carrier.test": {{Target: "a.test.", Port: 5070}, {Target: "gone.test.", Port: 1}, {Target: "b.test.", Port: 5080}}},
		ip: map[string][]netip.Addr{
			"carrier.test": {netip.MustParseAddr("192.0.2.9")},
			"a.test":       {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")},
			"b.test":       {netip.MustParseAddr("192.0.2.2")},
		},
	}
	for address, want := range map[string]string{
		"192.0.2.7":         "[192.0.2.7:5060]",
		"192.0.2.7:5070":    "[192.0.2.7:5070]",
		"[2001:db8::7]":     "[[2001:db8::7]:5060]",
		"carrier.test":      "[192.0.2.1:5070 [2001:db8::1]:5070 192.0.2.2:5080]",
		"carrier.test:5090": "[192.0.2.9:5090]",
		"b.test":            "[192.0.2.2:5060]",
	} {
		got, err := resolve(t.Context(), dns, address, "udp")
		if err != nil || sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", address, got, err, want)
		}
	}
	for _, bad := range []string{"", "a b", "a:0", "a:99999", "none.test", "x:y"} {
		if got, err := resolve(t.Context(), dns, bad, "udp"); err == nil {
			t.Errorf("%q resolved to %v", bad, got)
		}
	}
}
