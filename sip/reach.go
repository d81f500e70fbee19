package sip

import "tandem/call"

// Reach implements call.Signalling: the host that an INVITE to the target would
// be sent to first, or nothing.
func (a *Agent) Reach(to call.Target) string {
	if to.User == "" {
		if next, ok := a.trunks.address(to.Trunk); ok {
			return next.addr.Addr().String()
		}
		return ""
	}
	if phones := a.registrar.targets(to.User); len(phones) > 0 {
		return phones[0].Source.Addr().String()
	}
	return ""
}
