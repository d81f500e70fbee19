package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	resolveEvery  = time.Minute
	resolveRetry  = 5 * time.Second
	resolveLimit  = 5 * time.Second
	keepaliveWait = 5 * time.Second
	missesAllowed = 3 // the third unanswered OPTIONS takes a trunk down
)

// trunks minds the links to the carriers: where they are and whether they
// answer. Nothing on the call path waits for it.
type trunks struct {
	a *Agent

	mu      sync.RWMutex
	running bool
	links   map[string]*link
}

// link is what is known of one trunk.
type link struct {
	a     *Agent
	trunk Trunk
	stop  context.CancelFunc

	mu         sync.Mutex
	addrs      []netip.AddrPort // last good answer of DNS
	misses     int
	registered bool
	told       bool // whether the watcher was told anything
	up         bool
	paused     time.Duration // until when no call goes out, as the guard counts time
	left       bucket        // how many more calls may go out now

	dialing chan struct{} // full while a TLS connection is being opened
}

func newTrunks(a *Agent) *trunks { return &trunks{a: a, links: map[string]*link{}} }

// configure keeps the links of unchanged trunks and replaces the others.
func (t *trunks) configure(list []*Trunk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.links
	t.links = make(map[string]*link, len(list))
	for _, tr := range list {
		if l, same := old[tr.Name]; same && sameTrunk(l.trunk, *tr) {
			t.links[tr.Name] = l
			delete(old, tr.Name)
			continue
		}
		l := &link{a: t.a, trunk: *tr, dialing: make(chan struct{}, 1)}
		if at, ok := literal(tr.Address, tr.Transport); ok {
			l.addrs = []netip.AddrPort{at}
		}
		t.links[tr.Name] = l
		if t.running {
			l.start()
		}
	}
	for name, l := range old {
		if l.stop != nil {
			l.stop()
		}
		if t.links[name] == nil {
			t.a.meter.trunkUp.DeleteLabelValues(name)
		}
	}
}

// sameTrunk compares what a link depends on; functions do not compare.
func sameTrunk(x, y Trunk) bool {
	x.Format, y.Format = nil, nil
	return reflect.DeepEqual(x, y)
}

func (t *trunks) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
	for _, l := range t.links {
		l.start()
	}
}

func (t *trunks) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	for _, l := range t.links {
		if l.stop != nil {
			l.stop()
		}
	}
}

func (t *trunks) link(name string) *link {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.links[name]
}

// address returns where to send a trunk's calls, if that is known.
func (t *trunks) address(name string) (hop, bool) {
	l := t.link(name)
	if l == nil {
		return hop{}, false
	}
	return l.address()
}

// rotate tries another address of the trunk next time.
func (t *trunks) rotate(name string, from netip.AddrPort) {
	if l := t.link(name); l != nil {
		l.rotate(from)
	}
}

// resolvesTo reports whether a trunk's name stands for that address.
func (t *trunks) resolvesTo(name string, from netip.Addr) bool {
	l := t.link(name)
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.addrs, func(at netip.AddrPort) bool { return at.Addr() == from })
}

// TrunkUp reports whether a trunk takes calls now.
func (a *Agent) TrunkUp(name string) bool {
	l := a.trunks.link(name)
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

func (l *link) address() (hop, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.addrs) == 0 {
		return hop{}, false
	}
	return hop{l.trunk.Transport, l.addrs[0]}, true
}

// rotate puts an address that did not answer behind the others.
func (l *link) rotate(from netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.addrs) > 1 && l.addrs[0] == from {
		l.addrs = append(slices.Clone(l.addrs[1:]), from)
	}
}

// start begins to mind the link.
func (l *link) start() {
	ctx, stop := context.WithCancel(l.a.life)
	l.stop = stop
	l.a.tasks.start(func() { l.resolve(ctx) })
	if l.trunk.Keepalive > 0 {
		l.a.tasks.start(func() { l.keepalive(ctx) })
	}
	if l.trunk.Register != nil {
		l.a.tasks.start(func() { l.enrol(ctx) })
	}
	if _, known := l.address(); known {
		l.note("starting", func() {})
	}
}

// note changes the link's state and tells whoever watches.
func (l *link) note(why string, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	up := len(l.addrs) > 0 && l.misses < missesAllowed && (l.trunk.Register == nil || l.registered)
	if l.told && up == l.up {
		return
	}
	l.told, l.up = true, up
	value := 0.0
	if up {
		value = 1
	}
	l.a.meter.trunkUp.WithLabelValues(l.trunk.Name).Set(value)
	l.a.log.Info("trunk", slog.String("trunk", l.trunk.Name), slog.Bool("up", up), slog.String("why", why))
	if l.a.opt.Trunks != nil {
		l.a.opt.Trunks.TrunkState(l.trunk.Name, up, why)
	}
}

// resolve refreshes the trunk's addresses; an answer that fails changes nothing.
func (l *link) resolve(ctx context.Context) {
	if _, fixed := literal(l.trunk.Address, l.trunk.Transport); fixed {
		return
	}
	for {
		pause := resolveEvery
		one, cancel := context.WithTimeout(ctx, resolveLimit)
		found, err := resolve(one, l.a.opt.Resolver, l.trunk.Address, l.trunk.Transport)
		cancel()
		if err != nil {
			pause = resolveRetry
			l.note("no address: "+err.Error(), func() {})
		} else {
			l.note("resolved", func() { l.addrs = found })
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// keepalive sends OPTIONS; any answer shows that the trunk is there.
func (l *link) keepalive(ctx context.Context) {
	for {
		if to, known := l.address(); known {
			answered := l.ping(ctx, to)
			if ctx.Err() != nil {
				return
			}
			l.heard(to, answered)
		}
		if !sleep(ctx, l.trunk.Keepalive) {
			return
		}
	}
}

// heard counts an OPTIONS that was or was not answered.
func (l *link) heard(to hop, answered bool) {
	if answered {
		l.note("answers", func() { l.misses = 0 })
		return
	}
	l.rotate(to.addr)
	l.note("no answer to OPTIONS", func() { l.misses++ })
}

// ping sends one OPTIONS and reports whether there was an answer.
func (l *link) ping(ctx context.Context, to hop) bool {
	host, _, _ := splitAddress(l.trunk.Address)
	uri := wire.Uri{Scheme: "sip", Host: bracket(host), Port: int(to.addr.Port())}
	req := l.a.start(wire.OPTIONS, uri, "<sip:"+l.a.opt.Domain+">", "<"+uri.String()+">")
	req.AppendHeader(l.a.contact("", to))
	req.AppendHeader(header("Accept", acceptValue))
	return l.a.exchange(ctx, req, to, min(keepaliveWait, l.trunk.Keepalive)) != nil
}

// exchange sends a request and waits for its final response, nil when none
// came in time.
func (a *Agent) exchange(ctx context.Context, req *wire.Request, to hop, limit time.Duration) *wire.Response {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a.address(req, to)
	tx, err := a.transact(ctx, req)
	if err != nil {
		return nil
	}
	return final(ctx, tx)
}

// sleep waits; false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
