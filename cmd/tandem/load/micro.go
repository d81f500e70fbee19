//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// micro is one benchmark of the Go toolchain.
type micro struct {
	room   string // package without the module's name
	name   string
	ns     float64
	bytes  int64
	allocs int64
}

// readMicro reads a file; no name is no benchmarks.
func readMicro(path string) ([]micro, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("micro benchmarks: %w", err)
	}
	return parseMicro(text)
}

// parseMicro reads what go test -bench -benchmem prints. A package that failed
// is an error, as is output without any benchmark.
func parseMicro(text []byte) ([]micro, error) {
	var list []micro
	room := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0:
		case fields[0] == "pkg:" && len(fields) == 2:
			_, room, _ = strings.Cut(fields[1], "/")
		case fields[0] == "FAIL" || fields[0] == "---":
			return nil, fmt.Errorf("micro benchmarks: %s", lines.Text())
		case strings.HasPrefix(fields[0], "Benchmark") && len(fields) > 3:
			m, err := parseMicroLine(fields)
			if err != nil {
				return nil, err
			}
			m.room = room
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("micro benchmarks: none in %d bytes", len(text))
	}
	return list, lines.Err()
}

// parseMicroLine reads name, count and pairs of value and unit.
func parseMicroLine(fields []string) (micro, error) {
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if cut := strings.LastIndexByte(name, '-'); cut > 0 {
		name = name[:cut] // the number of processors
	}
	m := micro{name: name, allocs: -1}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return m, fmt.Errorf("micro benchmarks: %s: %w", name, err)
		}
		switch fields[i+1] {
		case "ns/op":
			m.ns = value
		case "B/op":
			m.bytes = int64(value)
		case "allocs/op":
			m.allocs = int64(value)
		}
	}
	return m, nil
}

// perPacket reports whether a benchmark is of what happens for every packet or
// frame, where nothing may be allocated: all of the media path, and the handing
// over to a recording. A benchmark over real sockets counts its own phones too.
func (m micro) perPacket() bool {
	switch m.room {
	case "media":
		return !strings.Contains(m.name, "OverLoopback")
	case "media/codec", "media/jitter", "media/mix":
		return true
	case "recording":
		return m.name == "Push"
	}
	return false
}

// allocations returns an error for each benchmark that allocates and must not,
// or does not say.
func allocations(list []micro) []error {
	var errs []error
	for _, m := range list {
		if m.perPacket() && m.allocs != 0 {
			errs = append(errs, fmt.Errorf("%s %s: %d allocations for each packet, want 0", m.room, m.name, m.allocs))
		}
	}
	return errs
}
