package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// proofs are the certificates that peers have shown on their TLS connections.
// A carrier is known by its own wherever it comes from: one from the trunk's
// authorities for the name in the trunk's address, as when we connect to it.
type proofs struct {
	a *Agent

	mu    sync.Mutex
	shown map[netip.AddrPort]*proof // by the peer's end of the connection
}

// proof is what a connection has shown, and whose that is.
type proof struct {
	chain []*x509.Certificate
	judge *directory // by which it was judged
	trunk *Trunk     // nil: nobody's
}

func newProofs(a *Agent) *proofs { return &proofs{a: a, shown: map[netip.AddrPort]*proof{}} }

// note keeps what the peer of a connection has shown.
func (p *proofs) note(from netip.AddrPort, conn *tls.Conn) {
	chain := conn.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown[from] = &proof{chain: chain}
}

// drop forgets a connection that is over.
func (p *proofs) drop(from netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.shown, from)
}

// trunk returns the trunk that the peer of a TLS connection has proved to be, or
// nil. After a reload it is judged anew.
func (p *proofs) trunk(from netip.AddrPort) *Trunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := p.shown[from]
	if shown == nil {
		return nil
	}
	if now := p.a.directory.Load(); shown.judge != now {
		shown.judge, shown.trunk = now, p.judge(shown.chain, now.trunks)
	}
	return shown.trunk
}

// judge finds the trunk that certificates belong to.
func (p *proofs) judge(chain []*x509.Certificate, trunks []*Trunk) *Trunk {
	for _, t := range trunks {
		if !t.provable() {
			continue
		}
		err := t.proves(chain)
		if err == nil {
			return t
		}
		if !foreign(err) {
			p.a.log.Error("a peer's certificate cannot be checked", slog.String("trunk", t.Name), slog.Any("err", err))
		}
	}
	return nil
}

// provable reports whether a trunk can be known by its certificate. One whose
// list of sources is empty lets nobody call in.
func (t *Trunk) provable() bool {
	return secured(t.Transport) && (t.Allow == nil || len(t.Allow) > 0)
}

// proves checks certificates, the peer's own first, as those of the trunk. Few
// authorities certify clients, so that a server's will do.
func (t *Trunk) proves(chain []*x509.Certificate) error {
	host, _, err := splitAddress(t.Address)
	if err != nil {
		return err
	}
	roots, err := t.TLS.roots()
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{
		DNSName: host, Roots: roots, Intermediates: between, CurrentTime: time.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	return err
}

// foreign reports whether certificates are sound to read and merely not the ones
// that were asked for.
func foreign(err error) bool {
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return true
	}
	if _, is := errors.AsType[x509.HostnameError](err); is {
		return true
	}
	_, is := errors.AsType[x509.CertificateInvalidError](err)
	return is
}

// wanted reports whether peers are to be asked for certificates.
func (p *proofs) wanted() bool {
	for _, t := range p.a.directory.Load().trunks {
		if t.provable() {
			return true
		}
	}
	return false
}

// trunkOf returns the trunk that a message comes from: the one that its TLS
// connection has proved to be, else the one at its address; or nil.
func (a *Agent) trunkOf(transport string, from netip.AddrPort) *Trunk {
	if secured(transport) {
		if t := a.proofs.trunk(from); t != nil {
			return t
		}
	}
	return a.trunkAt(from.Addr())
}

// trunkFrom is trunkOf for a request.
func (a *Agent) trunkFrom(req *wire.Request) *Trunk { return a.trunkOf(req.Transport(), sourceOf(req)) }
