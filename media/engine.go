package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/mix"
)

// noticeBacklog is how many events may wait for their calls.
const noticeBacklog = 4096

// Engine is the media side of all calls. It implements call.Media and call.Room.
type Engine struct {
	options  Options
	settings atomic.Pointer[Settings]
	log      *slog.Logger
	epoch    time.Time
	ports    *portPool
	own      []netip.Addr // this machine's, when it was made
	workers  []*worker
	notices  chan notice

	mu    sync.Mutex
	lines map[call.LegID]*line
	homes map[call.ID]*home
	calls map[*worker]int // how many homes each has
}

// home is where a call's room is.
type home struct {
	worker *worker
	legs   int
}

var (
	_ call.Media = (*Engine)(nil)
	_ call.Room  = (*Engine)(nil)
)

// New returns an engine. It holds descriptors until Run has been called and has
// returned; what is asked of it before Run waits for Run.
func New(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	settings, err := o.settings().checked()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		options: o, log: o.Log, epoch: time.Now(),
		notices: make(chan notice, noticeBacklog),
		lines:   make(map[call.LegID]*line),
		homes:   make(map[call.ID]*home),
		calls:   make(map[*worker]int),
	}
	e.settings.Store(settings)
	if e.ports, err = newPortPool(o.From, o.To); err != nil {
		return nil, err
	}
	if e.own, err = hostAddresses(); err != nil {
		return nil, err
	}
	for range o.Workers {
		io, err := o.PacketIO()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("media: open packet I/O: %w", err), e.abandon())
		}
		e.workers = append(e.workers, newWorker(e, io))
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(newCollector(e)); err != nil {
			return nil, errors.Join(fmt.Errorf("media: register metrics: %w", err), e.abandon())
		}
	}
	return e, nil
}

// abandon frees what New made before it failed.
func (e *Engine) abandon() error {
	var errs []error
	for _, w := range e.workers {
		errs = append(errs, w.io.Close())
	}
	return errors.Join(errs...)
}

// Run serves all legs until the context ends or the system fails. Every port is
// closed when it returns.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers, teller sync.WaitGroup
	teller.Go(e.tell)
	errs := make([]error, len(e.workers))
	for i, w := range e.workers {
		workers.Go(func() {
			defer cancel() // one without the others is no engine
			errs[i] = w.run(ctx)
		})
	}
	workers.Wait()
	cancel()
	close(e.notices)
	teller.Wait()
	return errors.Join(errs...)
}

// Overloaded tells whether ticks take so long that no new call should come.
func (e *Engine) Overloaded() bool {
	return slices.ContainsFunc(e.workers, func(w *worker) bool { return w.congested.Load() })
}

// Legs returns how many legs have ports open.
func (e *Engine) Legs() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.lines)
}

// Close implements call.Media. A leg that is not known has no quality.
func (e *Engine) Close(id call.LegID) call.Quality {
	e.mu.Lock()
	l := e.lines[id]
	delete(e.lines, id)
	if l != nil {
		e.vacate(id.Call())
	}
	e.mu.Unlock()
	if l == nil {
		return call.Quality{}
	}
	var q call.Quality
	l.worker.ask(func(now time.Duration) {
		l.worker.detach(now, l.leg)
		q = l.leg.in.quality(l.leg.reports.roundTrip)
	})
	e.ports.put(time.Since(e.epoch), l.port)
	return q
}

// vacate gives up a leg's share of its call's home; the caller holds the lock.
func (e *Engine) vacate(id call.ID) {
	h := e.homes[id]
	if h.legs--; h.legs == 0 {
		e.calls[h.worker]--
		delete(e.homes, id)
	}
}

// Wire implements call.Room. A room seats eight; who is wired beyond that is
// heard by nobody, and hears nobody.
func (e *Engine) Wire(id call.ID, edges []call.Edge) {
	edges = slices.Clone(edges)
	if n := legsOf(edges); n > mix.Seats {
		e.log.Error("room too small for its call", "call_id", id, "legs", n, "seats", mix.Seats)
	}
	e.inRoom(id, func(r *room) { r.wire(edges) })
}

func legsOf(edges []call.Edge) int {
	legs := make(map[call.LegID]struct{})
	for _, x := range edges {
		legs[x.Listener], legs[x.Speaker] = struct{}{}, struct{}{}
	}
	return len(legs)
}

// Play implements call.Room. A sound that does not exist ends at once.
func (e *Engine) Play(id call.LegID, sound call.Sound, loop bool) {
	source, ok := e.settings.Load().source(sound, loop)
	if !ok {
		e.log.Error("no such sound", "sound", sound, "leg_id", id)
	}
	e.onLeg(id, func(l *leg) { l.play(sound, source, loop) })
}

// Hush implements call.Room.
func (e *Engine) Hush(id call.LegID) {
	e.onLeg(id, func(l *leg) { l.hush() })
}

// Press implements call.Room: a telephone event of 100 ms. What is not a key is
// ignored.
func (e *Engine) Press(from call.LegID, key byte) {
	if _, ok := dtmf.Code(key); ok {
		e.onLeg(from, func(l *leg) { l.pass(key) })
	}
}

// Tap implements call.Room. It waits until the worker has taken the tape.
func (e *Engine) Tap(id call.ID, contact, person call.LegID, tape call.Tape) {
	w := e.worker(id)
	if w == nil {
		return
	}
	w.ask(func(time.Duration) {
		if r := w.room(id); r != nil {
			r.record(w, contact, person, tape)
		}
	})
}

func (e *Engine) worker(id call.ID) *worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.homes[id]; h != nil {
		return h.worker
	}
	return nil
}

// inRoom has a call's worker do something with its room, if there is one.
func (e *Engine) inRoom(id call.ID, do func(*room)) {
	w := e.worker(id)
	if w == nil {
		return
	}
	w.do(func(now time.Duration) {
		if r := w.room(id); r != nil {
			do(r)
			r.route(now)
		}
	})
}

// onLeg has a leg's worker do something with it, if there is one.
func (e *Engine) onLeg(id call.LegID, do func(*leg)) {
	e.inRoom(id.Call(), func(r *room) {
		if l := r.leg(id); l != nil {
			do(l)
		}
	})
}

// newLeg makes a leg, under settings that were checked.
func newLeg(id call.LegID, s *Settings, rtp, rtcp Socket) *leg {
	return &leg{
		id: id, opened: s, seat: noSeat, rtp: rtp, rtcp: rtcp, out: newStream(),
		reports: reports{name: cname()},
	}
}

func newWorker(e *Engine, io PacketIO) *worker {
	// The codecs' tables are built here rather than under the first packet.
	codec.New(codec.PCMU)
	codec.New(codec.PCMA)
	return &worker{
		epoch: e.epoch, io: io, notices: e.notices, timeout: e.settings.Load().Timeout,
		commands: make(chan command, commandBacklog), closing: make(chan struct{}),
	}
}
