package sip

import (
	"net/netip"
	"sync"
	"time"
)

const (
	maxAsked  = 8192
	askedSpan = 5 * time.Minute // longer than any transaction of ours
)

// asked remembers whom we sent requests to: their responses are welcome.
type asked struct {
	mu    sync.Mutex
	began time.Time
	hosts recent[time.Duration]
}

func newAsked() *asked { return &asked{began: time.Now(), hosts: newRecent[time.Duration](maxAsked)} }

func (t *asked) note(host netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts.put(host, time.Since(t.began)+askedSpan)
}

func (t *asked) knows(host netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.began) < t.hosts.get(host)
}

// familiar reports whether somebody at that address has something to do with
// us: a registered phone, the other side of a dialog, or a peer that we sent a
// request to.
func (a *Agent) familiar(host netip.Addr) bool {
	return a.registrar.table.near(host) || a.legs.near(host) || a.asked.knows(host)
}

// meet notes that a leg's peer is at an address, until the leg is dropped.
func (t *legs) meet(l *leg, host netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[l.listed] != l {
		return
	}
	t.hosts[host]++
	l.hosts = append(l.hosts, host)
}

// part undoes meet. The caller holds the lock.
func (t *legs) part(l *leg) {
	for _, host := range l.hosts {
		if t.hosts[host]--; t.hosts[host] <= 0 {
			delete(t.hosts, host)
		}
	}
	l.hosts = nil
}

// near reports whether a live leg's peer is at an address.
func (t *legs) near(host netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hosts[host] > 0
}
