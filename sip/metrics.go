package sip

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	wire "github.com/emiago/sipgo/sip"
)

// meter counts what passes over the wire.
type meter struct {
	requests  *prometheus.CounterVec
	responses *prometheus.CounterVec
	rejected  *prometheus.CounterVec
	refused   [reasons]prometheus.Counter // rejected, by reason
	unstored  prometheus.Counter
	turned    *prometheus.CounterVec
	bindings  prometheus.Gauge
	trunkUp   *prometheus.GaugeVec
}

// newMeter makes the collectors and registers them; a nil registerer keeps
// them private.
func newMeter(reg prometheus.Registerer) (*meter, error) {
	m := &meter{
		turned: newTurned(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_sip_requests_total", Help: "SIP requests received."}, []string{"method"}),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_sip_responses_total", Help: "SIP responses sent."}, []string{"code"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_sip_rejected_total", Help: "SIP messages refused or dropped."}, []string{"reason"}),
		unstored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_sip_unstored_total", Help: "Messages sent before their dialog was on disk, because the disk was slow."}),
		bindings: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tandem_registrations", Help: "Registered phones."}),
		trunkUp: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tandem_trunk_up", Help: "1 when the trunk answers."}, []string{"trunk"}),
	}
	for why := reasonNone + 1; why < reasons; why++ {
		m.refused[why] = m.rejected.WithLabelValues(why.label())
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.requests, m.responses, m.rejected, m.unstored, m.turned, m.bindings, m.trunkUp} {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("sip: metrics: %w", err)
	}
	return m, nil
}

// registerHoldings shows what the agent has in its hands.
func (a *Agent) registerHoldings(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	gauge := func(name, help string, count func() int) error {
		return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(count()) }))
	}
	err := errors.Join(
		gauge("tandem_sip_dialogs", "Legs in a dialog or on their way to one.", a.legs.count),
		gauge("tandem_registrations_unstored", "Registrations that the store does not have yet.", func() int { return a.scribe.bindings.waiting() }),
		gauge("tandem_sip_transactions", "Server transactions; over UDP they stay for 32 s.", a.open.count))
	if err != nil {
		return fmt.Errorf("sip: metrics: %w", err)
	}
	return nil
}

// received counts a request; methods that nobody knows share one label.
func (m *meter) received(method wire.RequestMethod) {
	label := "other"
	if allowed(method) || known(method) {
		label = string(method)
	}
	m.requests.WithLabelValues(label).Inc()
}

func (m *meter) sent(status int) { m.responses.WithLabelValues(strconv.Itoa(status)).Inc() }

func (m *meter) reject(why reason) { m.refused[why].Inc() }
