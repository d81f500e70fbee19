package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// BindingStore keeps registrations across restarts.
type BindingStore interface {
	// SaveBinding stores a binding in place of one of the same user and contact.
	SaveBinding(ctx context.Context, b call.Binding) error
	DeleteBinding(ctx context.Context, b call.Binding) error
	Bindings(ctx context.Context) ([]call.Binding, error)
}

// DialogStore keeps what is needed to end dialogs after a crash.
type DialogStore interface {
	// SaveDialog and DeleteDialog never wait. stored is called once, when the
	// dialog is durable or could not be stored; it may be called before
	// SaveDialog returns, and does not wait.
	SaveDialog(d call.Dialog, stored func())
	DeleteDialog(leg call.LegID)
	Dialogs(ctx context.Context) ([]call.Dialog, error)
}

// Presence hears when a user gains the first reachable phone and loses the
// last one. It is told in order, must not wait and must not call the Agent.
type Presence interface {
	PhoneUp(user string)
	PhoneDown(user string)
}

// TrunkWatcher hears when a trunk comes up or goes down, with the reason. It
// must not wait and must not call the Agent.
type TrunkWatcher interface {
	TrunkState(trunk string, up bool, why string)
}

// Listen is one socket to serve.
type Listen struct {
	Network string // udp, tcp or tls
	Addr    string // host:port; port 0 asks for a free one
}

// User is somebody who may register phones.
type User struct {
	Name     string
	Password string // plain: digest needs it, or hashes made of it
	// Secure takes registrations over TLS alone.
	Secure bool
}

// CallerID says which header of an outgoing INVITE carries our number.
type CallerID string

// The caller ID styles.
const (
	CallerIDFrom     CallerID = "from"
	CallerIDAsserted CallerID = "p-asserted-identity" // RFC 3325
	CallerIDRemote   CallerID = "remote-party-id"
)

// Credentials answer a trunk's digest challenge.
type Credentials struct{ Username, Password string }

// Registration is our own registration with a trunk that asks for one.
type Registration struct {
	Credentials
	Expires time.Duration // asked for; 0 means an hour
}

// Trunk is a carrier link.
type Trunk struct {
	Name      string
	Address   string   // host[:port]; without a port SRV records are asked first (RFC 3263)
	Transport string   // udp, tcp or tls
	TLS       TrunkTLS // of Transport tls
	// Allow are the sources of inbound calls; nil: what Address resolves to. Over
	// tls, whoever shows a certificate for Address from TLS.CA may come from
	// elsewhere too, unless Allow is empty: then nobody may.
	Allow    []netip.Prefix
	Auth     Credentials
	Register *Registration // nil: the carrier asks for none
	CallerID CallerID
	// TrustCallerID believes P-Asserted-Identity on inbound calls.
	TrustCallerID bool
	// Format writes an E.164 number as the carrier wants it; nil leaves it.
	Format    func(e164 string) string
	Keepalive time.Duration // between OPTIONS; 0: none are sent

	MaxCalls       int // live calls, in both directions, beyond which none goes out; 0: no limit
	CallsPerSecond int // outgoing; 0: no limit
}

// Directory is what may change while the Agent runs.
type Directory struct {
	Users  []User
	Trunks []Trunk
}

// Limits protect against floods and guessing; each holds for one source
// address. Trunks are exempt.
type Limits struct {
	FailedAuthPerMinute int           // wrong passwords before a ban; 0 means 10
	RequestsPerSecond   int           // 0 means 100
	Ban                 time.Duration // 0 means 10 minutes
}

// Options are what an Agent is made of. Lines, Domain and at least one Listen
// are needed; stores, watchers and metrics may be nil.
type Options struct {
	Lines     call.Lines
	Bindings  BindingStore
	Dialogs   DialogStore
	Presence  Presence
	Trunks    TrunkWatcher
	Directory Directory

	Listen    []Listen
	TLS       KeyPair // of the tls listeners; needed when there is one
	Domain    string  // host of the users' addresses, and digest realm
	External  string  // address for Via and Contact when behind NAT
	UserAgent string

	Limits Limits
	// CallsPerSecond bounds new calls of all trunks and users together; 0 means 50.
	CallsPerSecond int
	// SessionExpires is the interval of session timers (RFC 4028) that we ask
	// for; 0 means half an hour, 90 s is the least.
	SessionExpires time.Duration

	Resolver Resolver // nil: the system's DNS
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// check fills in defaults and reports what is missing.
func (o *Options) check() error {
	switch {
	case o.Lines == nil:
		return errors.New("sip: Options.Lines is missing")
	case o.Domain == "":
		return errors.New("sip: Options.Domain is missing")
	}
	if o.UserAgent == "" {
		o.UserAgent = "Tandem"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Resolver == nil {
		o.Resolver = systemResolver()
	}
	o.Limits.fill()
	if o.CallsPerSecond <= 0 {
		o.CallsPerSecond = 50
	}
	if o.SessionExpires == 0 {
		o.SessionExpires = 30 * time.Minute
	}
	if o.SessionExpires < minSession || o.SessionExpires > maxSession {
		return fmt.Errorf("sip: session interval %v: between %v and %v", o.SessionExpires, minSession, maxSession)
	}
	if o.External != "" {
		if _, err := netip.ParseAddr(strings.Trim(o.External, "[]")); err != nil {
			return fmt.Errorf("sip: external address %q: %w", o.External, err)
		}
	}
	return nil
}

// fill puts the defaults where nothing was set.
func (l *Limits) fill() {
	if l.FailedAuthPerMinute <= 0 {
		l.FailedAuthPerMinute = 10
	}
	if l.RequestsPerSecond <= 0 {
		l.RequestsPerSecond = 100
	}
	if l.Ban <= 0 {
		l.Ban = 10 * time.Minute
	}
}
