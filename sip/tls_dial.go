package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// TrunkTLS is how a trunk is reached over TLS, and known by its certificate when
// it reaches us. Its files are read for each new
// connection, so that renewed ones need no restart.
type TrunkTLS struct {
	CA     string  // PEM file of the authorities to believe; empty: the system's
	Client KeyPair // our certificate, for carriers that ask for one
}

var (
	errNoConnection = errors.New("sip: its tls connection is over, and only the phone can open a new one")
	errPlainSIPS    = errors.New("sip: a sips address over a transport without tls")
)

// uplinks hands the TLS connections that we opened to the library, which serves
// them like those of a listener. It cannot open them by itself: it would look for
// the carrier's address in the certificate, and not for its name.
type uplinks struct {
	opened chan net.Conn
	taken  chan struct{} // after each connection that the library serves
	closed chan struct{}
	once   sync.Once
	first  bool // Accept was called before
}

func newUplinks() *uplinks {
	return &uplinks{opened: make(chan net.Conn), taken: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Accept returns the next connection. That it is called again shows that the one
// before is served.
func (u *uplinks) Accept() (net.Conn, error) {
	if u.first {
		u.taken <- struct{}{}
	}
	u.first = true
	select {
	case conn := <-u.opened:
		return conn, nil
	case <-u.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (u *uplinks) Close() error {
	u.once.Do(func() { close(u.closed) })
	return nil
}

// Addr is nothing that anybody could connect to.
func (u *uplinks) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 0} }

// serve hands a connection over and waits until requests find it. One caller at a
// time.
func (u *uplinks) serve(conn net.Conn) error {
	select {
	case u.opened <- conn:
	case <-u.closed:
		return net.ErrClosed
	}
	select {
	case <-u.taken:
		return nil
	case <-u.closed:
		return net.ErrClosed
	}
}

// secure makes sure that a request can go out over its transport: over TLS there
// has to be a connection to the phone, or one to the trunk that is opened when
// need be. A sips address is never written to a wire that can be read (RFC 3261
// section 26.2.2).
func (a *Agent) secure(ctx context.Context, req *wire.Request) error {
	if !secured(req.Transport()) {
		if req.Recipient.IsEncrypted() {
			a.log.Error("request refused", "err", errPlainSIPS, "method", req.Method, "to", req.Destination())
			return errPlainSIPS
		}
		return nil
	}
	to := hop{"tls", parseSource(req.Destination())}
	if a.connected(to) {
		return nil
	}
	l := a.trunks.over(to)
	if l == nil {
		return errNoConnection
	}
	return l.connect(ctx, to)
}

// over returns the trunk whose TLS is at an address, or nil.
func (t *trunks) over(to hop) *link {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, l := range t.links {
		if secured(l.trunk.Transport) && l.at(to) {
			return l
		}
	}
	return nil
}

// at reports whether the trunk is to be found at an address.
func (l *link) at(to hop) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.addrs, to.addr)
}

// connect opens a TLS connection to the trunk, whose certificate has to be for
// the name in its address. Of several requests at a time the first opens it.
func (l *link) connect(ctx context.Context, to hop) error {
	select {
	case l.dialing <- struct{}{}:
		defer func() { <-l.dialing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.a.connected(to) {
		return nil
	}
	conn, err := l.dial(ctx, to)
	if err != nil {
		err = fmt.Errorf("sip: trunk %s: tls to %s: %w", l.trunk.Name, to.addr, err)
		l.a.log.Warn("trunk not reached", "trunk", l.trunk.Name, "err", err)
		return err
	}
	served := l.a.guard.adopt(conn)
	if served == nil {
		return errNoConnection
	}
	l.a.adopting.Lock()
	defer l.a.adopting.Unlock()
	return l.a.uplinks.serve(served)
}

// dial connects and shakes hands, within dialLimit.
func (l *link) dial(ctx context.Context, to hop) (net.Conn, error) {
	config, err := l.trunk.tlsConfig()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	dialer := tls.Dialer{NetDialer: &net.Dialer{KeepAlive: 15 * time.Second}, Config: config}
	return dialer.DialContext(ctx, "tcp", to.addr.String())
}

// roots reads the authorities to believe; nil are the system's.
func (t *TrunkTLS) roots() (*x509.CertPool, error) {
	if t.CA == "" {
		return nil, nil //nolint:nilnil // what crypto/x509 takes for the system's
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", t.CA)
	}
	return pool, nil
}

// tlsConfig is how the trunk is verified, and how we show ourselves.
func (t *Trunk) tlsConfig() (*tls.Config, error) {
	host, _, err := splitAddress(t.Address)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if config.RootCAs, err = t.TLS.roots(); err != nil {
		return nil, err
	}
	if t.TLS.Client.given() {
		pair, err := t.TLS.Client.load()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{*pair}
	}
	return config, nil
}
