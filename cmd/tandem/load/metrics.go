//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// samples are a scrape of Prometheus metrics: value by name and labels as they
// are written, `name{label="value"}`.
type samples map[string]float64

// parseMetrics reads the text format.
func parseMetrics(text []byte) (samples, error) {
	out := make(samples)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, '}') + 1
		if at == 0 {
			at = strings.IndexByte(line, ' ')
		}
		if at < 0 {
			return nil, fmt.Errorf("metrics: %q", line)
		}
		fields := strings.Fields(line[at:]) // value and perhaps a time
		if len(fields) == 0 {
			return nil, fmt.Errorf("metrics: %q has no value", line)
		}
		value, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		out[line[:at]] = value
	}
	return out, lines.Err()
}

// growth is what a counter has grown by between two scrapes, over all labels
// that hold every one of the given `label="value"`.
func growth(before, after samples, name string, labels ...string) float64 {
	sum := 0.0
	for key, value := range after {
		if plain, rest, _ := strings.Cut(key, "{"); plain == name && holdsAll(rest, labels) {
			sum += value - before[key]
		}
	}
	return sum
}

func holdsAll(text string, labels []string) bool {
	return !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(text, l) })
}

// bucket is one of a Prometheus histogram: how many were at most le, in seconds.
type bucket struct{ le, count float64 }

// percentile returns the upper bound, in seconds, of the bucket below which a
// share of all lies that a histogram counted between two scrapes; false when it
// counted nothing. It is infinite beyond the last bound.
func percentile(before, after samples, name string, share float64) (float64, bool) {
	counts := make(map[float64]float64)
	for key, value := range after {
		rest, ok := strings.CutPrefix(key, name+"_bucket{")
		if !ok {
			continue
		}
		_, text, _ := strings.Cut(rest, `le="`)
		text, _, _ = strings.Cut(text, `"`)
		if le, err := strconv.ParseFloat(text, 64); err == nil {
			counts[le] += value - before[key]
		}
	}
	var buckets []bucket
	for le, count := range counts {
		buckets = append(buckets, bucket{le, count})
	}
	slices.SortFunc(buckets, func(a, b bucket) int {
		if a.le < b.le {
			return -1
		}
		return 1
	})
	if len(buckets) == 0 || !(buckets[len(buckets)-1].count > 0) { // nor is NaN a count
		return 0, false
	}
	want := share * buckets[len(buckets)-1].count
	for _, b := range buckets {
		if b.count >= want {
			return b.le, true
		}
	}
	return math.Inf(1), true
}
