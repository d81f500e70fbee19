package sip

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"tandem/call"
)

const (
	ledgerLanes  = 4                // writes in flight, so that the store can commit them together
	maxUnwritten = maxRegistrations // bindings that may wait in a lane
	storeLimit   = 10 * time.Second
	firstRetry   = time.Second
	lastRetry    = 30 * time.Second
)

// ledger writes bindings to the store beside the call path. Of each binding the
// newest state waits, so that a store which stalls costs as much memory as there
// are phones; what fails is written again until the store has it, or until the
// registration would be over anyway.
type ledger struct {
	a     *Agent
	slow  pace // of complaints
	lanes [ledgerLanes]*lane
	wg    sync.WaitGroup
}

// lane is what one writer has to do.
type lane struct {
	mu     sync.Mutex
	wanted map[string]*entryWrite // by user and contact
	order  []string               // which of them is next
	wake   chan struct{}          // holds one token when there is something new
	closed bool
}

// entryWrite is the newest state of a binding. done is called once the store has
// it, or gives it up.
type entryWrite struct {
	write
	done  func()
	tries int
}

func newLedger(a *Agent) *ledger {
	g := &ledger{a: a}
	for i := range g.lanes {
		n := &lane{wanted: map[string]*entryWrite{}, wake: make(chan struct{}, 1)}
		g.lanes[i] = n
		g.wg.Go(func() { g.run(n) })
	}
	return g
}

// save writes a binding, or deletes it, in place of what waits to be written of
// it. It never waits itself. done is called once the store has it; when something
// newer takes its place it never is.
func (g *ledger) save(b call.Binding, remove bool, done func()) {
	if g.a.opt.Bindings == nil {
		done()
		return
	}
	key := b.User + "\x00" + b.ContactURI
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash cannot fail
	if !g.lanes[h.Sum32()%ledgerLanes].put(key, &entryWrite{write: write{b, remove}, done: done}) {
		g.a.meter.reject(reasonStore)
		g.a.log.Error("binding not stored: too many wait for the store", slog.String("user", b.User))
		done()
	}
}

// waiting returns how many bindings the store does not have yet.
func (g *ledger) waiting() int {
	sum := 0
	for _, n := range g.lanes {
		n.mu.Lock()
		sum += len(n.wanted)
		n.mu.Unlock()
	}
	return sum
}

// stop writes what waits, each once more and all within storeLimit, and ends.
func (g *ledger) stop() {
	for _, n := range g.lanes {
		n.close()
	}
	g.wg.Wait()
}

// put notes what is to be written; false when there is no room.
func (n *lane) put(key string, w *entryWrite) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.wanted[key]; !known {
		if n.closed || len(n.wanted) >= maxUnwritten {
			return false
		}
		n.order = append(n.order, key)
	}
	n.wanted[key] = w
	n.alert()
	return true
}

// alert wakes the writer; the caller holds the lock.
func (n *lane) alert() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *lane) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.alert()
}

// next returns what is to be written next; false when nothing waits.
func (n *lane) next() (key string, w *entryWrite, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.order) == 0 {
		return "", nil, false
	}
	key, n.order = n.order[0], n.order[1:]
	return key, n.wanted[key], true
}

// settled takes the outcome of a write: what the store has, or never will, is
// forgotten unless something newer came meanwhile; the rest is tried again.
func (n *lane) settled(key string, w *entryWrite, over bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if over && n.wanted[key] == w {
		delete(n.wanted, key)
		return
	}
	n.order = append(n.order, key)
}

// run writes what waits in a lane until the ledger stops.
func (g *ledger) run(n *lane) {
	pause := firstRetry
	for {
		key, w, ok := n.next()
		switch {
		case ok:
			pause = g.attempt(n, key, w, pause)
		case n.over():
			return
		default:
			<-n.wake
		}
		if n.over() {
			g.finish(n)
			return
		}
	}
}

func (n *lane) over() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// attempt writes a binding and returns how long the next failure has to wait.
func (g *ledger) attempt(n *lane, key string, w *entryWrite, pause time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	err := g.write(ctx, w)
	w.tries++
	lapsed := err != nil && time.Now().After(w.binding.Expires)
	n.settled(key, w, err == nil || lapsed)
	if err == nil || lapsed {
		if w.tries > 1 && err == nil {
			g.a.log.Info("binding stored after all", slog.String("user", w.binding.User), slog.Int("tries", w.tries))
		}
		w.done()
		return firstRetry
	}
	if g.slow.take(time.Now(), time.Second) {
		g.a.log.Error("binding not stored, it is tried again: a restart would forget it", slog.String("user", w.binding.User),
			slog.Int("tries", w.tries), slog.Int("waiting", g.waiting()), slog.Any("err", err))
	}
	n.rest(pause)
	return min(2*pause, lastRetry)
}

// rest waits before the next try, unless the ledger stops.
func (n *lane) rest(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for !n.over() {
		select {
		case <-timer.C:
			return
		case <-n.wake:
		}
	}
}

// write changes the store.
func (g *ledger) write(ctx context.Context, w *entryWrite) error {
	if w.remove {
		return g.a.opt.Bindings.DeleteBinding(ctx, w.binding)
	}
	return g.a.opt.Bindings.SaveBinding(ctx, w.binding)
}

// finish writes what waits when the ledger stops.
func (g *ledger) finish(n *lane) {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	lost := 0
	for _, w, ok := n.next(); ok; _, w, ok = n.next() {
		if err := g.write(ctx, w); err != nil {
			lost++
		}
		w.done()
	}
	if lost > 0 {
		g.a.log.Error("bindings not stored: the phones have to register again", slog.Int("count", lost))
	}
}
