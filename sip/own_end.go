package sip

import (
	"net/netip"
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// unlistened reports whether nobody can connect to us over the transport of a
// peer: what we send there has to name our end of the connection that we opened
// (RFC 5923).
func (a *Agent) unlistened(transport string) bool {
	if !secured(transport) {
		return false
	}
	for _, s := range a.sockets {
		if s.network == transport {
			return false
		}
	}
	return true
}

// ownEnd returns our end of the connection to a peer, if there is one.
func (a *Agent) ownEnd(to hop) (netip.AddrPort, bool) {
	conn, err := a.tpl.GetConnection(to.transport, to.addr.String())
	if err != nil {
		return netip.AddrPort{}, false
	}
	defer func() { _, _ = conn.TryClose() }() // gives our reference back
	at := addrOf(conn.LocalAddr())
	return at, at.IsValid()
}

// renameEnd writes our end of the connection that a request goes over into it: the
// connection may be newer than the request. A CANCEL keeps its INVITE's.
func (a *Agent) renameEnd(req *wire.Request) {
	transport := strings.ToLower(req.Transport())
	if !a.unlistened(transport) || req.IsCancel() || req.Via() == nil {
		return
	}
	o := a.originFor(hop{transport, parseSource(req.Destination())})
	req.Via().Host, req.Via().Port = o.host, o.port
	if c := req.Contact(); c != nil {
		c.Address.Host, c.Address.Port = o.host, o.port
	}
}
