package recording

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the library counts.
type metrics struct {
	sealed  prometheus.Counter
	failed  prometheus.Counter
	missing prometheus.Counter
	deleted prometheus.Counter

	uploads  *prometheus.CounterVec // by outcome
	commands *prometheus.CounterVec // by outcome
}

func newMetrics(r prometheus.Registerer) metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := metrics{
		sealed:  counter("tandem_recordings_total", "Recordings that were sealed."),
		failed:  counter("tandem_recordings_failed_total", "Recordings that the disk held up or refused."),
		missing: counter("tandem_recording_missing_seconds_total", "Seconds of conversation that did not reach the disk."),
		deleted: counter("tandem_recordings_deleted_total", "Recordings that were deleted, by their age or by hand."),
	}
	byOutcome := func(name, help string, outcomes ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
		for _, outcome := range outcomes { // shown from the start, as 0
			v.WithLabelValues(outcome)
		}
		return v
	}
	m.uploads = byOutcome("tandem_recording_uploads_total",
		"Moves of recordings to the archive: stored, present (it was there already), failed (tried again), damaged (on our disk).",
		"stored", "present", "failed", "damaged")
	m.commands = byOutcome("tandem_recording_commands_total", "Runs of recording.command: done, failed.", "done", "failed")
	if r != nil {
		r.MustRegister(m.sealed, m.failed, m.missing, m.deleted, m.uploads, m.commands)
	}
	return m
}

// register shows what waits in the spool.
func (s *spool) register(r prometheus.Registerer) {
	gauge := func(name, help string, value func(*queue) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return value(&s.queue)
		})
	}
	r.MustRegister(
		gauge("tandem_recording_spool_files", "Recordings that wait for the archive.",
			func(q *queue) float64 { return float64(len(q.list)) }),
		gauge("tandem_recording_spool_bytes", "Bytes of recordings that wait for the archive.",
			func(q *queue) float64 { return float64(q.bytes) }),
		gauge("tandem_recording_spool_oldest_seconds", "How long the oldest of them has waited.",
			func(q *queue) float64 { return q.oldest(time.Now()).Seconds() }),
	)
}
