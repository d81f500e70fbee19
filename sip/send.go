package sip

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	timerT1     = 500 * time.Millisecond // RFC 3261 section 17.1.1.1
	timerT2     = 4 * time.Second
	timerAbsent = 64 * timerT1 // how long a peer may stay silent in a transaction
	dialLimit   = 3 * time.Second
	facingLimit = 1024
)

// hop is where requests of a dialog go.
type hop struct {
	transport string // udp, tcp or tls
	addr      netip.AddrPort
}

// streams reports whether a transport is a connection.
func streams(transport string) bool { return transport == "tcp" || transport == "tls" }

// origin is the local end that a peer sees.
type origin struct {
	host   string
	port   int
	listen netip.AddrPort // the socket's own address
}

// originFor chooses the listener and the address that face a peer.
func (a *Agent) originFor(to hop) origin {
	s := a.socketFor(to)
	o := origin{listen: s.addr, port: int(s.addr.Port())}
	facing := s.addr.Addr()
	if a.unlistened(to.transport) {
		if end, open := a.ownEnd(to); open {
			o.port, facing = int(end.Port()), end.Addr()
		}
	}
	switch {
	case a.opt.External != "":
		o.host = strings.Trim(a.opt.External, "[]")
	case facing.IsUnspecified():
		o.host = a.facing.host(to.addr.Addr())
	default:
		o.host = facing.String()
	}
	if strings.Contains(o.host, ":") {
		o.host = "[" + o.host + "]"
	}
	return o
}

// socketFor returns the listener of the peer's transport and address family,
// else one that comes close.
func (a *Agent) socketFor(to hop) *socket {
	var near *socket
	for _, s := range a.sockets {
		if s.network != to.transport {
			continue
		}
		if ip := s.addr.Addr(); ip.Is4() == to.addr.Addr().Is4() || ip == netip.IPv6Unspecified() {
			return s
		}
		near = s
	}
	if near == nil {
		near = a.sockets[0]
	}
	return near
}

// facing remembers which local address faces a peer, as the routing table has it.
type facing struct {
	mu    sync.Mutex
	known map[netip.Addr]string
}

// host returns the local address that a packet to the peer would carry.
func (f *facing) host(peer netip.Addr) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if host, ok := f.known[peer]; ok {
		return host
	}
	if len(f.known) >= facingLimit || f.known == nil {
		f.known = make(map[netip.Addr]string)
	}
	host := "127.0.0.1"
	// Connecting a UDP socket sends nothing; it only asks the routing table.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 5060)))
	if err == nil {
		host = addrOf(conn.LocalAddr()).Addr().String()
		_ = conn.Close() // nothing was sent
	}
	f.known[peer] = host
	return host
}

// contact is the Contact header that a peer sends its requests to.
func (a *Agent) contact(user string, to hop) *wire.ContactHeader {
	o := a.originFor(to)
	uri := wire.Uri{Scheme: "sip", User: userPart(user), Host: o.host, Port: o.port}
	if streams(to.transport) {
		uri.UriParams = wire.HeaderParams{{K: "transport", V: to.transport}}
	}
	return &wire.ContactHeader{Address: uri}
}

// address gives a request its Via and its way: over UDP from the socket that
// we listen on, over TCP on the connection to that peer or a new one. A local
// address must never be set for TCP: sipgo would then take whichever
// connection came in last.
func (a *Agent) address(req *wire.Request, to hop) {
	o := a.originFor(to)
	via := &wire.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0",
		Transport: strings.ToUpper(to.transport), Host: o.host, Port: o.port}
	via.Params.Add("branch", wire.GenerateBranchN(16))
	via.Params.Add("rport", "")
	if a.unlistened(to.transport) {
		via.Params.Add("alias", "") // requests may come back on this connection (RFC 5923 section 5)
	}
	req.PrependHeader(via)
	if c := req.Contact(); c != nil && req.Recipient.IsEncrypted() {
		c.Address.Scheme = "sips" // RFC 3261 section 8.1.1.8
	}
	a.route(req, to, o)
}

// route sets where a request goes.
func (a *Agent) route(req *wire.Request, to hop, o origin) {
	req.SetTransport(strings.ToUpper(to.transport))
	req.SetDestination(to.addr.String())
	a.asked.note(to.addr.Addr())
	if to.transport == "udp" {
		req.Laddr = wire.Addr{IP: o.listen.Addr().AsSlice(), Port: int(o.listen.Port())}
	}
	if req.Body() == nil {
		req.SetBody(nil)
	}
}

// begin starts a client transaction. Its responses have to be read until it is
// done: the library holds its lock while it hands them over.
func (a *Agent) begin(req *wire.Request) (*wire.ClientTx, error) {
	ctx, cancel := context.WithTimeout(a.life, dialLimit)
	defer cancel()
	return a.transact(ctx, req)
}

// transact is begin with the caller's patience for a connection. It waits until
// the sockets are served.
func (a *Agent) transact(ctx context.Context, req *wire.Request) (*wire.ClientTx, error) {
	if err := a.ready(ctx, nil); err != nil {
		return nil, err
	}
	if err := a.secure(ctx, req); err != nil {
		return nil, err
	}
	a.renameEnd(req)
	return a.txl.Request(ctx, req)
}

// write sends an ACK for a 2xx: the one request without a transaction.
func (a *Agent) write(req *wire.Request) {
	ctx, cancel := context.WithTimeout(a.life, dialLimit)
	defer cancel()
	err := a.secure(ctx, req)
	if err == nil {
		err = a.put(ctx, req)
	}
	if err != nil {
		a.log.Debug("ack not sent", slog.Any("err", err)) // the peer resends its 2xx, and we this
	}
}

// put writes a request to its connection.
func (a *Agent) put(ctx context.Context, req *wire.Request) error {
	conn, err := a.tpl.ClientRequestConnection(ctx, req)
	if err != nil {
		return err
	}
	err = conn.WriteMsg(req)
	_, _ = conn.TryClose() // gives our reference back
	return err
}

// nextHop chooses where a request within a dialog goes. A phone is reached
// where its packets come from, whatever its Contact says, because it sits
// behind NAT more often than not. A trunk is reached where its route set or
// Contact says, as long as that is one of the trunk's own addresses; over TCP and TLS
// its connection is used while it lasts.
func (a *Agent) nextHop(d *dialog, trunk string) hop {
	if trunk == "" || streams(d.hop.transport) && a.connected(d.hop) {
		return d.hop
	}
	uri := d.target
	if len(d.routes) > 0 {
		uri = d.routes[0]
	}
	ip, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil {
		return d.hop
	}
	if t := a.trunkAt(ip); t == nil || t.Name != trunk {
		if to, known := a.trunks.address(trunk); known && secured(d.hop.transport) && secured(to.transport) {
			return to // the connection that it came on is over
		}
		return d.hop
	}
	port := uri.Port
	if port <= 0 || port > 65535 {
		port = int(defaultPort(d.hop.transport))
	}
	return hop{transport: d.hop.transport, addr: netip.AddrPortFrom(ip, uint16(port))}
}

// connected reports whether a connection to that address is open.
func (a *Agent) connected(to hop) bool {
	conn, err := a.tpl.GetConnection(to.transport, to.addr.String())
	if err != nil {
		return false
	}
	_, _ = conn.TryClose() // gives our reference back
	return true
}

// ask sends a request other than INVITE and hands its final response to got;
// nil when none came. It returns at once.
func (a *Agent) ask(req *wire.Request, got func(*wire.Response)) {
	a.farewells.add()
	started := a.tasks.start(func() {
		defer a.farewells.done()
		tx, err := a.begin(req)
		if err != nil {
			got(nil)
			return
		}
		got(final(a.life, tx))
	})
	if !started {
		a.farewells.done()
	}
}

// final waits for the final response of a transaction; nil when none came.
func final(ctx context.Context, tx *wire.ClientTx) *wire.Response {
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res
			}
		case <-tx.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
