package media

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are one worker's, read by whoever collects metrics.
type counters struct {
	received, sent, lost atomic.Uint64 // RTP packets
	unsent               atomic.Uint64 // datagrams that the kernel did not take
	malformed            atomic.Uint64
	refused              atomic.Uint64 // payload type not agreed on, peer on hold, stray sequence number
	strangers            atomic.Uint64 // from a source that is not trusted
	forged               atomic.Uint64 // SRTP that the peer did not make, or that came before
	untaped              atomic.Uint64 // frames that a tape dropped
	untold               atomic.Uint64 // events for calls that found no room
	skipped              atomic.Uint64 // ticks given up

	lateness, work, jitter histogram
}

// Upper bounds of the buckets of every histogram here.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
}

// histogram counts durations without a lock.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// collector reads the workers' counters when metrics are asked for.
type collector struct {
	engine *Engine

	packets, lost, discarded, skipped *prometheus.Desc
	untaped, legs                     *prometheus.Desc
	lateness, work, jitter            *prometheus.Desc
}

func newCollector(e *Engine) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tandem_"+name, help, labels, nil)
	}
	return &collector{
		engine:    e,
		packets:   desc("rtp_packets_total", "RTP packets accepted and sent.", "direction"),
		lost:      desc("rtp_lost_packets_total", "RTP packets that never arrived."),
		discarded: desc("rtp_discarded_packets_total", "Datagrams that were not used.", "reason"),
		skipped:   desc("media_ticks_skipped_total", "20 ms ticks given up after a stall."),
		untaped:   desc("media_untaped_frames_total", "20 ms frames that a recording had no room for."),
		legs:      desc("media_legs", "Legs with open ports."),
		lateness:  desc("media_tick_lateness_seconds", "How late ticks begin."),
		work:      desc("media_tick_seconds", "How long ticks take."),
		jitter:    desc("rtp_jitter_seconds", "Interarrival jitter, as reported to peers."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.packets, c.lost, c.discarded, c.skipped, c.untaped, c.legs, c.lateness, c.work, c.jitter,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, of func(*counters) *atomic.Uint64, labels ...string) {
		var sum uint64
		for _, w := range c.engine.workers {
			sum += of(&w.counters).Load()
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(sum), labels...)
	}
	count(c.packets, func(n *counters) *atomic.Uint64 { return &n.received }, "received")
	count(c.packets, func(n *counters) *atomic.Uint64 { return &n.sent }, "sent")
	count(c.lost, func(n *counters) *atomic.Uint64 { return &n.lost })
	count(c.discarded, func(n *counters) *atomic.Uint64 { return &n.malformed }, "malformed")
	count(c.discarded, func(n *counters) *atomic.Uint64 { return &n.refused }, "unexpected")
	count(c.discarded, func(n *counters) *atomic.Uint64 { return &n.strangers }, "stranger")
	count(c.discarded, func(n *counters) *atomic.Uint64 { return &n.forged }, "forged")
	count(c.discarded, func(n *counters) *atomic.Uint64 { return &n.unsent }, "unsent")
	count(c.skipped, func(n *counters) *atomic.Uint64 { return &n.skipped })
	count(c.untaped, func(n *counters) *atomic.Uint64 { return &n.untaped })
	ch <- prometheus.MustNewConstMetric(c.legs, prometheus.GaugeValue, float64(c.engine.Legs()))
	c.collectHistogram(ch, c.lateness, func(n *counters) *histogram { return &n.lateness })
	c.collectHistogram(ch, c.work, func(n *counters) *histogram { return &n.work })
	c.collectHistogram(ch, c.jitter, func(n *counters) *histogram { return &n.jitter })
}

func (c *collector) collectHistogram(ch chan<- prometheus.Metric, d *prometheus.Desc, of func(*counters) *histogram) {
	buckets := make(map[float64]uint64, len(bounds))
	var total uint64
	var sum int64
	for i := range len(bounds) + 1 {
		for _, w := range c.engine.workers {
			total += of(&w.counters).buckets[i].Load()
		}
		if i < len(bounds) {
			buckets[bounds[i].Seconds()] = total
		}
	}
	for _, w := range c.engine.workers {
		sum += of(&w.counters).sum.Load()
	}
	ch <- prometheus.MustNewConstHistogram(d, total, time.Duration(sum).Seconds(), buckets)
}
