package rest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// errPrivate is the refusal of an address that is not the Internet's.
var errPrivate = errors.New("private or local address")

// refusePrivate is asked with the address that is about to be dialed, after the
// name was looked up: whoever answers the look-up cannot lead us into the
// network that we stand in.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(target.Addr()) {
		return fmt.Errorf("%s: %w", address, errPrivate)
	}
	return nil
}

// isPublic reports whether an address is one of the Internet's (RFC 6890).
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if inner, ok := translated(a); ok {
		a = inner
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, special := range specialBlocks() {
		if special.Contains(a) {
			return false
		}
	}
	return true
}

// translated returns the IPv4 address that a NAT64 gateway reaches for a
// (RFC 6052 2.1).
func translated(a netip.Addr) (netip.Addr, bool) {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(a) {
		return a, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// specialBlocks are global unicast to netip and yet nobody's on the Internet,
// or a tunnel's.
func specialBlocks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),       // this network (RFC 791)
		netip.MustParsePrefix("100.64.0.0/10"),   // carriers' shared space (RFC 6598)
		netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments (RFC 6890)
		netip.MustParsePrefix("192.0.2.0/24"),    // documentation (RFC 5737)
		netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks (RFC 2544)
		netip.MustParsePrefix("198.51.100.0/24"), // documentation
		netip.MustParsePrefix("203.0.113.0/24"),  // documentation
		netip.MustParsePrefix("240.0.0.0/4"),     // reserved (RFC 1112)
		netip.MustParsePrefix("::/96"),           // IPv4-compatible, given up (RFC 4291 2.5.5.1)
		netip.MustParsePrefix("64:ff9b:1::/48"),  // local NAT64 (RFC 8215)
		netip.MustParsePrefix("100::/64"),        // discarded (RFC 6666)
		netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo (RFC 2928)
		netip.MustParsePrefix("2001:db8::/32"),   // documentation (RFC 3849)
		netip.MustParsePrefix("2002::/16"),       // 6to4 (RFC 3056)
	}
}
