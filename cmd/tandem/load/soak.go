//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// soakOptions are what a soak is: calls with faults for a long time.
type soakOptions struct {
	length time.Duration
	warmUp time.Duration // before the baseline
	quiet  time.Duration // after the last call, before it is counted what is held
	settle time.Duration // more time to let go of what is held
	every  time.Duration // between lines
	rate   float64       // calls a second
	calls  int           // at one time, at most
	seed   uint64
	dir    string // data folder of the switch

	profile string // file name that heap profiles begin with, or empty
}

// fullSoak is a soak at the length that was asked for. The longest timers of the
// switch are a transaction's, 32 s, and the rest of a port, 30 s.
func fullSoak(length time.Duration, seed uint64, dir string) soakOptions {
	return soakOptions{
		length: length, warmUp: time.Minute, quiet: 40 * time.Second, settle: time.Minute, every: 30 * time.Second,
		rate: 3, calls: 40, seed: seed, dir: dir,
	}
}

// soaking is a soak under way.
type soaking struct {
	o     soakOptions
	staff *staff
	sw    *switchProcess
	out   io.Writer
	next  int // number of the next call

	mu      sync.Mutex // guards all below
	made    []plan
	refused int // calls that the switch had no room for
	faults  []error
}

// runSoak plays a soak against a fresh switch and returns everything that is
// off.
func runSoak(ctx context.Context, o soakOptions, out io.Writer) (err error) {
	people, err := hireStaff(o.seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, people.Close()) }()
	sw, err := startSwitch(ctx, o.dir, soakConfiguration(o.dir, people.carrier.Addr(), time.Now()), o.profile)
	if err != nil {
		return err
	}
	s := &soaking{o: o, staff: people, sw: sw, out: out}
	s.say("seed %d", o.seed)
	if err := people.equip(ctx, sw.addr); err != nil {
		return errors.Join(err, sw.stop())
	}
	records, err := s.play(ctx)
	if err := errors.Join(err, sw.stop()); err != nil {
		return errors.Join(append(s.faults, err)...)
	}
	s.audit(records)
	return errors.Join(s.faults...)
}

// play warms the switch up, soaks it, and compares what it holds.
func (s *soaking) play(ctx context.Context) ([]record, error) {
	s.shift(ctx, s.o.warmUp)
	before, err := s.rest(ctx, holding{}, 0)
	if err != nil {
		return nil, err
	}
	s.say("before: %s", before)
	s.shift(ctx, s.o.length)
	after, err := s.rest(ctx, before, s.o.settle)
	if err != nil {
		return nil, err
	}
	s.say("after: %s", after)
	for _, grown := range after.beyond(before) {
		s.fault(errors.New("the switch holds " + grown))
	}
	return s.results(ctx)
}

// rest waits until timers are over, and then as long as more is held than
// before, but no longer than settle.
func (s *soaking) rest(ctx context.Context, before holding, settle time.Duration) (holding, error) {
	if err := pause(ctx, s.o.quiet); err != nil {
		return holding{}, err
	}
	for end := time.Now().Add(settle); ; {
		now, err := s.sw.held(ctx)
		if err != nil || len(now.beyond(before)) == 0 || time.Now().After(end) {
			return now, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return now, err
		}
	}
}

// shift makes calls, with all that disturbs them, for a time, and returns when
// the last is over.
func (s *soaking) shift(ctx context.Context, length time.Duration) {
	noisy, quiet := context.WithCancel(ctx)
	var calls, noise sync.WaitGroup
	first := s.next
	noise.Go(func() { s.staff.wander(noisy, s.chance(1, first)) })
	noise.Go(func() { s.fault(pester(noisy, s.sw.addr, s.chance(2, first))) })
	noise.Go(func() { s.fault(s.sw.browse(noisy, s.chance(3, first))) })
	noise.Go(func() { s.sw.subscribe(noisy, s.chance(4, first)) })
	noise.Go(func() { s.sw.subscribe(noisy, s.chance(5, first)) })
	noise.Go(func() { s.narrate(noisy) })
	lines := make(chan struct{}, s.o.calls)
	begin := time.Now()
	for n := 0; time.Since(begin) < length; n++ {
		due := begin.Add(time.Duration(float64(n) / s.o.rate * float64(time.Second)))
		if pause(ctx, time.Until(due)) != nil {
			break
		}
		lines <- struct{}{}
		p := planCall(s.o.seed, s.next)
		s.next++
		calls.Go(func() { s.call(ctx, p); <-lines })
	}
	calls.Wait()
	s.staff.fates.Wait()
	quiet()
	noise.Wait()
}

// chance is the randomness of one of those who disturb, in the shift that begins
// with a call of that number.
func (s *soaking) chance(who uint64, first int) *rand.Rand {
	return rand.New(rand.NewPCG(s.o.seed, 1<<63|who<<32|uint64(first)))
}

func (s *soaking) call(ctx context.Context, p plan) {
	err := s.staff.callOut(ctx, s.sw.addr, p)
	s.mu.Lock()
	if errors.Is(err, errRefused) {
		s.refused++
		err = nil
	} else {
		s.made = append(s.made, p)
	}
	s.mu.Unlock()
	s.fault(err)
}

// maxFaults bounds what is kept of a soak that goes wrong all the time.
const maxFaults = 100

// fault notes what is off; nil is nothing.
func (s *soaking) fault(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) < maxFaults {
		s.faults = append(s.faults, err)
	}
	s.say("off: %v", err)
}

// say prints a line; who cannot read it misses it.
func (s *soaking) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format+"\n", args...) }

const tickLateness = "tandem_media_tick_lateness_seconds"

// narrate prints a line about the switch now and then. Its ticks are late by a
// bucket's bound: +Inf is beyond the longest.
func (s *soaking) narrate(ctx context.Context) {
	begin := samples{}
	for pause(ctx, s.o.every) == nil {
		now, err := s.sw.metrics(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.fault(err)
			}
			return
		}
		late, _ := percentile(begin, now, tickLateness, 1)
		begin = now
		own, err := usageOf(os.Getpid())
		s.fault(err)
		info, err := os.Stat(s.storePath())
		if err != nil {
			s.fault(err)
			return
		}
		s.say("%s %s; %s; store %.1f MB; ticks at most %g s late; generator %.1f MB", time.Now().Format(time.TimeOnly),
			byResult(now), holdingOf(now), float64(info.Size())/megabyte, late, float64(own.RSS)/megabyte)
	}
}

// byResult counts the calls that have ended.
func byResult(m samples) string {
	var parts []string
	for key, n := range m {
		if rest, ok := strings.CutPrefix(key, `tandem_calls_total{`); ok && n > 0 {
			_, result, _ := strings.Cut(rest, `result="`)
			result, _, _ = strings.Cut(result, `"`)
			parts = append(parts, fmt.Sprintf("%s %.0f", result, n))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// results compares the switch's records and counters with the calls made, and
// copies its store.
func (s *soaking) results(ctx context.Context) ([]record, error) {
	records, err := s.sw.records(ctx)
	if err != nil {
		return nil, err
	}
	for _, err := range judge(s.made, records) {
		s.fault(err)
	}
	now, err := s.sw.metrics(ctx)
	if err != nil {
		return nil, err
	}
	if counted := int(growth(samples{}, now, "tandem_calls_total")); counted != len(s.made) {
		s.fault(fmt.Errorf("%d calls were made, the switch counted %d results", len(s.made), counted))
	}
	if longest, _ := percentile(samples{}, now, "tandem_media_tick_seconds", 1); s.refused > 0 && longest <= frameTime.Seconds() {
		s.fault(fmt.Errorf("%d calls were refused, though every tick was done in time", s.refused))
	}
	for _, name := range []string{
		"tandem_recordings_failed_total", "tandem_recording_missing_seconds_total", "tandem_call_faults_total",
		"tandem_store_commit_failures_total", "tandem_store_damaged_records_total",
	} {
		if n := growth(samples{}, now, name); n > 0 {
			s.fault(fmt.Errorf("%s is %g", name, n))
		}
	}
	s.say("%d calls: %s; %d refused for want of room", len(s.made), byResult(now), s.refused)
	return records, s.sw.backup(ctx, s.backupPath())
}

func (s *soaking) storePath() string  { return filepath.Join(s.o.dir, "tandem.db") }
func (s *soaking) backupPath() string { return filepath.Join(s.o.dir, "backup.db") }

// audit looks at what the switch, which has stopped, left on the disk.
func (s *soaking) audit(records []record) {
	count, faults := auditRecordings(filepath.Join(s.o.dir, "recordings"), records)
	for _, err := range faults {
		s.fault(err)
	}
	s.fault(auditStore(s.backupPath()))
	s.fault(auditStore(s.storePath()))
	s.say("%d recordings checked", count)
}

// soakAnew runs the soak that was asked for in a folder of its own, which stays
// when something is off.
func soakAnew(ctx context.Context, asked options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "tandem-soak-")
	if err != nil {
		return err
	}
	o := fullSoak(asked.soak, asked.seed, dir)
	if asked.profiles != "" {
		o.profile = filepath.Join(asked.profiles, "soak")
	}
	if err := runSoak(ctx, o, out); err != nil {
		return fmt.Errorf("seed %d, %s: %w", asked.seed, dir, err)
	}
	return os.RemoveAll(dir)
}
