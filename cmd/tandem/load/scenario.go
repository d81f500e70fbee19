//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tandem/cmd/tandem/peer"
)

const (
	registering = 16 // phones that register at once
	dialing     = 8  // calls set up at once before a measurement
	// settling is how long calls talk before they are measured.
	settling = time.Second
	// conversing is how long a call lasts that is only set up: who hangs up in
	// the instant of the answer has given up.
	conversing = 100 * time.Millisecond
)

// scenario is one thing to measure.
type scenario struct {
	name   string
	title  string
	layout layout
	setup  bool // calls are set up and ended; else they last
	pace   int  // set-ups begun in a second; 0: by so many callers at once as width says
	width  int
	out    bool   // users call contacts; else contacts call
	siege  *siege // meanwhile, or nil
	// coached lets a supervisor listen to each tenth call, to one at least.
	coached bool
}

// scenarios are all there are, in the order of the table: set-ups at each pace.
func scenarios(paces []int) []scenario {
	alaw, mulaw := []string{"PCMA"}, []string{"PCMU"}
	same := layout{carrier: alaw, phone: alaw}
	recorded, coached, transcoded, waiting, silent := same, same, same, same, same
	recorded.record, coached.record = true, true
	transcoded.phone = mulaw
	waiting.unmanned = true
	silent.muted = true
	var list []scenario
	for _, pace := range paces {
		list = append(list, scenario{name: "setup", title: fmt.Sprintf("%d a second", pace), layout: silent, setup: true, pace: pace})
	}
	for _, pace := range paces {
		list = append(list, scenario{name: "dial", title: fmt.Sprintf("%d calls out a second", pace), layout: same, setup: true, out: true, pace: pace})
	}
	list = append(list, []scenario{
		{name: "rush", title: "32 callers, each again at once", layout: silent, setup: true, width: 32},
		{name: "talk", title: "talking, same codec", layout: same},
		{name: "record", title: "talking, same codec, recorded", layout: recorded},
		{name: "coach", title: "the same, each tenth call coached", layout: coached, coached: true},
		{name: "transcode", title: "talking, A-law to µ-law", layout: transcoded},
		{name: "music", title: "waiting with music", layout: waiting},
	}...)
	return append(list, sieges()...)
}

// result is what a scenario has shown.
type result struct {
	scenario  scenario
	calls     int // that talked, or that were set up
	failures  []error
	window    time.Duration
	cpu       time.Duration // of the switch, in the window
	generator time.Duration // CPU of this program, in the window
	waited    time.Duration // of the switch's threads for a processor, in the window
	idle, rss int64         // bytes of memory before the calls and at the end of the window
	tally     tally
	ringing   histogram // from the INVITE's sending, or the API's request, to the INVITE's receipt by the phone
	talking   histogram // calls out: from the contact's answer until both hear each other
	ending    histogram // calls out: from the hang-up to the other's BYE or CANCEL
	before    samples   // metrics at the begin of the window
	after     samples   // and after the calls' end
	sieged    sieged
}

// paced reports whether there is one such scenario for every pace.
func (s scenario) paced() bool { return s.setup && s.pace > 0 && s.siege == nil }

// run plays one scenario against a fresh switch.
func (s scenario) run(ctx context.Context, o options, calls int) (r result, err error) {
	dir, err := os.MkdirTemp("", "tandem-load-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.layout.phones = calls
	if s.coached {
		s.layout.coaches = max(1, calls/10)
	}
	floor, err := openCarrier(s.layout)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, floor.Close()) }()
	sw, err := startSwitch(ctx, dir, s.layout.configuration(dir, floor.carrier.Addr()), o.profileOf(s, calls))
	if err != nil {
		return r, err
	}
	defer func() {
		if err = errors.Join(err, sw.stop()); err != nil {
			err = errors.Join(err, sw.lastWords())
		}
	}()
	if err := floor.openPhones(ctx, s.layout, sw.addr); err != nil {
		return r, err
	}
	p := &play{scenario: s, floor: floor, sw: sw, window: time.Duration(o.seconds) * time.Second, r: result{scenario: s}}
	switch {
	case s.siege != nil:
		err = p.besieged(ctx)
	case s.setup:
		err = p.setUps(ctx)
	default:
		err = p.conversations(ctx, calls)
	}
	if err == nil {
		err = p.check(ctx)
	}
	return p.r, err
}

// play is a scenario under way.
type play struct {
	scenario scenario
	floor    *salesFloor
	sw       *switchProcess
	window   time.Duration
	r        result

	mu sync.Mutex // guards r.calls, r.failures and r's histograms during set-ups
}

// ownCPU is what this program has used in user and system mode.
func ownCPU() (time.Duration, error) {
	var own unix.Rusage
	err := os.NewSyscallError("getrusage", unix.Getrusage(unix.RUSAGE_SELF, &own))
	return time.Duration(own.Utime.Nano() + own.Stime.Nano()), err
}

// moment is what both processes have used up to it.
type moment struct {
	at        time.Time
	sw        usage
	generator time.Duration
}

func (p *play) now() (m moment, err error) {
	m.at = time.Now()
	if m.sw, err = p.sw.usage(); err != nil {
		return m, err
	}
	m.generator, err = ownCPU()
	return m, err
}

// measure runs work and notes what it cost.
func (p *play) measure(ctx context.Context, work func()) error {
	before, err := p.sw.metrics(ctx)
	if err != nil {
		return err
	}
	if err := p.sw.signal(syscall.SIGUSR1); err != nil {
		return err
	}
	p.floor.crowd.reset()
	begin, err := p.now()
	if err != nil {
		return err
	}
	work()
	end, err := p.now()
	if err != nil {
		return err
	}
	p.r.tally, err = p.floor.crowd.counted()
	if err != nil {
		return err
	}
	p.r.before = before
	p.r.window = end.at.Sub(begin.at)
	p.r.cpu = end.sw.CPU - begin.sw.CPU
	p.r.generator = end.generator - begin.generator
	p.r.waited = end.sw.Waited - begin.sw.Waited
	p.r.rss = end.sw.RSS
	return p.sw.signal(syscall.SIGUSR2)
}

// rest notes what memory the switch has without calls.
func (p *play) rest() error {
	u, err := p.sw.usage()
	p.r.idle = u.RSS
	return err
}

// conversations sets calls up, measures while they last, and ends them.
func (p *play) conversations(ctx context.Context, calls int) error {
	if err := p.rest(); err != nil {
		return err
	}
	live, far := make([]*peer.Call, calls), make([]*peer.Call, calls)
	err := each(ctx, calls, dialing, func(ctx context.Context, i int) error {
		return insist(ctx, func() (err error) {
			if p.scenario.layout.unmanned {
				live[i], err = p.floor.dial(ctx, p.sw.addr, i)
				return err
			}
			live[i], far[i], err = p.floor.connect(ctx, p.sw.addr, i)
			if err == nil && p.scenario.layout.mixed() {
				p.floor.crowd.pair(live[i].Media().LocalAddr(), far[i].Media().LocalAddr())
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("set up %d calls: %w", calls, err)
	}
	err = each(ctx, len(p.floor.coaches), dialing, func(ctx context.Context, i int) error { return p.floor.coach(ctx, i, far[i]) })
	if err != nil {
		return fmt.Errorf("coach: %w", err)
	}
	if err := pause(ctx, settling); err != nil {
		return err
	}
	p.r.calls = calls
	if err := p.measure(ctx, func() { err = pause(ctx, p.window) }); err != nil {
		return err
	}
	for _, c := range live {
		if c.State() == peer.Ended {
			p.r.failures = append(p.r.failures, fmt.Errorf("call %s was cut off", c.ID()))
		}
	}
	return errors.Join(err, each(ctx, calls, dialing, func(ctx context.Context, i int) error {
		if live[i].State() == peer.Ended {
			return nil
		}
		return live[i].Hangup(ctx)
	}))
}

// insist calls again whenever the switch asks to come back later (503 with
// Retry-After, RFC 3261 20.33), as carriers do.
func insist(ctx context.Context, call func() error) error {
	for {
		err := call()
		later, ok := errors.AsType[*peer.StatusError](err)
		if !ok || later.Response.Code != 503 {
			return err
		}
		seconds, bad := strconv.Atoi(later.Response.Get("Retry-After"))
		if bad != nil {
			return err
		}
		if pause(ctx, time.Duration(seconds)*time.Second) != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// setUps sets calls up and ends them for the length of the window.
func (p *play) setUps(ctx context.Context) error {
	if err := p.rest(); err != nil {
		return err
	}
	return p.measure(ctx, func() {
		if p.scenario.pace > 0 {
			p.paced(ctx, p.window)
			return
		}
		p.rush(ctx)
	})
}

// paced begins set-ups at an even rate, whatever becomes of them.
func (p *play) paced(ctx context.Context, length time.Duration) {
	total := int(length.Seconds() * float64(p.scenario.pace))
	var wg sync.WaitGroup
	begin := time.Now()
	for n := range total {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(p.scenario.pace))
		if pause(ctx, time.Until(due)) != nil {
			break
		}
		wg.Go(func() {
			if p.scenario.out {
				p.dialOut(ctx, n)
				return
			}
			p.setUp(ctx, n)
		})
	}
	wg.Wait()
}

// rush lets a few callers call again as soon as their call has ended.
func (p *play) rush(ctx context.Context) {
	end := time.Now().Add(p.window)
	var wg sync.WaitGroup
	for i := range p.scenario.width {
		wg.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				p.setUp(ctx, i)
			}
		})
	}
	wg.Wait()
}

// setUp places one call, ends it once a phone has answered, and notes how long
// the INVITE took to the phone.
func (p *play) setUp(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	from, to, err := p.floor.connect(ctx, p.sw.addr, n)
	if err == nil {
		err = pause(ctx, conversing)
	}
	if err == nil {
		err = from.Hangup(ctx)
	}
	if err == nil {
		_, err = to.WaitEnded(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.r.failures = append(p.r.failures, err)
		return
	}
	p.r.calls++
	p.r.ringing.observe(to.Invite().At.Sub(from.Messages()[0].At))
}

// check compares what the switch says it did with what was asked of it: every
// call has its result, and the right one. A failed call has one too, unless it
// was refused.
func (p *play) check(ctx context.Context) error {
	want := []string{`result="completed"`}
	switch {
	case p.scenario.out:
		want = append(want, `result="cancelled"`)
	case p.scenario.layout.unmanned:
		want = []string{`result="cancelled"`}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		after, err := p.sw.metrics(ctx)
		if err != nil {
			return err
		}
		p.r.after = after
		p.r.sieged.refused = int64(growth(p.r.before, after, "tandem_sip_rejected_total"))
		all := growth(p.r.before, after, "tandem_calls_total")
		var good float64
		for _, label := range want {
			good += growth(p.r.before, after, "tandem_calls_total", label)
		}
		if int(good) == p.r.calls && int(all) <= p.r.calls+len(p.r.failures) {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("of %d calls and %d failures the switch ended %v, with %s: %v", p.r.calls, len(p.r.failures),
				all, want, good)
		}
	}
}

// profileOf is the file of a scenario's profile.
func (o options) profileOf(s scenario, calls int) string {
	if o.profiles == "" {
		return ""
	}
	name := s.name
	if s.paced() {
		name = fmt.Sprintf("%s-%d", name, s.pace)
	}
	return fmt.Sprintf("%s/%s-%d.pprof", o.profiles, name, calls)
}

// chosen returns the scenarios of those names.
func chosen(names []string, all []scenario) ([]scenario, error) {
	byName := make(map[string][]scenario)
	for _, s := range all {
		byName[s.name] = append(byName[s.name], s)
	}
	var list []scenario
	for _, name := range names {
		if len(byName[name]) == 0 {
			return nil, fmt.Errorf("scenario %q: there are %v", name, slices.Sorted(maps.Keys(byName)))
		}
		list = append(list, byName[name]...)
	}
	return list, nil
}
