package routing

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// metrics describes what the floor shows of itself.
type metrics struct{ users, queue, oldest, offers *prometheus.Desc }

func newMetrics() metrics {
	return metrics{
		users: prometheus.NewDesc("tandem_users",
			"Users of a playbook: offline, break, available, offered, talking, coaching or wrap_up.", []string{"playbook", "status"}, nil),
		queue: prometheus.NewDesc("tandem_queue_calls",
			"Calls for which nobody rings yet.", []string{"playbook"}, nil),
		oldest: prometheus.NewDesc("tandem_queue_oldest_seconds",
			"How long the oldest of them has waited since its arrival.", []string{"playbook"}, nil),
		offers: prometheus.NewDesc("tandem_offers_total",
			"Calls offered to users, by how the offer ended.", []string{"outcome"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *Floor) Describe(out chan<- *prometheus.Desc) {
	m := newMetrics()
	for _, d := range []*prometheus.Desc{m.users, m.queue, m.oldest, m.offers} {
		out <- d
	}
}

// Collect implements prometheus.Collector: it reads what Users and Queues show
// and never waits for the floor.
func (f *Floor) Collect(out chan<- prometheus.Metric) {
	m, v, now := newMetrics(), f.view.Load(), time.Now()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counts := make(map[[2]string]int)
	for _, u := range v.users {
		for _, p := range u.Playbooks {
			counts[[2]string{p, u.label()}]++
		}
	}
	for _, q := range v.queues {
		for _, status := range []string{"offline", "break", "available", "offered", "talking", "coaching", "wrap_up"} {
			gauge(m.users, float64(counts[[2]string{q.Playbook, status}]), q.Playbook, status)
		}
		waited := time.Duration(0)
		if q.Calls > 0 {
			waited = max(0, now.Sub(q.Oldest))
		}
		gauge(m.queue, float64(q.Calls), q.Playbook)
		gauge(m.oldest, waited.Seconds(), q.Playbook)
	}
	for _, o := range []call.Outcome{
		call.OutcomeAccepted, call.OutcomeRejected, call.OutcomeTimeout, call.OutcomeUnreachable,
		call.OutcomeWithdrawn, call.OutcomeElsewhere, call.OutcomeFailed,
	} {
		out <- prometheus.MustNewConstMetric(m.offers, prometheus.CounterValue, float64(v.offers[o]), string(o))
	}
}

// label is what a user counts as: what they do, else whether they take calls.
func (u UserState) label() string {
	switch {
	case u.Activity != ActivityIdle:
		return string(u.Activity)
	case u.Status == StatusBreak:
		return "break"
	case u.Available():
		return "available"
	}
	return "offline"
}
