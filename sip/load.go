package sip

import (
	"math"
	"net/netip"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	maxTransactions       = 20_000 // a transaction over UDP stays for 32 s
	maxSourceTransactions = 4_000
	maxLegs               = 20_000
	maxRegistrations      = 50_000
	unlimited             = math.MaxInt
)

// admit takes a place for a request's transaction; beyond our means what would
// begin something new is refused, and a request within a dialog is served all
// the same.
func (a *Agent) admit(req *wire.Request, tx *wire.ServerTx) bool {
	from := sourceOf(req).Addr()
	each, all := maxSourceTransactions, maxTransactions
	if a.trunkFrom(req) != nil {
		each = unlimited
	}
	if req.IsCancel() || req.To() != nil && !outside(req) {
		each, all = unlimited, unlimited
	}
	if !a.open.enter(from, each, all) {
		a.full(req, tx)
		return false
	}
	if !tx.OnTerminate(func(string, error) { a.open.leave(from) }) {
		a.open.leave(from)
	}
	return true
}

// full refuses a request without keeping its transaction: one that comes again
// is refused again.
func (a *Agent) full(req *wire.Request, tx *wire.ServerTx) {
	a.meter.reject(reasonFull)
	a.respond(req, tx, 503, header("Retry-After", retryAfter))
	tx.Terminate()
}

// room returns why no other call may begin, or nil.
func (a *Agent) room() error {
	if a.legs.full() {
		return errLegs
	}
	a.calls.mu.Lock()
	defer a.calls.mu.Unlock()
	if !a.calls.left.take(a.guard.now(), time.Second/time.Duration(a.opt.CallsPerSecond), a.opt.CallsPerSecond) {
		return errRush
	}
	return nil
}

// calls is how many more calls may begin now.
type calls struct {
	mu   sync.Mutex
	left bucket
}

// places counts what is open, in all and per source.
type places struct {
	mu    sync.Mutex
	all   int
	hosts map[netip.Addr]int
}

func newPlaces() *places { return &places{hosts: map[netip.Addr]int{}} }

// enter takes a place, if the source has fewer than each and there are fewer
// than all.
func (d *places) enter(from netip.Addr, each, all int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := source(from)
	if d.all >= all || d.hosts[key] >= each {
		return false
	}
	d.all++
	d.hosts[key]++
	return true
}

// leave gives a place back.
func (d *places) leave(from netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := source(from)
	d.all--
	if d.hosts[key]--; d.hosts[key] <= 0 {
		delete(d.hosts, key)
	}
}

// count returns how many places are taken.
func (d *places) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}
