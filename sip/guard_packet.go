package sip

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"time"
)

// guardedPacket is a UDP socket whose reads never end the listener: sipgo
// stops for good on any read error.
type guardedPacket struct {
	net.PacketConn
	guard *guard
	ready func() // called before every read: the library knows the socket now
}

// ReadFrom returns the next datagram that the guard lets pass.
func (c *guardedPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	c.ready()
	// The library gives every message a goroutine of its own, and the newest one
	// runs first: a 503 right behind a 180 would be served before it, which is
	// lost then. Stand back, so that messages are served as they came.
	runtime.Gosched()
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
		if c.passes(b[:n], from) {
			return n, from, nil
		}
	}
}

// passes judges a datagram, and answers it when that is all it needs.
func (c *guardedPacket) passes(data []byte, from net.Addr) bool {
	if blank(data) {
		return false // the library does nothing with it but remember the address
	}
	now, peer := c.guard.now(), addrOf(from)
	v := c.guard.judge(data, peer, now)
	if v.status != 0 {
		if out := c.guard.answer(data, peer, v); out != nil {
			_, _ = c.WriteTo(out, from) // the sender asks again
		}
	}
	c.guard.refused(v.why, data, peer, now)
	return v.pass
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
