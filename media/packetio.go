package media

import (
	"net/netip"
	"time"
)

// PacketIO is a worker's way to the network. Bind and Wake may be called from
// any goroutine, the rest from the worker alone.
type PacketIO interface {
	// Bind opens a UDP socket. An address that is not valid stands for all of
	// this host's addresses, of both families where there are both.
	Bind(addr netip.Addr, port uint16) (Socket, error)
	// Watch makes Poll hand the socket's datagrams to take.
	Watch(s Socket, take Take) error
	// Poll waits for datagrams until the deadline or Wake, hands over those that
	// are there, a bounded number, and returns how many.
	Poll(deadline time.Time) (int, error)
	// Wake makes Poll return.
	Wake()
	// Close frees everything; sockets that are still open are closed.
	Close() error
}

// Socket is one bound UDP port.
type Socket interface {
	// Send never waits: what the kernel does not take is lost.
	Send(to netip.AddrPort, datagram []byte) error
	// Close frees the port. Nothing is handed over after it.
	Close() error
}

// Take receives a datagram, which is borrowed for the length of the call.
type Take func(from netip.AddrPort, datagram []byte)
