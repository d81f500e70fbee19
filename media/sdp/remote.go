package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// ErrRemote says that media must not be sent where a peer wants it.
var ErrRemote = errors.New("refused media address")

// Policy says where a peer may have its media sent.
type Policy struct {
	Source   netip.Addr   // where the peer's signalling came from
	Own      []netip.Addr // our own addresses
	FirstOwn uint16       // our own media ports, first
	LastOwn  uint16       // and last
	// SameHost refuses a public address other than Source's, for peers whose media
	// has no business elsewhere; carriers do send it through other hosts. Private
	// addresses stay allowed: behind a NAT they are what a phone knows of itself.
	SameHost bool
}

// CheckRemote refuses media addresses that would turn the switch against itself
// or others: multicast, broadcast, loopback and our own addresses for a peer that
// is not on this machine, and our own media ports for everybody. The unspecified address is hold and passes;
// nothing is sent there. The error wraps ErrRemote.
func CheckRemote(remote netip.AddrPort, p Policy) error {
	addr, source := remote.Addr().Unmap(), p.Source.Unmap()
	switch {
	case !addr.IsValid():
		return fmt.Errorf("%w: none", ErrRemote)
	case addr.IsUnspecified():
		return nil
	case remote.Port() == 0:
		return fmt.Errorf("%w: %s: port 0", ErrRemote, remote)
	case addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%w: %s is not one host", ErrRemote, addr)
	case addr.IsLinkLocalUnicast() && !source.IsLinkLocalUnicast():
		return fmt.Errorf("%w: %s is of one link, the peer %s is not on it", ErrRemote, addr, source)
	case p.loops(remote):
		return fmt.Errorf("%w: %s is this machine's, for the peer %s", ErrRemote, remote, source)
	case p.SameHost && addr != source && !addr.IsPrivate() && !addr.IsLoopback():
		return fmt.Errorf("%w: %s is neither private nor the peer's %s", ErrRemote, addr, source)
	}
	return nil
}

// loops tells whether media sent there would come back to this machine: to one of
// our media ports, or to any port when the peer itself is elsewhere.
func (p Policy) loops(remote netip.AddrPort) bool {
	if !p.own(remote.Addr()) {
		return false
	}
	return remote.Port() >= p.FirstOwn && remote.Port() <= p.LastOwn || !p.own(p.Source)
}

// own tells whether an address is this machine's.
func (p Policy) own(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || slices.ContainsFunc(p.Own, func(own netip.Addr) bool { return own.Unmap() == addr })
}
