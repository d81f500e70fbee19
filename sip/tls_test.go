package sip

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// authority issues certificates for localhost.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue writes a certificate for a name, over an older one of that name.
func (a *authority) issue(name string, serial int64) KeyPair {
	a.t.Helper()
	key := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return KeyPair{Cert: a.write(name+".pem", "CERTIFICATE", der), Key: a.write(name+".key", "EC PRIVATE KEY", private)}
}

// tlsBench starts an Agent that serves UDP, TCP and TLS.
func tlsBench(t *testing.T, pair KeyPair, change func(*Options)) *bench {
	t.Helper()
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(nil)
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}, {"tcp", "127.0.0.1:0"}, {"tls", "127.0.0.1:0"}}
	opt.TLS = pair
	if change != nil {
		change(&opt)
	}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	return b
}

// tlsPeer connects to an Agent over TLS.
func tlsPeer(t *testing.T, b *bench, ca *authority) (*peer, *tls.Conn) {
	t.Helper()
	conn, err := tls.Dial("tcp4", b.Addrs()[2].String(), &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return streamPeer(t, "tls", conn), conn
}

// A phone registers over TLS, is called on its connection, and calls out; what
// Reach says of it is secure.
func TestPhoneOverTLS(t *testing.T) {
	ca := newAuthority(t)
	b := tlsBench(t, ca.issue("localhost", 2), nil)
	p, _ := tlsPeer(t, b, ca)
	if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatalf("REGISTER: %d", res.StatusCode)
	}
	if host, secure := b.Reach("", call.Target{User: "ana"}); host != "127.0.0.1" || !secure {
		t.Errorf("reached at %s, secure %t", host, secure)
	}
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	req := p.request(wire.INVITE)
	if via := req.Via(); via.Transport != "TLS" || via.Port != int(b.Addrs()[2].Port()) {
		t.Errorf("Via %s", via)
	}
	if transport, _ := req.Contact().Address.UriParams.Get("transport"); transport != "tls" {
		t.Errorf("Contact %s", req.Contact().Value())
	}
	p.reply(req, 200, "callee", "Content-Type: application/sdp")
	next[call.LegAnswered](t, b.lines)
	p.request(wire.ACK)

	// A plain phone beside it makes a common offer readable.
	plain := udpPeerAt(t, "127.0.0.3").dial(b)
	plain.register("ana", "secret", 1)
	if _, secure := b.Reach("", call.Target{User: "ana"}); secure {
		t.Error("secure with a plain phone among them")
	}
}

// Whose media has to be encrypted registers over TLS alone.
func TestPlainRegistrationRefused(t *testing.T) {
	ca := newAuthority(t)
	b := tlsBench(t, ca.issue("localhost", 2), func(o *Options) { o.Directory.Users[0].Secure = true })
	if res := udpPeer(t).dial(b).register("ana", "secret", 1); res.StatusCode != 403 {
		t.Errorf("over udp: %d", res.StatusCode)
	}
	p, _ := tlsPeer(t, b, ca)
	if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Errorf("over tls: %d", res.StatusCode)
	}
}

// A new certificate is shown to whoever connects next; one that is broken is not.
func TestCertificateRenewed(t *testing.T) {
	ca := newAuthority(t)
	pair := ca.issue("localhost", 2)
	b := tlsBench(t, pair, nil)
	serial := func() int64 {
		t.Helper()
		_, conn := tlsPeer(t, b, ca)
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 2 {
		t.Fatalf("serial %d", got)
	}
	before := pair.stamps()
	ca.issue("localhost", 3)
	if pair.stamps() == before {
		t.Error("a change of the files goes unnoticed")
	}
	if err := b.RenewCertificate(); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 3 {
		t.Errorf("serial %d after the change", got)
	}
	if err := os.WriteFile(pair.Cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.RenewCertificate(); err == nil {
		t.Error("a broken certificate was taken")
	}
	if got := serial(); got != 3 {
		t.Errorf("serial %d after a broken one", got)
	}
}

func TestListenerWithoutCertificate(t *testing.T) {
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(nil)
	opt.Listen = []Listen{{"tls", "127.0.0.1:0"}}
	if a, err := New(opt); err == nil {
		a.Close()
		t.Error("tls without a certificate")
	}
}

// Old versions of TLS are refused, and who never ends a handshake holds up nobody.
func TestHandshakes(t *testing.T) {
	ca := newAuthority(t)
	b := tlsBench(t, ca.issue("localhost", 2), nil)
	for range 10 {
		stalled, err := net.Dial("tcp4", b.Addrs()[2].String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stalled.Close() }()
	}
	old := &tls.Config{RootCAs: ca.pool, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp4", b.Addrs()[2].String(), old); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was taken")
	}
	p, _ := tlsPeer(t, b, ca)
	p.register("ana", "secret", 1)
}

// carrier is a trunk's TLS end.
func tlsCarrier(t *testing.T, config *tls.Config) (address string, conns <-chan net.Conn) {
	t.Helper()
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 8)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if errors.Is(conn.(*tls.Conn).Handshake(), nil) {
				accepted <- conn
			}
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "localhost:" + port, accepted
}

// A trunk is verified by its name, shown our certificate, and called on one
// connection; one that cannot be verified is never told anything.
func TestTrunkOverTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	show := func(a *authority, name string) tls.Certificate {
		pair, err := a.issue(name, 5).load()
		if err != nil {
			t.Fatal(err)
		}
		return *pair
	}
	for name, c := range map[string]struct {
		cert tls.Certificate
		ok   bool
	}{
		"sound":             {show(ca, "localhost"), true},
		"another name":      {show(ca, "elsewhere"), false},
		"another authority": {show(stranger, "localhost"), false},
	} {
		t.Run(name, func(t *testing.T) {
			address, conns := tlsCarrier(t, &tls.Config{
				Certificates: []tls.Certificate{c.cert}, ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert,
			})
			b := tlsBench(t, ca.issue("switch", 2), func(o *Options) {
				o.Directory.Trunks = []Trunk{{
					Name: "carrier", Address: address, Transport: "tls", TLS: TrunkTLS{CA: ca.file, Client: ca.issue("client", 7)},
				}}
			})
			b.watch.want(t, "trunk carrier true")
			if _, secure := b.Reach("", call.Target{Trunk: "carrier"}); !secure {
				t.Error("the trunk is not secure")
			}
			b.Invite("01J-3", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
			if !c.ok {
				if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseUnreachable {
					t.Errorf("gone %+v", gone)
				}
				return
			}
			p := streamPeer(t, "tls", <-conns)
			p.reply(p.request(wire.INVITE), 486, "c")
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseBusy {
				t.Errorf("gone %+v", gone)
			}
			b.Invite("01J-4", call.Target{Trunk: "carrier", Number: "+34600000001", CallerID: "+34910000001"}, []byte(testSDP))
			p.request(wire.ACK)
			p.reply(p.request(wire.INVITE), 486, "d")
			next[call.LegGone](t, b.lines)
			if len(conns) > 0 {
				t.Error("a second connection was opened")
			}
		})
	}
}

// A sips address never leaves over UDP or TCP.
func TestSIPSNeverInTheClear(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1, "Contact: <sips:ana@"+p.addr.String()+">")
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseUnreachable {
		t.Errorf("gone %+v", gone)
	}
	for len(p.inbox) > 0 {
		if req, ok := (<-p.inbox).(*wire.Request); ok && req.IsInvite() {
			t.Errorf("sent %s", req.StartLine())
		}
	}
}
