package sip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	maxMessage      = 8 << 10  // bytes of a message from anybody
	maxTrunkMessage = 16 << 10 // bytes of a message from a trunk
	acceptPause     = 50 * time.Millisecond
	writeLimit      = 2 * time.Second // a peer that reads nothing holds nobody up for longer
)

// guard stands between the network and sipgo: what is dropped here was never
// parsed.
type guard struct {
	trusted func(netip.Addr) bool     // whether the address is a trunk's
	known   func(netip.AddrPort) bool // whether a phone is registered from there
	reject  func(reason string)
	closed  func(netip.AddrPort) // a TCP connection of that peer is over
}

// admit reports whether a datagram may reach the parser.
func (g *guard) admit(data []byte, from netip.Addr) bool {
	if reason := g.fault(data, from); reason != "" {
		g.reject(reason)
		return false
	}
	return true
}

// fault names what is wrong with a datagram, or nothing.
func (g *guard) fault(data []byte, from netip.Addr) string {
	switch {
	case len(bytes.Trim(data, "\r\n\x00")) == 0:
		return "" // keepalive
	case len(data) > maxTrunkMessage, len(data) > maxMessage && !g.trusted(from):
		return "size"
	case !looksLikeSIP(data):
		return "garbage"
	}
	return ""
}

// looksLikeSIP reports whether the first line can be that of a SIP message and
// the header section holds nothing that could start or end a line when it is
// sent on: CR and LF apart from each other, or NUL, save one that is escaped
// (RFC 3261 section 25.1).
func looksLikeSIP(data []byte) bool {
	line, _, found := bytes.Cut(data, []byte("\r\n"))
	if !found || len(line) < 12 {
		return false
	}
	if !bytes.HasPrefix(line, []byte("SIP/")) && !bytes.Contains(line, []byte(" SIP/")) {
		return false
	}
	head, _, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found || bytes.Count(head, []byte{0}) != bytes.Count(head, []byte{'\\', 0}) {
		return false
	}
	pairs := bytes.Count(head, []byte("\r\n"))
	return bytes.Count(head, []byte("\r")) == pairs && bytes.Count(head, []byte("\n")) == pairs
}

// guardedPacket is a UDP socket whose reads never end the listener: sipgo
// stops for good on any read error.
type guardedPacket struct {
	net.PacketConn
	guard *guard
	ready func() // called before every read: the library knows the socket now
}

// ReadFrom returns the next datagram that the guard admits.
func (c *guardedPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	c.ready()
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return n, from, err
		}
		if err != nil || from == nil {
			// A refused earlier send comes back here (ICMP); it says nothing
			// about the socket.
			time.Sleep(time.Millisecond)
			continue
		}
		peer := addrOf(from)
		if c.guard.admit(b[:n], peer.Addr()) && !c.refuse(b[:n], from, peer) {
			return n, from, nil
		}
	}
}

// refuse answers a datagram whose request line or length is wrong; whoever we do not know gets
// no answer. It reports whether the datagram was one.
func (c *guardedPacket) refuse(data []byte, from net.Addr, peer netip.AddrPort) bool {
	if len(bytes.Trim(data, "\r\n\x00")) == 0 {
		return false
	}
	status := faultOf(data)
	if status == 0 {
		return false
	}
	c.guard.reject("framing")
	if c.guard.trusted(peer.Addr()) || c.guard.known(peer) {
		if answer := statelessRefusal(data, status); answer != nil {
			_, _ = c.WriteTo(answer, from) // the sender asks again
		}
	}
	return true
}

// guardedListener is a TCP listener that outlives a lack of descriptors.
type guardedListener struct {
	net.Listener
	guard *guard
	ready func()
}

// Accept returns the next connection; errors that pass are waited out.
func (l *guardedListener) Accept() (net.Conn, error) {
	l.ready()
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			return &guardedConn{Conn: conn, guard: l.guard, from: addrOf(conn.RemoteAddr())}, nil
		}
		if !passing(err) {
			return nil, err
		}
		l.guard.reject("accept")
		time.Sleep(acceptPause)
	}
}

// passing reports whether an accept error goes away by itself.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EINTR)
}

// guardedConn bounds what one TCP connection may send before a whole message
// is there, and how long a write may take.
type guardedConn struct {
	net.Conn
	guard  *guard
	from   netip.AddrPort
	frames framer
	over   sync.Once
}

// errFraming ends a connection that does not speak SIP.
var errFraming = errors.New("sip: not a SIP stream")

// Read passes bytes on as long as they frame as SIP messages of allowed size.
func (c *guardedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 {
		return n, err
	}
	limit := maxMessage
	if c.guard.trusted(c.from.Addr()) {
		limit = maxTrunkMessage
	}
	if !c.frames.feed(b[:n], limit) {
		c.guard.reject("framing")
		return 0, errFraming
	}
	return n, err
}

// Close ends the connection and says so.
func (c *guardedConn) Close() error {
	c.over.Do(func() { c.guard.closed(c.from) })
	return c.Conn.Close()
}

// Write sends within writeLimit.
func (c *guardedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// addrOf returns the address of a socket's end, IPv4 in its short form.
func addrOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	case nil:
		return ap
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
