package sip

import (
	"strings"

	"tandem/call"
)

// secured reports whether a transport keeps what it carries from those on the way.
func secured(transport string) bool { return strings.EqualFold(transport, "tls") }

// Reach implements call.Signalling: for a leg that the peer began, how it came;
// else the host that an INVITE to the target would be sent to first, or nothing.
// An offer goes to all phones of a user, so it is secure when all of them are.
func (a *Agent) Reach(id call.LegID, to call.Target) (host string, secure bool) {
	if l := a.legs.get(id); l != nil && l.from.addr.IsValid() {
		return l.from.addr.Addr().String(), secured(l.from.transport)
	}
	if to.User == "" {
		next, ok := a.trunks.address(to.Trunk)
		if !ok {
			return "", false
		}
		return next.addr.Addr().String(), secured(next.transport)
	}
	phones := a.registrar.targets(to.User)
	secure = true
	for _, b := range phones {
		secure = secure && secured(b.Transport)
	}
	if len(phones) == 0 {
		return "", a.directory.Load().secure[to.User] // what is offered goes nowhere
	}
	return phones[0].Source.Addr().String(), secure
}
