package sip

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
)

// Calls that are turned away are counted by their reason, and logged once a
// second with their number.
func TestTurnaways(t *testing.T) {
	var log bytes.Buffer
	turned := &turnaways{log: slog.New(slog.NewTextHandler(&log, nil)), total: newTurned()}
	now := time.Now()
	for i := range 1000 { // ten seconds
		turned.note(now.Add(time.Duration(i)*10*time.Millisecond), "carrier", errRush)
	}
	for _, why := range []error{errLegs, call.ErrFull, call.ErrDraining, fmt.Errorf("call: %w", call.ErrDraining)} {
		turned.note(now, "carrier", why)
	}
	for reason, want := range map[string]float64{"rate": 1000, "full": 2, "draining": 2} {
		if got := testutil.ToFloat64(turned.total.WithLabelValues(reason)); got != want {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
	text := log.String()
	if n := strings.Count(text, "calls are refused"); n != 10 {
		t.Errorf("%d lines:\n%s", n, text)
	}
	if !strings.Contains(text, "level=WARN") || strings.Count(text, "calls=100 ") != 9 || !strings.Contains(text, "trunk=carrier") {
		t.Errorf("lines:\n%s", text)
	}
}
