package sip

import (
	"crypto/tls"
	"net/netip"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// shows connects to an Agent over TLS with a certificate, or with none.
func shows(t *testing.T, b *bench, ca *authority, pairs ...tls.Certificate) *peer {
	t.Helper()
	conn, err := tls.Dial("tcp4", b.Addrs()[2].String(), &tls.Config{RootCAs: ca.pool, ServerName: "localhost", Certificates: pairs})
	if err != nil {
		t.Fatal(err)
	}
	return streamPeer(t, "tls", conn)
}

// issued is a certificate that an authority made for a name.
func (a *authority) issued(name string) tls.Certificate {
	a.t.Helper()
	pair, err := a.issue(name, 9).load()
	if err != nil {
		a.t.Fatal(err)
	}
	return *pair
}

// provenBench serves a trunk that is known by its certificate alone.
func provenBench(t *testing.T, ca *authority, allow []netip.Prefix) *bench {
	t.Helper()
	return tlsBench(t, ca.issue("localhost", 2), func(o *Options) {
		o.Directory.Trunks = []Trunk{{Name: "carrier", Address: "localhost:5099", Transport: "tls", TLS: TrunkTLS{CA: ca.file}, Allow: allow}}
	})
}

var elsewhere = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}

// A carrier that shows the certificate for the trunk's name calls in from
// wherever it is, and is itself within its calls; a reload ends that.
func TestTrunkByCertificate(t *testing.T) {
	ca := newAuthority(t)
	client := ca.issued("localhost")
	b := provenBench(t, ca, elsewhere)
	p := shows(t, b, ca, client)
	in := arrived(t, b, p, "proven")
	if in.Trunk != "carrier" {
		t.Fatalf("%+v", in)
	}
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	other := shows(t, b, ca, client) // it has several
	other.send(other.within(ok, "INFO", 2, "info"))
	other.response(200, wire.INFO)
	p.send(p.within(ok, "BYE", 3, "bye"))
	p.response(200, wire.BYE)
	next[call.LegGone](t, b.lines)
	if err := b.Reconfigure(Directory{}); err != nil {
		t.Fatal(err)
	}
	p.send(p.invite("later", "later"))
	p.response(403, wire.INVITE)
}

// Nobody else is let in: not with another name or authority, without a
// certificate, without TLS, nor through a trunk that lets nobody in.
func TestNotTheTrunksCertificate(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	client, named, forged := ca.issued("localhost"), ca.issued("elsewhere"), stranger.issued("localhost")
	b, shut := provenBench(t, ca, elsewhere), provenBench(t, ca, []netip.Prefix{})
	for name, p := range map[string]*peer{
		"another name":      shows(t, b, ca, named),
		"another authority": shows(t, b, ca, forged),
		"nothing":           shows(t, b, ca),
		"nobody may":        shows(t, shut, ca, client),
		"plain":             tcpPeer(t, b),
	} {
		t.Run(name, func(t *testing.T) {
			p.t = t
			p.send(p.invite(name, "x"))
			p.response(403, wire.INVITE)
		})
	}
	if n := len(b.lines.arrivals) + len(shut.lines.arrivals); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// A certificate is forgotten with its connection: whoever connects from there
// next has to show its own.
func TestProofEndsWithItsConnection(t *testing.T) {
	ca := newAuthority(t)
	client := ca.issued("localhost")
	b := provenBench(t, ca, elsewhere)
	p := shows(t, b, ca, client)
	arrived(t, b, p, "first")
	if b.proofs.trunk(p.addr) == nil {
		t.Error("not known")
	}
	_ = p.stream.Close()
	for range p.inbox { // until it is closed
	}
	eventually(t, func() bool { return b.proofs.trunk(p.addr) == nil })
}
