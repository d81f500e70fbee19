package sip

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificateEvery is how often the certificate's files are looked at.
const certificateEvery = 10 * time.Second

// KeyPair names a certificate, with its chain, and its private key: PEM files.
type KeyPair struct{ Cert, Key string }

// given reports whether there is one.
func (k KeyPair) given() bool { return k.Cert != "" }

// load reads the files.
func (k KeyPair) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(k.Cert, k.Key)
	if err != nil {
		return nil, fmt.Errorf("sip: certificate %s: %w", k.Cert, err)
	}
	return &pair, nil
}

// stamps tell whether the files changed. What cannot be read has none.
func (k KeyPair) stamps() (s [2]fileStamp) {
	for i, name := range []string{k.Cert, k.Key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

type fileStamp struct {
	changed time.Time
	size    int64
}

// identity is the certificate that TLS listeners show. Handshakes that have begun
// and connections that are open keep the one that they saw.
type identity struct {
	files   KeyPair
	current atomic.Pointer[tls.Certificate]
}

// renew reads the certificate anew; with an error the old one stays.
func (i *identity) renew() error {
	pair, err := i.files.load()
	if err != nil {
		return err
	}
	i.current.Store(pair)
	return nil
}

// config is how TLS is served: 1.2 at least, with the certificate of the moment.
// While asks says so, peers are asked for a certificate of theirs; nobody needs to
// have one, and whose it is shows later.
func (i *identity) config(asks func() bool) *tls.Config {
	plain := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.current.Load(), nil },
	}
	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	served := plain.Clone()
	served.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if asks() {
			return asking, nil
		}
		return plain, nil
	}
	return served
}

// watch reads the certificate anew whenever its files have changed.
func (i *identity) watch(ctx context.Context, log *slog.Logger) {
	seen := i.files.stamps()
	for sleep(ctx, certificateEvery) {
		now := i.files.stamps()
		if now == seen {
			continue
		}
		seen = now
		if err := i.renew(); err != nil {
			log.Error("the certificate for tls cannot be read, the old one stays", slog.Any("error", err))
			continue
		}
		log.Info("certificate for tls read anew", slog.String("cert", i.files.Cert))
	}
}

// RenewCertificate reads the certificate of the TLS listeners anew. With an error
// the old one stays. Without such listeners it does nothing.
func (a *Agent) RenewCertificate() error {
	if a.identity == nil {
		return nil
	}
	return a.identity.renew()
}
