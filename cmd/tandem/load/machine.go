//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where and when a table was made.
type machine struct {
	when    time.Time
	model   string
	cores   int
	kernel  string
	golang  string
	loadavg string // of the minute before
}

func describeMachine(now time.Time) (machine, error) {
	m := machine{when: now.UTC(), cores: runtime.NumCPU(), golang: runtime.Version()}
	text := make(map[string]string)
	for _, path := range []string{"/proc/cpuinfo", "/proc/sys/kernel/osrelease", "/proc/loadavg"} {
		b, err := os.ReadFile(path)
		if err != nil {
			return m, fmt.Errorf("machine: %w", err)
		}
		text[path] = string(b)
	}
	model, err := parseModel([]byte(text["/proc/cpuinfo"]))
	if err != nil {
		return m, fmt.Errorf("machine: %w", err)
	}
	m.model = model
	m.kernel = strings.TrimSpace(text["/proc/sys/kernel/osrelease"])
	m.loadavg, _, _ = strings.Cut(text["/proc/loadavg"], " ")
	return m, nil
}
