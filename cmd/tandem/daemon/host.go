package daemon

import (
	"net/netip"

	"tandem/config"
)

// onlyHost returns the one address that SIP listens on: RTP is bound and shown
// there too. It is not valid when SIP listens on several or on all; then each
// peer is shown the address that faces it.
func onlyHost(cfg *config.Config) netip.Addr {
	var only netip.Addr
	for _, l := range cfg.SIP.Listen {
		addr, err := netip.ParseAddr(l.Host)
		if err != nil || addr.IsUnspecified() || only.IsValid() && addr.Unmap() != only {
			return netip.Addr{}
		}
		only = addr.Unmap()
	}
	return only
}
