package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Errors of a call's beginning. Sip answers 503 with Retry-After to either.
var (
	ErrFull     = errors.New("as many calls as the switch may carry")
	ErrDraining = errors.New("the switch takes no new calls")
)

// Meter counts calls. It never blocks.
type Meter interface {
	Began(rec Record)
	// Ringing is told once per inbound call: how long after its arrival the
	// first phone rang.
	Ringing(rec Record, after time.Duration)
	Ended(rec Record)
	// Stalled counts what went wrong without ending a call: a save that
	// failed, an overfull mailbox.
	Stalled(what string)
}

// Ports are what carries out the machines' effects.
type Ports struct {
	Signalling Signalling
	Transfers  Transfers
	Media      Media
	Room       Room
	Recorder   Recorder
	Router     Router
	Floor      Floor
	Coaches    Supervision
	Events     Publisher
	Meter      Meter
}

// Options are the exchange's own settings.
type Options struct {
	MaxCalls int // live calls at most
	Log      *slog.Logger
	// Overloaded, when set, is asked before a call is taken: true refuses it.
	Overloaded func() bool
}

// Exchange hosts the machines: one goroutine per call, which owns the call.
type Exchange struct {
	opts Options

	mu       sync.RWMutex
	hosts    map[ID]*host
	ports    *Ports // nil until Run
	maxCalls int
	draining bool
	closing  chan struct{} // closed when live calls are to end
	calls    sync.WaitGroup
}

// NewExchange returns an exchange that takes calls once Run was called.
func NewExchange(opts Options) (*Exchange, error) {
	if opts.MaxCalls < 1 {
		return nil, fmt.Errorf("exchange: max calls %d: must be at least 1", opts.MaxCalls)
	}
	if opts.Log == nil {
		return nil, errors.New("exchange: no log")
	}
	if opts.Overloaded == nil {
		opts.Overloaded = func() bool { return false }
	}
	return &Exchange{opts: opts, hosts: make(map[ID]*host), maxCalls: opts.MaxCalls, closing: make(chan struct{})}, nil
}

// Run opens the exchange. It returns when ctx is done and every call has
// ended; calls that are still live then are ended as by Drained.
func (x *Exchange) Run(ctx context.Context, p Ports) error {
	x.mu.Lock()
	x.ports = &p
	x.mu.Unlock()
	<-ctx.Done()
	x.StopArrivals()
	close(x.closing)
	x.postAll(Drained{})
	x.calls.Wait()
	return nil
}

// SetMaxCalls changes how many calls may be live; calls beyond it go on.
func (x *Exchange) SetMaxCalls(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.maxCalls = n
}

// StopArrivals refuses new calls from now on. Coaches who wait for a conversation
// are let go: none will begin.
func (x *Exchange) StopArrivals() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.draining = true
	for _, h := range x.hosts {
		if h.waits {
			h.post(Drained{})
		}
	}
}

// Drain refuses new calls and waits until the live ones have ended or ctx is
// done, whichever comes first.
func (x *Exchange) Drain(ctx context.Context) error {
	x.StopArrivals()
	over := make(chan struct{})
	go func() {
		x.calls.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready reports why the exchange takes no calls, or nil.
func (x *Exchange) Ready() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	switch {
	case x.ports == nil || x.draining:
		return ErrDraining
	case len(x.hosts) >= x.maxCalls || x.opts.Overloaded():
		return ErrFull
	}
	return nil
}

// Arrive begins an inbound call.
func (x *Exchange) Arrive(in Arrival) error { return x.start(in.Call, in, nil) }

// Originate begins an outbound call. What becomes of it is told to its leg.
func (x *Exchange) Originate(in Origination) error { return x.start(in.Call, in, nil) }

// Place begins an outbound call and waits until it is durable. Its error is
// ErrFull, ErrDraining, a *Refusal that says why the call cannot be made, or a
// failure of the store.
func (x *Exchange) Place(ctx context.Context, in Origination) (Record, error) {
	placed := make(chan outcome, 1)
	if err := x.start(in.Call, in, placed); err != nil {
		return Record{}, err
	}
	select {
	case o := <-placed:
		return o.record, o.err
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
}

// start hosts a call that begins with an input.
func (x *Exchange) start(id ID, in Input, placed chan<- outcome) error {
	if err := x.Ready(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.draining {
		return ErrDraining
	}
	if len(x.hosts) >= x.maxCalls {
		return ErrFull
	}
	x.host(id, in, placed)
	return nil
}

// stand implements exchangeSide. The wait takes the place of a coach's leg in a
// call that may be the last one there is room for.
func (x *Exchange) stand(in Standby) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.draining {
		return ErrDraining
	}
	x.host(in.Call, in, nil).waits = true
	return nil
}

// host runs a call from its first input on; the caller holds the lock.
func (x *Exchange) host(id ID, in Input, placed chan<- outcome) *host {
	h := newHost(id, *x.ports, x, x.opts.Log.With("call_id", id))
	h.placed = placed
	h.mailbox <- in
	x.hosts[id] = h
	x.calls.Go(func() {
		h.run()
		h.insist(x.closing)
		x.mu.Lock()
		delete(x.hosts, id)
		x.mu.Unlock()
		h.empty()
	})
	return h
}

// Post hands an input to a live call. It returns false when there is no such
// call, or when it does not keep up: then it is hung up.
func (x *Exchange) Post(id ID, in Input) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.hosts[id]
	return h != nil && h.post(in)
}

// Hosts reports whether a call is live, or has ended and its result is still to
// be stored.
func (x *Exchange) Hosts(id ID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.hosts[id] != nil
}

// Live returns a live call as it stands. A coach's wait is none.
func (x *Exchange) Live(id ID) (Record, bool) {
	v := x.view(id)
	if v == nil || v.record.StartedAt.IsZero() {
		return Record{}, false
	}
	return v.record, true
}

// Offered reports whether a live call is being offered to the user now.
func (x *Exchange) Offered(id ID, user string) bool {
	v := x.view(id)
	return v != nil && slices.Contains(v.offered, user)
}

// view returns a live call as it stood after its newest input, or nil.
func (x *Exchange) view(id ID) *view {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if h := x.hosts[id]; h != nil {
		return h.snapshot.Load()
	}
	return nil
}

// Active returns all live calls, in no order.
func (x *Exchange) Active() []Record {
	x.mu.RLock()
	defer x.mu.RUnlock()
	recs := make([]Record, 0, len(x.hosts))
	for _, h := range x.hosts {
		if v := h.snapshot.Load(); v != nil && v.record.State != StateEnded {
			recs = append(recs, v.record)
		}
	}
	return recs
}

func (x *Exchange) postAll(in Input) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, h := range x.hosts {
		h.post(in)
	}
}
