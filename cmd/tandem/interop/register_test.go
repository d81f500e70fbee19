//go:build linux

package interop_test

import (
	"testing"

	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/routing"
)

// TestRegister: SIPp as a phone, which knows MD5 only, over both transports.
func TestRegister(t *testing.T) {
	h := newHouse(newNetwork(t, "sipp"), settings{})
	for transport, mode := range map[string]string{"UDP": "u1", "TCP": "t1"} {
		t.Run(transport, func(t *testing.T) {
			in := h.within(t)
			phone := func(file, user, password string) scenario {
				return scenario{file: file, keys: map[string]string{"user": user}, flags: []string{
					"-t", mode, "-au", user, "-ap", password, "-auth_uri", "pbx.test", "-d", "1500"}}
			}
			in.sipp(phone("refused.xml", "ana", "wrong")).succeeds()
			in.sipp(phone("refused.xml", "nobody", "secret-ana")).succeeds()
			is(t, "registrations after refusals", daemontest.Read[struct{ Registrations int }](in.api, "/status").Registrations, 0)
			ana := in.sipp(phone("registers.xml", "ana", "secret-ana"))
			in.user("ana", func(u routing.UserState) bool { return u.Registered })
			ana.succeeds()
			in.user("ana", func(u routing.UserState) bool { return !u.Registered })
		})
	}
}

// within is the house for a subtest.
func (h *house) within(t *testing.T) *house {
	return &house{network: h.network.within(t), sip: h.sip, api: h.api, config: h.config}
}

// within is the network for a subtest.
func (n *network) within(t *testing.T) *network {
	inner := *n
	inner.t = t
	return &inner
}
