package sip

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/call"
)

// bindings is the location table. Presence is told under its lock, so that
// what it hears is in order.
type bindings struct {
	a *Agent

	mu      sync.Mutex
	running bool
	byUser  map[string][]*entry
	sources map[netip.AddrPort]int
	hosts   map[netip.Addr]int
	up      map[string]bool // users that Presence knows as reachable
	count   int
	limit   int // of count
}

// entry is a binding and its timers.
type entry struct {
	call.Binding
	expiry *time.Timer
	probe  *time.Timer
}

// write is one change that the store has to make.
type write struct {
	binding call.Binding
	remove  bool
}

func newBindings(a *Agent) *bindings {
	return &bindings{a: a, limit: maxRegistrations, byUser: map[string][]*entry{}, sources: map[netip.AddrPort]int{},
		hosts: map[netip.Addr]int{}, up: map[string]bool{}}
}

// key names a phone: by its instance, else by its Contact (RFC 5626).
func key(b call.Binding) string {
	if b.Instance != "" {
		return "i " + b.Instance
	}
	return "c " + b.ContactURI
}

// load fills the table from the store.
func (t *bindings) load(all []call.Binding, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range all {
		if b.Expires.After(now) {
			t.insert(&entry{Binding: b})
		}
	}
}

// start sets the timers of what was loaded and tells Presence.
func (t *bindings) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
	for user, entries := range t.byUser {
		for _, e := range entries {
			t.watch(e)
		}
		t.settle(user)
	}
}

// stop ends all timers.
func (t *bindings) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	for _, entries := range t.byUser {
		for _, e := range entries {
			e.quiet()
		}
	}
}

// apply carries out a REGISTER in whole or not at all, and returns what has to
// be stored.
func (t *bindings) apply(c change) ([]write, *refusalOf) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.byUser[c.user] {
		if t.concerns(c, e) && e.CallID == c.callID && c.cseq <= e.CSeq {
			return nil, &refusalOf{status: 500} // overtaken (RFC 3261 section 10.3, step 7)
		}
	}
	if t.count+len(c.set) > t.limit && len(t.byUser[c.user]) == 0 {
		t.a.meter.reject(reasonFull)
		return nil, &refusalOf{503, header("Retry-After", retryAfter)}
	}
	var writes []write
	if c.all {
		for _, e := range slices.Clone(t.byUser[c.user]) {
			writes = append(writes, t.remove(e))
		}
	}
	for _, b := range c.set {
		writes = append(writes, t.put(b)...)
	}
	t.settle(c.user)
	return writes, nil
}

// concerns reports whether a change touches an entry.
func (t *bindings) concerns(c change, e *entry) bool {
	return c.all || slices.ContainsFunc(c.set, func(b call.Binding) bool { return key(b) == key(e.Binding) })
}

// put adds, refreshes or removes one binding.
func (t *bindings) put(b call.Binding) []write {
	var writes []write
	for _, e := range slices.Clone(t.byUser[b.User]) {
		if key(e.Binding) == key(b) {
			t.take(e)
			if e.ContactURI != b.ContactURI || !b.Expires.After(b.Registered) {
				writes = append(writes, write{e.Binding, true})
			}
		}
	}
	if !b.Expires.After(b.Registered) {
		return writes
	}
	for len(t.byUser[b.User]) >= maxBindings {
		oldest := slices.MinFunc(t.byUser[b.User], func(x, y *entry) int { return x.Registered.Compare(y.Registered) })
		writes = append(writes, t.remove(oldest))
	}
	e := &entry{Binding: b}
	t.insert(e)
	t.watch(e)
	return append(writes, write{b, false})
}

// remove takes an entry out of the table and says so.
func (t *bindings) remove(e *entry) write {
	t.take(e)
	return write{e.Binding, true}
}

// insert puts an entry into the table.
func (t *bindings) insert(e *entry) {
	t.byUser[e.User] = append(t.byUser[e.User], e)
	t.sources[e.Source]++
	t.hosts[e.Source.Addr()]++
	t.count++
}

// take takes an entry out of the table.
func (t *bindings) take(e *entry) {
	e.quiet()
	t.byUser[e.User] = slices.DeleteFunc(t.byUser[e.User], func(x *entry) bool { return x == e })
	if len(t.byUser[e.User]) == 0 {
		delete(t.byUser, e.User)
	}
	if t.sources[e.Source]--; t.sources[e.Source] <= 0 {
		delete(t.sources, e.Source)
	}
	if host := e.Source.Addr(); t.hosts[host] == 1 {
		delete(t.hosts, host)
	} else {
		t.hosts[host]--
	}
	t.count--
}

// quiet ends an entry's timers.
func (e *entry) quiet() {
	for _, timer := range []*time.Timer{e.expiry, e.probe} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// watch sets an entry's timers.
func (t *bindings) watch(e *entry) {
	if !t.running {
		return
	}
	e.expiry = time.AfterFunc(time.Until(e.Expires), func() { t.expire(e) })
	if e.Suspect {
		t.probeSoon(e)
	}
}

// expire removes an entry whose time is over.
func (t *bindings) expire(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.holds(e) {
		return
	}
	t.take(e)
	t.settle(e.User)
	t.a.scribe.bindings.save(e.Binding, true, func() {})
}

// holds reports whether an entry is still in the table.
func (t *bindings) holds(e *entry) bool {
	return t.running && slices.Contains(t.byUser[e.User], e)
}

// settle tells Presence when the user's reachability changed.
func (t *bindings) settle(user string) {
	t.a.meter.bindings.Set(float64(t.count))
	if !t.running {
		return
	}
	reachable := slices.ContainsFunc(t.byUser[user], func(e *entry) bool { return !e.Suspect })
	if reachable == t.up[user] {
		return
	}
	t.a.log.Info("phone", slog.String("user", user), slog.Bool("reachable", reachable))
	if reachable {
		t.up[user] = true
	} else {
		delete(t.up, user)
	}
	switch {
	case t.a.opt.Presence == nil:
	case reachable:
		t.a.opt.Presence.PhoneUp(user)
	default:
		t.a.opt.Presence.PhoneDown(user)
	}
}

// retain drops the bindings of users that are gone.
func (t *bindings) retain(users map[string]secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for user, entries := range t.byUser {
		if _, stays := users[user]; stays {
			continue
		}
		for _, e := range slices.Clone(entries) {
			t.a.scribe.bindings.save(t.remove(e).binding, true, func() {})
		}
		t.settle(user)
	}
}

// of returns the bindings of a user that hold at a time.
func (t *bindings) of(user string, now time.Time) []call.Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.valid(nil, user, now)
}

func (t *bindings) valid(list []call.Binding, user string, now time.Time) []call.Binding {
	for _, e := range t.byUser[user] {
		if e.Expires.After(now) {
			list = append(list, e.Binding)
		}
	}
	return list
}

// all returns every binding that holds at a time, by user.
func (t *bindings) all(now time.Time) []call.Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []call.Binding
	for user := range t.byUser {
		list = t.valid(list, user, now)
	}
	slices.SortFunc(list, func(x, y call.Binding) int {
		if c := strings.Compare(x.User, y.User); c != 0 {
			return c
		}
		return x.Registered.Compare(y.Registered)
	})
	return list
}

// near reports whether something is registered from a host.
func (t *bindings) near(host netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hosts[host] > 0
}

// at reports whether something is registered from an address.
func (t *bindings) at(from netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sources[from] > 0
}
