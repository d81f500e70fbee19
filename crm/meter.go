package crm

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Meter counts what goes to the CRM for Prometheus.
type Meter struct {
	worker   *Worker
	requests *prometheus.CounterVec
	lag      prometheus.Histogram
	pending  *prometheus.Desc
	failed   *prometheus.Desc
	oldest   *prometheus.Desc
	stopped  *prometheus.Desc
}

func newMeter(r prometheus.Registerer, w *Worker) (*Meter, error) {
	m := &Meter{
		worker: w,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_crm_requests_total", Help: "Requests to the CRM, by outcome.",
		}, []string{"provider", "outcome"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_crm_lag_seconds", Help: "From a call's end until the CRM shows it.",
			Buckets: []float64{1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 259200},
		}),
		pending: prometheus.NewDesc("tandem_crm_pending", "Ended calls that the CRM does not show yet.", nil, nil),
		failed:  prometheus.NewDesc("tandem_crm_failed", "Calls that are not tried any more until tandem crm retry.", nil, nil),
		oldest:  prometheus.NewDesc("tandem_crm_oldest_seconds", "Since the end of the first call that the CRM does not show yet.", nil, nil),
		stopped: prometheus.NewDesc("tandem_crm_stopped", "1 for the reason why all calls wait, else 0.", []string{"reason"}, nil),
	}
	return m, errors.Join(r.Register(m.requests), r.Register(m.lag), r.Register(m))
}

// counter counts one provider's requests.
func (m *Meter) counter(provider string) func(outcome string) {
	return func(outcome string) { m.requests.WithLabelValues(provider, outcome).Inc() }
}

// logged measures how long it took until the CRM showed a call.
func (m *Meter) logged(after time.Duration) { m.lag.Observe(max(after, 0).Seconds()) }

// Describe implements prometheus.Collector.
func (m *Meter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.pending, m.failed, m.oldest, m.stopped} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is left out.
func (m *Meter) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	s, err := m.worker.Status(ctx)
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(m.pending, float64(s.ToLog))
	gauge(m.failed, float64(s.Failed))
	age := 0.0
	if !s.Oldest.IsZero() {
		age = max(time.Since(s.Oldest).Seconds(), 0)
	}
	gauge(m.oldest, age)
	for _, why := range []Stop{StopUnreachable, StopBudget, StopAccess} {
		is := 0.0
		if s.Stop == why {
			is = 1
		}
		gauge(m.stopped, is, string(why))
	}
}
