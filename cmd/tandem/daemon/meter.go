package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// meter counts calls for Prometheus. Labels are closed sets: no numbers, names
// or IDs.
type meter struct {
	active  *prometheus.GaugeVec
	total   *prometheus.CounterVec
	wait    prometheus.Histogram
	setup   prometheus.Histogram
	trunks  *prometheus.GaugeVec
	stalled *prometheus.CounterVec
}

func newMeter(r prometheus.Registerer) *meter {
	m := &meter{
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tandem_calls_active", Help: "Live calls.",
		}, []string{"direction"}),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_calls_total", Help: "Calls that have ended, by result.",
		}, []string{"direction", "result"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_call_wait_seconds", Help: "From a call's arrival to its answer or end.",
			Buckets: []float64{1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120},
		}),
		setup: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tandem_call_setup_seconds", Help: "From a call's arrival to the first ringing phone.",
			Buckets: []float64{.005, .01, .02, .05, .1, .15, .25, .5, 1, 3, 10, 60},
		}),
		trunks: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tandem_trunk_calls", Help: "Live calls by the trunk that they came or went through.",
		}, []string{"trunk"}),
		stalled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_call_faults_total", Help: "What went wrong around a call without ending it: saves that failed, mailboxes that ran over, recordings that did not start.",
		}, []string{"fault"}),
	}
	r.MustRegister(m.active, m.total, m.wait, m.setup, m.trunks, m.stalled)
	for _, d := range []call.Direction{call.Inbound, call.Outbound} {
		m.active.WithLabelValues(string(d))
	}
	return m
}

// Began counts a call that routing has admitted.
func (m *meter) Began(rec call.Record) {
	m.active.WithLabelValues(string(rec.Direction)).Inc()
	m.trunks.WithLabelValues(rec.Trunk).Inc()
}

// Ringing measures how long it took until a phone rang.
func (m *meter) Ringing(_ call.Record, after time.Duration) { m.setup.Observe(after.Seconds()) }

// Ended counts a call that is over.
func (m *meter) Ended(rec call.Record) {
	m.active.WithLabelValues(string(rec.Direction)).Dec()
	m.trunks.WithLabelValues(rec.Trunk).Dec()
	m.total.WithLabelValues(string(rec.Direction), string(rec.Result)).Inc()
	m.wait.Observe(rec.Wait)
}

// Stalled counts a fault around a call.
func (m *meter) Stalled(what string) { m.stalled.WithLabelValues(what).Inc() }
