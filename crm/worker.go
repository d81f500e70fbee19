package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

const (
	lanes       = 8               // contacts that are worked on at once
	pollEvery   = time.Second     // how soon an ended call is seen
	stepTimeout = 5 * time.Minute // of one step: a recording may be large
	leaseTime   = stepTimeout + time.Minute
	stopGrace   = 5 * time.Second // for the steps under way when the worker is to stop
	storeLimit  = 30 * time.Second
)

// Options of a Worker; all of them are needed.
type Options struct {
	Outbox     Outbox
	Events     call.Publisher
	Log        *slog.Logger
	Registerer prometheus.Registerer
	// Owner of the leases: the same after a restart, so that the worker ends
	// what a crash of its own left leased, and another one for each node.
	Owner string
}

// Settings are what the configuration says.
type Settings struct {
	Vendor    Vendor // nil: nothing is logged, entries wait
	Style     Style
	SyncAfter time.Duration // after a call's end it is completed

	applied int // which settings these are: those applied later have more
}

// Worker carries out the entries of the outbox.
type Worker struct {
	Options
	meter *Meter
	wake  chan struct{}

	mu       sync.Mutex
	settings Settings
	gate     gate
	busy     map[string]chan struct{} // lanes; closed when the entry leaves
	problem  string                   // what failed last, for people
	at       time.Time                // when
	deaf     bool                     // the store failed last time
}

// NewWorker returns a worker without a vendor.
func NewWorker(o Options) (*Worker, error) {
	if o.Outbox == nil || o.Events == nil || o.Log == nil || o.Registerer == nil || o.Owner == "" {
		return nil, errors.New("crm: an option is missing")
	}
	w := &Worker{Options: o, wake: make(chan struct{}, 1), busy: make(map[string]chan struct{})}
	var err error
	w.meter, err = newMeter(o.Registerer, w)
	return w, err
}

// Counter counts a vendor's requests by their outcome.
func (w *Worker) Counter(provider string) func(outcome string) { return w.meter.counter(provider) }

// Apply takes on other settings. Steps under way end as they began; whatever
// stopped the worker is tried again.
func (w *Worker) Apply(s Settings) {
	w.mu.Lock()
	s.applied = w.settings.applied + 1
	w.settings, w.gate = s, gate{}
	w.mu.Unlock()
	w.poke()
}

// poke has the worker look what there is to do.
func (w *Worker) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and then lets the steps under way end.
func (w *Worker) Run(ctx context.Context) error {
	w.heard(w.release(ctx))
	var jobs sync.WaitGroup
	for ctx.Err() == nil {
		w.begin(ctx, &jobs)
		timer := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	jobs.Wait()
	w.heard(w.release(ctx))
	return nil
}

// release ends the leases that this worker holds, or held before a crash.
func (w *Worker) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	return w.Outbox.ReleaseEntries(ctx, w.Owner)
}

// begin starts what is due.
func (w *Worker) begin(ctx context.Context, jobs *sync.WaitGroup) {
	now := time.Now()
	w.mu.Lock()
	set, free := w.settings, w.gate.open(lanes, now)-len(w.busy)
	w.mu.Unlock()
	if set.Vendor == nil || free <= 0 {
		return
	}
	claimed, err := w.Outbox.ClaimEntries(ctx, Claim{
		Owner: w.Owner, Limit: free, Now: now.UTC(), Until: now.Add(leaseTime).UTC(),
		Horizon: now.Add(max(set.SyncAfter, maxAfter) + time.Minute).UTC(),
	})
	if ctx.Err() == nil {
		w.heard(err)
	}
	for _, job := range claimed {
		before, leave := w.enter(job.Entry.Lane())
		jobs.Go(func() {
			defer leave()
			if before != nil {
				<-before
			}
			w.carry(ctx, set, job)
		})
	}
}

// enter notes that a lane is busy until leave is called. Its entry before may
// just be about to leave, and is to be waited for.
func (w *Worker) enter(lane string) (before <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before = w.busy[lane]
	over := make(chan struct{})
	w.busy[lane] = over
	return before, func() {
		w.mu.Lock()
		if w.busy[lane] == over {
			delete(w.busy, lane)
		}
		w.mu.Unlock()
		close(over)
		w.poke()
	}
}

// heard notes whether the store does what it is asked for.
func (w *Worker) heard(err error) {
	w.mu.Lock()
	first := err != nil && !w.deaf
	w.deaf = err != nil
	w.mu.Unlock()
	if first {
		w.Log.Error("the CRM's outbox cannot be read or written; calls are logged when it can", "error", err)
	}
}

// carry does the steps of an entry, one after the other, as long as it is due.
func (w *Worker) carry(ctx context.Context, set Settings, job Job) {
	p := policy{provider: set.Vendor.Name(), steps: set.Vendor.Steps(), syncAfter: set.SyncAfter}
	for {
		apply, goOn := w.turn(ctx, set, p, job)
		after, err := w.change(ctx, job.Entry, apply, goOn)
		if errors.Is(err, ErrLeaseLost) {
			return
		}
		if w.heard(err); err != nil {
			return
		}
		w.tell(job, after)
		job = after
		if !goOn || !job.Entry.Active() || job.Entry.Due.After(time.Now()) {
			return
		}
	}
}

// turn does one step of an entry. It returns what becomes of the entry, and
// whether the next step may follow at once.
func (w *Worker) turn(ctx context.Context, set Settings, p policy, job Job) (apply func(Entry) Entry, goOn bool) {
	if job.Entry.Provider != p.provider {
		return func(e Entry) Entry { return parked(e, p.provider) }, false
	}
	a := set.Style.Compose(job.Record, job.Name)
	o := outcome{step: p.step(job.Entry), refs: job.Entry.Refs, edits: job.Entry.Edits, sent: a.hash(), roll: rand.Float64()}
	asked := o.step != StepCompletion || o.sent == "" || o.sent != job.Entry.Sent
	if asked {
		o.refs, o.err = w.do(ctx, set.Vendor, o.step, a, job.Entry.Refs)
	}
	o.at = time.Now().UTC()
	o.whole = o.err == nil && p.next(job.Entry, o).Phase != PhaseLog
	goOn = ctx.Err() == nil && faultless(o.err)
	if asked && !w.pass(set, o) {
		goOn = false
	}
	return func(e Entry) Entry { return p.next(e, o) }, goOn
}

// faultless reports whether the next step may follow an outcome: it is done, or
// the contact is to be looked for again.
func faultless(err error) bool {
	fault, is := errors.AsType[*Fault](err)
	return err == nil || is && fault.Kind == FaultNoContact
}

// do asks the vendor. It is given a little time to end when ctx does.
func (w *Worker) do(ctx context.Context, v Vendor, s Step, a Activity, refs Refs) (out Refs, err error) {
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(stopGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			cancel()
		case <-asking.Done():
		}
	})
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			w.Log.Error("a step towards the CRM panicked", "call_id", a.CallID, "step", s, "panic", r)
			err = &Fault{Kind: FaultRefused, Say: fmt.Sprintf("a fault in this program: step %s: %v; please report it", s, r)}
		}
	}()
	out, err = v.Do(asking, s, a, refs)
	if errors.Is(err, context.Canceled) && asking.Err() == nil {
		err = &Fault{Kind: FaultRetry, Say: "the request was given up", Err: err}
	}
	return out, err
}

// pass tells the gate of an outcome and reports whether requests may go on.
func (w *Worker) pass(set Settings, o outcome) bool {
	w.mu.Lock()
	if w.settings.applied != set.applied { // what it says is of the past
		w.mu.Unlock()
		return false
	}
	was := w.gate
	w.gate = was.after(o)
	is := w.gate
	if o.err != nil {
		if fault := faultOf(o.err); fault != nil {
			w.problem, w.at = bounded(fault.Say), o.at
		}
	}
	w.mu.Unlock()
	if is.stop == StopNone && was.stop != StopNone {
		w.Log.Info("the CRM takes calls again", "provider", set.Vendor.Name(), "stopped_for", o.at.Sub(was.since).Round(time.Second).String())
	}
	if is.stop != StopNone && is.stop != was.stop {
		w.Log.Error("calls wait for the CRM", "provider", set.Vendor.Name(), "why", string(is.stop), "error", is.say, "until", is.until.UTC())
	}
	return is.open(lanes, o.at) > 0
}

// change makes an outcome durable. It is not given up when ctx ends: what was
// done would be done again.
func (w *Worker) change(ctx context.Context, e Entry, apply func(Entry) Entry, goOn bool) (Job, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	now := time.Now().UTC()
	c := Change{CallID: e.CallID, Owner: w.Owner, Now: now, Apply: apply}
	if goOn {
		c.Until = now.Add(leaseTime)
	}
	return w.Outbox.ChangeEntry(ctx, c)
}

// tell logs, measures and publishes what became of an entry.
func (w *Worker) tell(was, is Job) {
	e := is.Entry
	if e.Failed {
		w.Log.Warn("a call is not in the CRM as it should be; `tandem crm retry` tries it again", "call_id", e.CallID, "provider", e.Provider, "error", e.Error)
		return
	}
	if was.Entry.Phase != PhaseLog || e.Phase == PhaseLog {
		return
	}
	now := time.Now().UTC()
	w.meter.logged(now.Sub(e.EndedAt))
	rec := is.Record
	w.Events.Publish(call.Event{
		Type: call.EventCRMSynced, At: now, User: rec.User, Playbook: rec.Playbook, CallID: rec.ID,
		ContactID: rec.ContactID, Call: &rec,
	})
}
