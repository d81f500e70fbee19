//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// report is a whole table.
type report struct {
	machine machine
	options options
	results []result
	micro   []micro
}

func (r report) markdown() string {
	var b strings.Builder
	m := r.machine
	fmt.Fprintf(&b, "# What calls cost\n\nMade by `%s` on %s; do not edit.\n\n", r.options.command, m.when.Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "- Machine: %s, %d cores, Linux %s, %s; load before the first measurement: %s.\n", m.model, m.cores, m.kernel, m.golang, m.loadavg)
	fmt.Fprintf(&b, `- The switch runs in a process of its own with its defaults. One other process plays the carrier and every phone, over
  loopback on the same cores. Each scenario has a fresh switch and %d seconds of measurement.
- CPU is user and system time of the switch's process. "Waited" is how long its threads were ready to run and had no
  processor, beside the CPU time that they got: the more of it, the less latencies, gaps and rates say about the switch.
  CPU per work suffers least.
`, r.options.seconds)
	r.setUps(&b)
	r.dialed(&b)
	r.lasting(&b)
	r.sieges(&b)
	r.micros(&b)
	return b.String()
}

// of returns the results of the scenarios that fit.
func (r report) of(fits func(scenario) bool) []result {
	var list []result
	for _, one := range r.results {
		if fits(one.scenario) {
			list = append(list, one)
		}
	}
	return list
}

func (r report) setUps(b *strings.Builder) {
	list := r.of(func(s scenario) bool { return s.setup && !s.out && s.siege == nil })
	if len(list) == 0 {
		return
	}
	b.WriteString(`
## Set-up

A call comes in, its contact is found, call and task are stored, a phone rings and answers, the caller hangs up. Ringing
is from the carrier's sending of the INVITE to the phone's receipt of its own.

| scenario | calls | failed | a second | switch CPU per call | generator CPU per call | ringing p50 | p99 | most | store commit p99 | memory | waited |
|---|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, one := range list {
		done := max(1, one.calls)
		fmt.Fprintf(b, "| %s | %d | %d | %.1f | %s | %s | %s | %s | %s | %s | %.0f MB | %s |\n",
			one.scenario.title, one.calls, len(one.failures), float64(one.calls)/one.window.Seconds(),
			millis(one.cpu/time.Duration(done)), millis(one.generator/time.Duration(done)),
			millis(one.ringing.percentile(0.5)), millis(one.ringing.percentile(0.99)), millis(one.ringing.most),
			one.bound("tandem_store_commit_seconds"), megabytes(one.rss), one.queued())
	}
}

func (r report) dialed(b *strings.Builder) {
	list := r.of(func(s scenario) bool { return s.out })
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, `
## Calls out

A user calls a contact by the API: the user's phone is called first and answers at once, then the contact, of whom one in %d
never lifts. Called is from the request to the phone's receipt of the INVITE; talking from the contact's answer to
when the later of the two received the first packet of the other, who speaks every 20 ms; ended from one side's hang-up
to the other's receipt of BYE or CANCEL.

| scenario | calls | failed | switch CPU per call | called p50 | p99 | most | talking p50 | p99 | most | ended p50 | p99 | most | waited |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
`, neverLifts)
	for _, one := range list {
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %s | %s | %s |\n", one.scenario.title, one.calls, len(one.failures),
			millis(one.cpu/time.Duration(max(1, one.calls))), spread(&one.ringing), spread(&one.talking), spread(&one.ending), one.queued())
	}
}

// spread is three cells: the middle, the last percent, the most.
func spread(h *histogram) string {
	return millis(h.percentile(0.5)) + " | " + millis(h.percentile(0.99)) + " | " + millis(h.most)
}

func (r report) lasting(b *strings.Builder) {
	list := r.of(func(s scenario) bool { return !s.setup })
	if len(list) == 0 {
		return
	}
	b.WriteString(`
## Calls under way

G.711, 50 packets a second each way on every leg; who waits with music has one leg, who talks has two. Lost packets, and
gaps of more than 40 ms between two, are counted at the far ends by when the kernel received each packet. Added latency is
from just before the sending of a packet to its receipt at the other end, of packets that the switch passes through; it
includes the sending itself. Where it transcodes, a loud packet a second is timed until something loud comes out. Late is how late the 20 ms ticks of the switch, and the packets of the generator, were.

| scenario | calls | switch CPU per call-minute | generator CPU per call-minute | memory idle | with calls | per call | packets sent | received | lost | gaps | longest | latency p50 | p99 | switch late p99 | generator late p99 | waited |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
`)
	for _, one := range list {
		t := &one.tally
		minutes := float64(one.calls) * one.window.Minutes()
		latency := [2]string{"–", "–"}
		if t.Latency.total > 0 {
			latency = [2]string{millis(t.Latency.percentile(0.5)), millis(t.Latency.percentile(0.99))}
		}
		fmt.Fprintf(b, "| %s | %d | %.4f s | %.4f s | %.0f MB | %.0f MB | %.0f kB | %d | %d | %d | %d | %s | %s | %s | %s | %s | %s |\n",
			one.scenario.title, one.calls, one.cpu.Seconds()/minutes, one.generator.Seconds()/minutes,
			megabytes(one.idle), megabytes(one.rss), float64(one.rss-one.idle)/1e3/float64(one.calls),
			t.Sent, t.Received, t.Lost, t.Gaps, millis(t.MaxGap), latency[0], latency[1],
			one.bound("tandem_media_tick_lateness_seconds"), millis(t.Lateness.percentile(0.99)), one.queued())
	}
	r.coaching(b)
}

// coaching tells what one coach costs: what the same calls cost more than without.
func (r report) coaching(b *strings.Builder) {
	for _, one := range r.of(func(s scenario) bool { return s.coached }) {
		for _, plain := range r.of(func(s scenario) bool { return s.name == "record" }) {
			if plain.calls != one.calls {
				continue
			}
			coaches := float64(one.scenario.layout.coaches)
			more := one.cpu.Seconds()/one.window.Minutes() - plain.cpu.Seconds()/plain.window.Minutes()
			fmt.Fprintf(b, "\nWith %d calls each of %.0f listening coaches costs %.4f s of the switch's CPU a minute: what the recorded calls cost more with them.\n",
				one.calls, coaches, more/coaches)
		}
	}
}

func (r report) sieges(b *strings.Builder) {
	list := r.of(func(s scenario) bool { return s.siege != nil })
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, `
## Under siege

Strangers send what they like to the SIP port, %d contacts a second call meanwhile, and the limits are the defaults. Lost
are the datagrams for which the kernel had no room in the socket's buffer, those of calls among them, which are then
sent again after 500 ms; refused is what the switch counted as such: the rest got a challenge. Echo is the bytes that came
back for each one sent. Memory is before, at its peak, and when it was back (to at most %.0f %% more). A failed call, more than %.0f MB of growth, memory that is not back within %v and more than %.0f MB of log
a minute are failures.

| siege | sent a second | lost | refused | echo | calls | failed | ringing p50 | p99 | most | switch CPU | memory before | most | after | back within | log a minute | waited |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
`, siegePace, 100*reliefMargin, megabytes(siegeGrowth), relief, siegeLog/1e6)
	for _, one := range list {
		s := one.sieged
		back := "never"
		if s.relieved > 0 {
			back = fmt.Sprintf("%.1f s", s.relieved.Seconds())
		}
		fmt.Fprintf(b, "| %s | %.0f | %.1f %% | %.1f %% | %.3f | %d | %d | %s | %s | %s | %.0f %% | %.0f MB | %.0f MB | %.0f MB | %s | %.0f kB | %s |\n",
			one.scenario.title, float64(s.sent)/one.window.Seconds(), share(s.lost, s.sent), share(s.refused, s.sent), s.returned,
			one.calls, len(one.failures), millis(one.ringing.percentile(0.5)), millis(one.ringing.percentile(0.99)), millis(one.ringing.most),
			100*one.cpu.Seconds()/one.window.Seconds(), megabytes(one.idle), megabytes(s.most), megabytes(s.after), back,
			s.logged/1e3, one.queued())
	}
}

// share is how many percent one is of all.
func share(one, all int64) float64 { return 100 * float64(one) / float64(max(1, all)) }

func (r report) micros(b *strings.Builder) {
	if len(r.micro) == 0 {
		return
	}
	b.WriteString(`
## Parts

What happens for each packet or frame (marked •) must allocate nothing.

| part | benchmark | time | bytes | allocations | |
|---|---|---|---|---|---|
`)
	for _, m := range r.micro {
		sign := ""
		if m.perPacket() {
			sign = "•"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %d | %d | %s |\n", m.room, m.name, short(m.ns), m.bytes, m.allocs, sign)
	}
}

// bound is the 99th percentile of one of the switch's own histograms.
func (r result) bound(name string) string {
	switch p, ok := percentile(r.before, r.after, name, 0.99); {
	case !ok:
		return "–"
	case math.IsInf(p, 1):
		return "beyond all buckets"
	default:
		return "≤ " + millis(time.Duration(p*float64(time.Second)))
	}
}

// queued is the time spent waiting for a processor, beside the CPU time.
func (r result) queued() string {
	return fmt.Sprintf("%.0f %%", 100*r.waited.Seconds()/max(r.cpu.Seconds(), 1e-3))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// short writes nanoseconds with a unit that suits.
func short(ns float64) string {
	switch {
	case ns >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}
