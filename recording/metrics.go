package recording

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the library counts.
type metrics struct {
	sealed  prometheus.Counter
	failed  prometheus.Counter
	missing prometheus.Counter
	deleted prometheus.Counter
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
	if r != nil {
		r.MustRegister(m.sealed, m.failed, m.missing, m.deleted)
	}
	return m
}
