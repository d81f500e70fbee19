package sip

import (
	"net/netip"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// probeEvery is the time between two OPTIONS to a phone under suspicion.
const probeEvery = 10 * time.Second

// suspect marks or clears the binding that was called; one that registered
// anew meanwhile is left alone.
func (t *bindings) suspect(b call.Binding, doubt bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.byUser[b.User] {
		if key(e.Binding) == key(b) && e.Registered.Equal(b.Registered) {
			t.doubt(e, doubt)
		}
	}
}

// lost doubts what was registered over a TCP connection that closed: only the
// phone can open a new one.
func (t *bindings) lost(from netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sources[from] == 0 {
		return
	}
	for _, entries := range t.byUser {
		for _, e := range entries {
			if e.Source == from && streams(e.Transport) {
				t.doubt(e, true)
			}
		}
	}
}

// doubt changes an entry's suspicion.
func (t *bindings) doubt(e *entry, doubt bool) {
	if e.Suspect == doubt || !t.running {
		return
	}
	e.Suspect = doubt
	if doubt {
		t.probeSoon(e)
	} else if e.probe != nil {
		e.probe.Stop()
	}
	t.settle(e.User)
	t.a.scribe.bindings.save(e.Binding, false, func() {})
}

// probeSoon asks a suspect phone again after a while.
func (t *bindings) probeSoon(e *entry) {
	e.probe = time.AfterFunc(probeEvery, func() {
		t.mu.Lock()
		b, wanted := e.Binding, t.holds(e) && e.Suspect
		t.mu.Unlock()
		if !wanted {
			return
		}
		t.a.probe(b, func(answered bool) {
			t.mu.Lock()
			defer t.mu.Unlock()
			switch {
			case !t.holds(e) || !e.Suspect:
			case answered:
				t.doubt(e, false)
			default:
				t.probeSoon(e)
			}
		})
	})
}

// probe sends OPTIONS to a phone; any answer will do.
func (a *Agent) probe(b call.Binding, got func(answered bool)) {
	var contact wire.Uri
	if err := wire.ParseUri(b.ContactURI, &contact); err != nil {
		got(false)
		return
	}
	to := a.phoneHop(b)
	req := a.start(wire.OPTIONS, contact, "<sip:"+a.opt.Domain+">", "<sip:"+userPart(b.User)+"@"+a.opt.Domain+">")
	req.AppendHeader(a.contact("", to))
	a.address(req, to)
	a.ask(req, func(res *wire.Response) { got(res != nil && res.StatusCode != 408 && res.StatusCode != 503) })
}

// phoneHop is the way to a phone: where its REGISTER came from. When its TCP
// connection is over, as it is after a restart, the port that its Contact names
// is tried, as long as that is on the same host.
func (a *Agent) phoneHop(b call.Binding) hop {
	to := hop{b.Transport, b.Source}
	if b.Transport != "tcp" || a.connected(to) {
		return to
	}
	var contact wire.Uri
	if err := wire.ParseUri(b.ContactURI, &contact); err != nil {
		return to
	}
	ip, err := netip.ParseAddr(strings.Trim(contact.Host, "[]"))
	if err != nil || ip.Unmap() != b.Source.Addr() || contact.Port <= 0 || contact.Port > 65535 {
		return to
	}
	return hop{b.Transport, netip.AddrPortFrom(ip.Unmap(), uint16(contact.Port))}
}
