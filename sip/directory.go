package sip

import (
	"fmt"
	"net/netip"
	"slices"
)

// directory is what Reconfigure made of a Directory. It is never changed, only
// replaced.
type directory struct {
	users  map[string]secret
	secure map[string]bool // users whose phones have to use TLS
	trunks []*Trunk
}

// Reconfigure takes a new directory as a whole: users and trunks that are gone
// may begin nothing new, live calls go on.
func (a *Agent) Reconfigure(d Directory) error {
	next := &directory{users: make(map[string]secret, len(d.Users)), secure: make(map[string]bool)}
	for _, u := range d.Users {
		if _, twice := next.users[u.Name]; twice || u.Name == "" {
			return fmt.Errorf("sip: user %q: name is empty or used twice", u.Name)
		}
		next.users[u.Name] = newSecret(u.Name, a.opt.Domain, u.Password)
		next.secure[u.Name] = u.Secure
	}
	for _, t := range d.Trunks {
		if err := t.check(); err != nil {
			return err
		}
		if slices.ContainsFunc(next.trunks, func(o *Trunk) bool { return o.Name == t.Name }) {
			return fmt.Errorf("sip: trunk %q: name is used twice", t.Name)
		}
		next.trunks = append(next.trunks, &t)
	}
	a.directory.Store(next)
	a.trunks.configure(next.trunks)
	a.registrar.retain(next.users)
	return nil
}

// check refuses a trunk that cannot work.
func (t *Trunk) check() error {
	if t.Name == "" {
		return fmt.Errorf("sip: trunk with address %q has no name", t.Address)
	}
	if t.Transport == "" {
		t.Transport = "udp"
	}
	if t.Transport != "udp" && t.Transport != "tcp" && t.Transport != "tls" {
		return fmt.Errorf("sip: trunk %s: transport %q is not supported", t.Name, t.Transport)
	}
	if _, _, err := splitAddress(t.Address); err != nil {
		return fmt.Errorf("sip: trunk %s: address %q: %w", t.Name, t.Address, err)
	}
	return nil
}

// secret returns what a user's password became.
func (d *directory) secret(user string) (secret, bool) {
	s, ok := d.users[user]
	return s, ok
}

// trunkNamed returns a trunk by its name, or nil.
func (a *Agent) trunkNamed(name string) *Trunk {
	if name == "" {
		return nil
	}
	for _, t := range a.directory.Load().trunks {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// trunkAt returns the trunk whose sources include an address, or nil. That, or a
// certificate, is how an INVITE becomes a trunk's (see trunkOf): no header can.
func (a *Agent) trunkAt(from netip.Addr) *Trunk {
	if !from.IsValid() {
		return nil
	}
	for _, t := range a.directory.Load().trunks {
		if t.Allow == nil {
			if a.trunks.resolvesTo(t.Name, from) {
				return t
			}
			continue
		}
		if slices.ContainsFunc(t.Allow, func(p netip.Prefix) bool { return p.Contains(from) }) {
			return t
		}
	}
	return nil
}

func (a *Agent) isTrunk(from netip.Addr) bool { return a.trunkAt(from) != nil }
