package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrClosed is returned by an agent that was closed or has vanished.
var ErrClosed = errors.New("agent is off")

// Bounds of an agent.
const (
	maxWaiting = 256 // incoming calls not yet taken by Accept
	maxEnded   = 128 // ended calls whose retransmissions are still answered
)

// Agent is a SIP user agent: transport, transactions and its calls. Phone and Carrier are made of it.
type Agent struct {
	options  Options
	trace    trace
	incoming chan *Call

	mu           sync.Mutex
	power        *power // nil while off
	address      string // host:port bound, kept across Vanish and Return
	behaviour    Behaviour
	onCall       func(*Call)
	calls        map[string]*Call          // by dialogKey
	invites      map[string]*Call          // incoming, by branch of their INVITE
	ended        []*Call                   // oldest first, still in the maps
	transactions map[string]func(*Message) // open non-INVITE client transactions by branch
	bindings     map[string]string         // Contact by user, of those who registered here
	nonces       map[string]struct{}       // issued to those who must authenticate
	closed       bool
}

// power is what runs between switching an agent on and off.
type power struct {
	link   link
	cancel context.CancelCauseFunc
	wg     *sync.WaitGroup
	spawn  func(func(context.Context)) // does nothing once off
}

// NewAgent opens a user agent. Close it.
func NewAgent(o Options) (*Agent, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", o.Name, err)
	}
	a := &Agent{
		options:      o,
		incoming:     make(chan *Call, maxWaiting),
		address:      o.Bind,
		behaviour:    o.Behaviour,
		onCall:       o.OnCall,
		calls:        make(map[string]*Call),
		invites:      make(map[string]*Call),
		transactions: make(map[string]func(*Message)),
		bindings:     make(map[string]string),
		nonces:       make(map[string]struct{}),
	}
	if err := a.Return(); err != nil {
		return nil, err
	}
	return a, nil
}

// Addr returns the bound host:port.
func (a *Agent) Addr() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.address
}

// ContactURI returns the URI that the agent puts in its Contact.
func (a *Agent) ContactURI() string {
	uri := "sip:" + a.options.User + "@" + a.Addr()
	if a.options.User == "" {
		uri = "sip:" + a.Addr()
	}
	if a.options.Transport == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// Trace returns the last messages sent and received, at most 512.
func (a *Agent) Trace() []Entry { return a.trace.copy() }

// Behave replaces the agent's behaviour from the next message on.
func (a *Agent) Behave(b Behaviour) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.behaviour = b
}

// Handle replaces Options.OnCall from the next incoming call on; nil lets calls wait for Accept.
func (a *Agent) Handle(onCall func(*Call)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onCall = onCall
}

// Accept waits for the next incoming call, in which nothing has been answered yet, not even 100.
func (a *Agent) Accept(ctx context.Context) (*Call, error) {
	select {
	case c := <-a.incoming:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: no incoming call: %w", a.options.Name, context.Cause(ctx))
	}
}

// Incoming is the channel that Accept reads.
func (a *Agent) Incoming() <-chan *Call { return a.incoming }

// Vanish switches the agent off as a power cut would: sockets closed, calls dead, not a word to anyone. It waits for the
// agent's goroutines and so must not be called from OnCall.
func (a *Agent) Vanish() {
	a.mu.Lock()
	p, calls := a.power, a.calls
	a.power = nil
	a.calls, a.invites, a.ended = make(map[string]*Call), make(map[string]*Call), nil
	a.transactions = make(map[string]func(*Message))
	a.mu.Unlock()
	if p == nil {
		return
	}
	p.link.close()
	p.cancel(ErrClosed)
	for _, c := range calls {
		c.vanish()
	}
	p.wg.Wait()
}

// Return switches the agent on again, at the address that it had.
func (a *Agent) Return() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	if a.power != nil {
		return nil
	}
	p := newPower()
	open, err := openLink(a.options.Transport, a.address, func(f func()) { p.spawn(func(context.Context) { f() }) }, a.receive)
	if err != nil {
		return fmt.Errorf("peer %s: %w", a.options.Name, err)
	}
	p.link = open
	a.power, a.address = p, open.addr()
	return nil
}

// Close switches the agent off for good.
func (a *Agent) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.Vanish()
	return nil
}

func newPower() *power {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &power{cancel: cancel, wg: new(sync.WaitGroup)}
	var mu sync.Mutex // orders the last spawn before Wait
	p.spawn = func(f func(context.Context)) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			p.wg.Go(func() { f(ctx) })
		}
	}
	stop := p.cancel
	p.cancel = func(cause error) {
		mu.Lock()
		defer mu.Unlock()
		stop(cause)
	}
	return p
}

// spawn runs f until the agent is switched off.
func (a *Agent) spawn(f func(context.Context)) {
	a.mu.Lock()
	p := a.power
	a.mu.Unlock()
	if p != nil {
		p.spawn(f)
	}
}

func (a *Agent) behave() Behaviour {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.behaviour
}

// Send puts a message on the wire as it is, to a loopback host:port, and records it.
func (a *Agent) Send(to string, m *Message) error {
	if !loopback(to) {
		return fmt.Errorf("peer %s: %q is not a loopback address", a.options.Name, to)
	}
	a.mu.Lock()
	p := a.power
	a.mu.Unlock()
	if p == nil {
		return fmt.Errorf("peer %s: %w", a.options.Name, ErrClosed)
	}
	sent := m.Clone()
	sent.At = time.Now()
	a.trace.add(Entry{At: sent.At, Agent: a.options.Name, Sent: true, Other: to, Message: sent})
	if err := p.link.send(to, m.Bytes()); err != nil {
		return fmt.Errorf("peer %s: send %s to %s: %w", a.options.Name, m, to, err)
	}
	return nil
}

// reply sends a response to where its request came from.
func (a *Agent) reply(req, res *Message) {
	for range 1 + a.behave().DuplicateResponses {
		_ = a.Send(req.Source, res) // a response that cannot be sent is one that was lost
	}
}

// resend calls again after T1 and at doubling intervals of at most longest, until stop is called; after 64*T1 it calls giveUp
// and returns (RFC 3261 17.1.1.2, 17.1.2.2, 17.2.1, 13.3.1.4).
func (a *Agent) resend(longest time.Duration, again, giveUp func()) (stop func()) {
	stopped := make(chan struct{})
	a.spawn(func(off context.Context) {
		wait := a.options.T1
		end := time.After(64 * a.options.T1)
		for {
			select {
			case <-stopped:
				return
			case <-off.Done():
				return
			case <-end:
				giveUp()
				return
			case <-time.After(wait):
				again()
				wait = min(2*wait, longest)
			}
		}
	})
	return sync.OnceFunc(func() { close(stopped) })
}

func dialogKey(callID, localTag string) string { return callID + "|" + localTag }
