package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	minExpires     = 60 * time.Second
	defaultExpires = 300 * time.Second
	maxExpires     = 3600 * time.Second
	maxBindings    = 10                     // phones per user
	durableLimit   = 150 * time.Millisecond // how long a 200 waits for the store
	maxContact     = 512                    // bytes of a Contact URI
)

// registrar keeps where users' phones are (RFC 3261 section 10.3).
type registrar struct {
	a     *Agent
	table *bindings
}

// newRegistrar loads what was stored, so that phones ring after a restart
// without registering again.
func newRegistrar(a *Agent) (*registrar, error) {
	r := &registrar{a: a, table: newBindings(a)}
	if a.opt.Bindings == nil {
		return r, nil
	}
	all, err := a.opt.Bindings.Bindings(a.life)
	if err != nil {
		return nil, fmt.Errorf("sip: load registrations: %w", err)
	}
	r.table.load(all, time.Now())
	return r, nil
}

// start tells Presence who is reachable and begins to watch expiry.
func (r *registrar) start() { r.table.start() }

func (r *registrar) stop() { r.table.stop() }

// serve answers a REGISTER.
func (r *registrar) serve(req *wire.Request, tx *wire.ServerTx) {
	now := time.Now()
	user, ok := r.a.authenticated(req, tx)
	if !ok {
		return
	}
	if unescaped(req.To().Address.User) != user || unescaped(req.From().Address.User) != user {
		r.a.meter.reject(reasonIdentity)
		r.a.respond(req, tx, 403)
		return
	}
	r.register(req, tx, user, now)
}

// banned reports whether somebody guessed that user's password from that
// source, or passwords of many users. The right one does not help then, or
// guessing would go on, unless the user has a phone there already: whoever
// guesses beside it, behind the same NAT, does not cut it off.
func (r *registrar) banned(req *wire.Request, user string, outcome verdict) bool {
	from, g := sourceOf(req).Addr(), r.a.guard
	if r.a.trunkFrom(req) != nil {
		return false
	}
	if user != "" && g.bans.user(user, from, g.now()) {
		right := outcome == verdictOK || outcome == verdictStale
		return !right || !r.owns(user, from)
	}
	return g.bans.host(from, g.now()) && !r.table.near(from)
}

// unescaped returns the user part of an address without parameters.
func unescaped(user string) string {
	uri := wire.Uri{User: user}
	return numberOf(&uri)
}

// register carries out what an authenticated user asks for.
func (r *registrar) register(req *wire.Request, tx *wire.ServerTx, user string, now time.Time) {
	change, refused := r.read(req, user, now)
	if refused != nil {
		r.a.refuseWith(req, tx, refused)
		return
	}
	writes, refused := r.table.apply(change)
	if refused != nil {
		r.a.refuseWith(req, tx, refused)
		return
	}
	r.durable(writes)
	r.a.respond(req, tx, 200, r.contacts(user, time.Now())...)
}

// durable waits until the store has the writes, though not for long: a slow
// disk must not keep a phone from registering.
func (r *registrar) durable(writes []write) {
	if len(writes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(r.a.life, durableLimit)
	defer cancel()
	done := make(chan struct{}, len(writes))
	for _, w := range writes {
		r.a.scribe.bindings.save(w.binding, w.remove, func() { done <- struct{}{} })
	}
	for range writes {
		select {
		case <-done:
		case <-ctx.Done():
			r.a.log.Warn("registration answered before it was stored", slog.String("user", writes[0].binding.User))
			return
		}
	}
}

// change is what one REGISTER asks for.
type change struct {
	user   string
	all    bool // Contact: * with Expires: 0
	callID string
	cseq   uint32
	set    []call.Binding // Expires equal to Registered removes
}

// read checks the Contacts of a REGISTER.
func (r *registrar) read(req *wire.Request, user string, now time.Time) (change, *refusalOf) {
	if r.exposed(user, req.Transport()) {
		r.a.log.Warn("phone refused: it has to register over tls", "user", user, "from", req.Source())
		return change{}, &refusalOf{status: 403}
	}
	c := change{user: user, callID: req.CallID().Value(), cseq: req.CSeq().SeqNo}
	contacts := req.GetHeaders("Contact")
	if len(contacts) > maxBindings {
		return c, &refusalOf{status: 400}
	}
	common, ok := expiresOf(headerValue(req, "Expires"), defaultExpires)
	if !ok {
		return c, &refusalOf{status: 400}
	}
	for _, h := range contacts {
		contact, ok := h.(*wire.ContactHeader)
		if !ok {
			return c, &refusalOf{status: 400}
		}
		if contact.Address.Wildcard {
			if len(contacts) > 1 || headerValue(req, "Expires") == "" || common != 0 {
				return c, &refusalOf{status: 400}
			}
			c.all = true
			return c, nil
		}
		b, refused := r.binding(req, contact, common, now)
		if refused != nil {
			return c, refused
		}
		b.User = user
		c.set = append(c.set, b)
	}
	return c, nil
}

// exposed reports whether a user's phones have to use TLS, and this one does not.
func (r *registrar) exposed(user, transport string) bool {
	return r.a.directory.Load().secure[user] && !secured(transport)
}

// binding reads one Contact.
func (r *registrar) binding(req *wire.Request, contact *wire.ContactHeader, common time.Duration, now time.Time) (call.Binding, *refusalOf) {
	var b call.Binding
	uri := contact.Address.String()
	if len(uri) > maxContact || !r.reachable(&contact.Address) {
		return b, &refusalOf{status: 400}
	}
	lasts := common
	if own, given := param(contact.Params, "expires"); given {
		var ok bool
		if lasts, ok = expiresOf(own, common); !ok {
			return b, &refusalOf{status: 400}
		}
	}
	if lasts > 0 && lasts < minExpires {
		return b, &refusalOf{423, header("Min-Expires", seconds(minExpires))}
	}
	from := hopOf(req)
	instance, _ := param(contact.Params, "+sip.instance")
	return call.Binding{
		ContactURI: uri,
		Transport:  from.transport,
		Source:     from.addr,
		CallID:     req.CallID().Value(),
		CSeq:       req.CSeq().SeqNo,
		Instance:   clean(strings.Trim(instance, `"`), 128),
		UserAgent:  clean(headerValue(req, "User-Agent"), 128),
		Registered: now,
		Expires:    now.Add(min(lasts, maxExpires)),
	}, nil
}

// reachable refuses Contacts that would make us call ourselves or many.
func (r *registrar) reachable(uri *wire.Uri) bool {
	if uri.Scheme != "sip" && uri.Scheme != "sips" || uri.Host == "" {
		return false
	}
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	ip, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil {
		return !strings.EqualFold(uri.Host, r.a.opt.Domain)
	}
	if ip = ip.Unmap(); ip.IsMulticast() || ip.IsUnspecified() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	return !r.a.ours(netip.AddrPortFrom(ip, uint16(port)))
}

// ours reports whether an address is one that we listen on.
func (a *Agent) ours(at netip.AddrPort) bool {
	for _, s := range a.sockets {
		if s.addr.Port() != at.Port() {
			continue
		}
		if s.addr.Addr() == at.Addr() || at.Addr().String() == a.opt.External {
			return true
		}
		if s.addr.Addr().IsUnspecified() && (at.Addr().IsLoopback() || a.facing.host(at.Addr()) == at.Addr().String()) {
			return true
		}
	}
	return false
}

// names reports whether a URI's host is the switch: its domain or an address
// that it listens on.
func (a *Agent) names(uri *wire.Uri) bool {
	if strings.EqualFold(uri.Host, a.opt.Domain) {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	return err == nil && a.ours(netip.AddrPortFrom(ip.Unmap(), uint16(port)))
}

// contacts lists a user's bindings as a 200 shows them.
func (r *registrar) contacts(user string, now time.Time) []wire.Header {
	var headers []wire.Header
	for _, b := range r.table.of(user, now) {
		value := fmt.Sprintf("<%s>;expires=%s", b.ContactURI, seconds(b.Expires.Sub(now)))
		if b.Instance != "" {
			value += `;+sip.instance="` + b.Instance + `"`
		}
		headers = append(headers, header("Contact", value))
	}
	return headers
}

// param returns a header parameter whatever the case of its name.
func param(params wire.HeaderParams, name string) (string, bool) {
	for _, p := range params {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V), true
		}
	}
	return "", false
}

// expiresOf reads a number of seconds; nothing means otherwise.
func expiresOf(value string, otherwise time.Duration) (time.Duration, bool) {
	if value == "" {
		return otherwise, true
	}
	n, err := strconv.ParseUint(value, 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// seconds writes a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// targets returns the phones to call for a user: those that answer, or when
// there is none those that did not answer last time.
func (r *registrar) targets(user string) []call.Binding {
	var good, suspect []call.Binding
	for _, b := range r.table.of(user, time.Now()) {
		if r.exposed(user, b.Transport) {
			continue // registered before that was asked for
		}
		if b.Suspect {
			suspect = append(suspect, b)
			continue
		}
		good = append(good, b)
	}
	if len(good) == 0 {
		return suspect
	}
	return good
}

// knows reports whether a phone is registered from exactly there.
func (r *registrar) knows(from netip.AddrPort) bool { return r.table.at(from) }

// owns reports whether the user has a phone at that address.
func (r *registrar) owns(user string, from netip.Addr) bool {
	for _, b := range r.table.of(user, time.Now()) {
		if b.Source.Addr() == from {
			return true
		}
	}
	return false
}

// judge marks a phone that could not be reached.
func (r *registrar) judge(b call.Binding, why call.Cause) {
	if why.Kind == call.CauseUnreachable {
		r.table.suspect(b, true)
	}
}

// lost marks the phones that were reached over a connection that is over.
func (r *registrar) lost(from netip.AddrPort) { r.table.lost(from) }

// retain forgets the phones of users that are gone.
func (r *registrar) retain(users map[string]secret) { r.table.retain(users) }

// answered clears a phone's suspicion.
func (r *registrar) answered(b call.Binding) { r.table.suspect(b, false) }

// Registrations returns all bindings that hold now.
func (a *Agent) Registrations() []call.Binding { return a.registrar.table.all(time.Now()) }
