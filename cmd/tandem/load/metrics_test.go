//go:build linux

package main

import (
	"math"
	"strings"
	"testing"
)

const scrapeBefore = `# HELP tandem_calls_total Calls.
# TYPE tandem_calls_total counter
tandem_calls_total{direction="inbound",result="completed"} 5
tandem_late_seconds_bucket{le="0.001"} 10
tandem_late_seconds_bucket{le="0.01"} 10
tandem_late_seconds_bucket{le="+Inf"} 10
`

const scrapeAfter = `tandem_calls_total{direction="inbound",result="completed"} 8
tandem_calls_total{direction="inbound",result="failed"} 1 1700000000000
tandem_calls_total_of_others{result="completed"} 100
tandem_late_seconds_bucket{le="0.001"} 100
tandem_late_seconds_bucket{le="0.01"} 108
tandem_late_seconds_bucket{le="+Inf"} 110
go_goroutines 12
odd{text="a } in it"} 1e-3
`

func scrapes(t *testing.T) (before, after samples) {
	t.Helper()
	before, err := parseMetrics([]byte(scrapeBefore))
	if err != nil {
		t.Fatal(err)
	}
	after, err = parseMetrics([]byte(scrapeAfter))
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestGrowth(t *testing.T) {
	before, after := scrapes(t)
	for _, tt := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"tandem_calls_total", nil, 4},
		{"tandem_calls_total", []string{`result="completed"`}, 3},
		{"tandem_calls_total", []string{`result="failed"`, `direction="inbound"`}, 1},
		{"tandem_calls_total", []string{`result="failed"`, `direction="outbound"`}, 0},
		{"go_goroutines", nil, 12},
		{"odd", nil, 0.001},
		{"none", nil, 0},
	} {
		if got := growth(before, after, tt.name, tt.labels...); got != tt.want {
			t.Errorf("%s%v grew by %v, want %v", tt.name, tt.labels, got, tt.want)
		}
	}
}

func TestPercentileOfMetrics(t *testing.T) {
	before, after := scrapes(t)
	for share, want := range map[float64]float64{0.5: 0.001, 0.9: 0.001, 0.95: 0.01, 0.99: math.Inf(1)} {
		if got, ok := percentile(before, after, "tandem_late_seconds", share); !ok || got != want {
			t.Errorf("percentile %v: %v, %v; want %v", share, got, ok, want)
		}
	}
	if got, ok := percentile(after, after, "tandem_late_seconds", 0.99); ok {
		t.Errorf("percentile of nothing: %v", got)
	}
	if got, ok := percentile(before, after, "go_goroutines", 0.99); ok {
		t.Errorf("percentile of a gauge: %v", got)
	}
}

func TestBrokenMetrics(t *testing.T) {
	for _, bad := range []string{"name", `name{a="b"}`, "name value", `name{a="b"} x`} {
		if got, err := parseMetrics([]byte(bad)); err == nil {
			t.Errorf("parseMetrics(%q) = %v", bad, got)
		}
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add([]byte(scrapeAfter))
	f.Add([]byte("} "))
	f.Add([]byte("a_bucket{le=\"1\"} NaN\nb_bucket{le=\"+Inf\"} +Inf"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseMetrics(text)
		if err != nil {
			return
		}
		if len(s) > len(text) {
			t.Errorf("%d samples in %d bytes", len(s), len(text))
		}
		for key := range s {
			name, _, found := strings.Cut(key, "_bucket{")
			if _, ok := percentile(s, s, name, 0.99); found && ok {
				t.Errorf("%q: %s counted something since itself", text, name)
			}
		}
	})
}
