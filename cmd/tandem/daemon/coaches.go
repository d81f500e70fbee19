package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// coachGauge counts, when it is asked, who coaches in which mode.
type coachGauge struct {
	lines interface{ Active() []call.Record }
}

func (coachGauge) desc() *prometheus.Desc {
	return prometheus.NewDesc("tandem_coaches", "Coaches in conversations, by mode: listen, whisper or barge.", []string{"mode"}, nil)
}

// Describe implements prometheus.Collector.
func (g coachGauge) Describe(out chan<- *prometheus.Desc) { out <- g.desc() }

// Collect implements prometheus.Collector.
func (g coachGauge) Collect(out chan<- prometheus.Metric) {
	counts := make(map[call.CoachMode]int)
	for _, rec := range g.lines.Active() {
		for _, s := range rec.Coachings {
			if s.LeftAt == nil {
				counts[s.Mode()]++
			}
		}
	}
	for _, mode := range []call.CoachMode{call.CoachListens, call.CoachWhispers, call.CoachBarges} {
		out <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, float64(counts[mode]), string(mode))
	}
}
