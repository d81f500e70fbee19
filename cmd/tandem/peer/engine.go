package peer

import (
	"fmt"
	"net/netip"
)

// Engine carries the audio of many calls at once, where sockets and goroutines of each call's own would cost too much.
// What it sends and measures is its own affair; the peer keeps to offer and answer.
type Engine interface {
	// Open binds a pair of ports on a loopback host for one call.
	Open(host netip.Addr) (Stream, error)
}

// Stream is one call's audio in an Engine.
type Stream interface {
	// LocalAddr is where RTP is received and sent from.
	LocalAddr() netip.AddrPort
	// Send lets packets of that static payload type (RFC 3551 6) go to an address from now on.
	Send(to netip.AddrPort, payload uint8)
	// Pause stops them.
	Pause()
	// Close frees the ports.
	Close()
}

// hire opens the call's audio in the engine.
func (m *Media) hire(host netip.Addr) error {
	s, err := m.options.Engine.Open(host)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	m.stream, m.shown = s, s.LocalAddr()
	return nil
}

// steer tells the engine where the call has come to. The lock must be held.
func (m *Media) steer() {
	switch {
	case m.stream == nil || m.closed:
	case m.started && m.granted:
		m.stream.Send(m.remote, m.payload)
	default:
		m.stream.Pause()
	}
}
