package sip

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// Why we ourselves take no more calls; the exchange has errors of its own.
var (
	errRush = errors.New("more calls a second than may begin")
	errLegs = errors.New("as many legs as there may be")
)

// turnaways leaves a trace of the calls that nobody had room for. They have no
// record, or whoever floods us would fill the disk: all are counted, and at
// most once a second a line says how many there were.
type turnaways struct {
	log   *slog.Logger
	total *prometheus.CounterVec

	mu    sync.Mutex
	last  time.Time // of the newest line
	since int       // how many came after it
}

// newTurned makes the metric, with every reason in it.
func newTurned() *prometheus.CounterVec {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tandem_calls_refused_total", Help: "Inbound calls answered 503 with Retry-After, of which there is no record."},
		[]string{"reason"})
	for _, why := range []error{errRush, errLegs, call.ErrFull, call.ErrDraining} {
		total.WithLabelValues(turnedAwayFor(why))
	}
	return total
}

// turnedAwayFor is the reason as the metric shows it: a closed set.
func turnedAwayFor(why error) string {
	switch {
	case errors.Is(why, errRush):
		return "rate"
	case errors.Is(why, call.ErrDraining):
		return "draining"
	}
	return "full"
}

// note counts a call of a trunk that is turned away, and may log it.
func (t *turnaways) note(at time.Time, trunk string, why error) {
	t.total.WithLabelValues(turnedAwayFor(why)).Inc()
	t.mu.Lock()
	t.since++
	calls, due := t.since, at.Sub(t.last) >= sampleEvery
	if due {
		t.last, t.since = at, 0
	}
	t.mu.Unlock()
	if due {
		t.log.Warn("calls are refused", slog.Int("calls", calls), slog.String("trunk", trunk), slog.Any("err", why))
	}
}
