package daemon

import (
	"net"
	"net/netip"

	"tandem/config"
)

// localAddr returns what says which of this host's addresses a signalling peer
// is shown in SDP: the only one that SIP listens on, or the one that faces the
// peer.
func localAddr(cfg *config.Config) func(source string) netip.Addr {
	hosts := make(map[netip.Addr]bool)
	for _, l := range cfg.SIP.Listen {
		if addr, err := netip.ParseAddr(l.Host); err == nil {
			hosts[addr.Unmap()] = true
		}
	}
	for only := range hosts {
		if len(hosts) == 1 && !only.IsUnspecified() {
			return func(string) netip.Addr { return only }
		}
	}
	return facing
}

// facing asks the routing table which address of ours a peer sees: connecting
// a UDP socket sends nothing.
func facing(source string) netip.Addr {
	peer, err := netip.ParseAddr(source)
	if err != nil {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // documentation address: the default route
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
