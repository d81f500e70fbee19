package bolt

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the store counts.
type metrics struct {
	commit   prometheus.Histogram
	failures prometheus.Counter
	bad      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tandem_store_commit_seconds",
			Help:    "Time that a commit took to reach the disk.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // 0.25 ms to 8 s
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_store_commit_failures_total",
			Help: "Commits that the disk refused.",
		}),
		bad: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_store_damaged_records_total",
			Help: "Times that a stored record could not be read and was skipped.",
		}),
	}
	if r != nil {
		r.MustRegister(m.commit, m.failures, m.bad)
	}
	return m
}
