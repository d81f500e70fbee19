package sip

import (
	"slices"
	"sync"
	"time"

	"tandem/call"
)

// mailboxLimit is how many events of one leg may wait. A leg gets a handful in
// its life; more means a peer that floods it.
const mailboxLimit = 64

// tasks counts the Agent's goroutines so that Close can wait for them.
type tasks struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// start runs f on a goroutine of its own; false when the Agent is closing.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(f)
	return true
}

// wait refuses new tasks and waits for the running ones.
func (t *tasks) wait() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.wg.Wait()
}

// farewells counts what still has to be said before the sockets may close: legs
// being released, and requests that wait for their response.
type farewells struct {
	mu    sync.Mutex
	count int
	idle  chan struct{} // closed when the count is back to 0
}

func (f *farewells) add() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		f.idle = make(chan struct{})
	}
	f.count++
}

func (f *farewells) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count--; f.count == 0 {
		close(f.idle)
	}
}

// wait waits until nothing is left to be said, though not for longer than limit.
func (f *farewells) wait(limit time.Duration) {
	f.mu.Lock()
	idle, count := f.idle, f.count
	f.mu.Unlock()
	if count == 0 {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

// mailbox runs functions one after another, in the order in which they were
// posted. It has a goroutine only while there is something to do.
type mailbox struct {
	start func(func()) bool

	mu    sync.Mutex
	queue []func()
	busy  bool
	held  bool
}

// hold lets nothing run after what runs now until resume is called. No
// goroutine waits meanwhile.
func (m *mailbox) hold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = true
}

// resume ends a hold; first runs before everything that has come since. It
// never waits.
func (m *mailbox) resume(first func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = false
	m.queue = slices.Insert(m.queue, 0, first)
	if !m.busy {
		m.busy = m.start(m.drain)
	}
}

// post hands over what the wire brought and never waits; false when too much
// is waiting.
func (m *mailbox) post(f func()) bool { return m.put(f, mailboxLimit) }

// command hands over what we decided ourselves, and what the wire can bring but
// once: it is never refused, and there is never more of it than our own machine
// makes.
func (m *mailbox) command(f func()) { m.put(f, mailboxLimit<<4) }

func (m *mailbox) put(f func(), limit int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= limit {
		return false
	}
	m.queue = append(m.queue, f)
	if !m.busy && !m.held {
		m.busy = m.start(m.drain)
	}
	return true
}

func (m *mailbox) drain() {
	for f := m.next(); f != nil; f = m.next() {
		f()
	}
}

// next takes the oldest function; nil ends the drain.
func (m *mailbox) next() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 || m.held {
		m.busy = false
		return nil
	}
	f := m.queue[0]
	m.queue[0] = nil
	m.queue = m.queue[1:]
	return f
}

// gate lets a leg's inputs through until its last one, or until its call
// released it: after that the call hears nothing more of the leg.
type gate struct {
	mu   sync.Mutex
	leg  call.LegID // whose inputs pass
	shut bool
}

// shutNow closes the gate.
func (g *gate) shutNow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// turn opens the gate for the leg under another ID, that of another call.
func (g *gate) turn(leg call.LegID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leg, g.shut = leg, false
}

// close closes the gate; false when it is not that ID's any more.
func (g *gate) close(leg call.LegID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leg != leg {
		return false
	}
	g.shut = true
	return true
}

// post hands an input about a leg to its call; last closes the gate with it. It
// returns false when the call no longer exists. What comes under an ID that the
// leg had before is for nobody.
func (g *gate) post(lines call.Lines, in call.Input, leg call.LegID, last bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || g.leg != leg {
		return true
	}
	g.shut = last
	return lines.Post(leg.Call(), in)
}
