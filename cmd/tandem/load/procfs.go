//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of CPU times in /proc. The kernel shows them at 100 Hz
// on every machine, whatever its own clock (USER_HZ).
const clockTick = 10 * time.Millisecond

// usage is what a process has used up to a moment.
type usage struct {
	CPU    time.Duration // in user and system mode, all threads
	RSS    int64         // bytes
	Waited time.Duration // of threads that were ready to run, for a processor
}

// usageOf reads the usage of a process.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("usage: %w", err)
	}
	u, err := parseStat(stat, os.Getpagesize())
	if err != nil {
		return u, err
	}
	u.Waited, err = waitedOf(pid)
	return u, err
}

// parseStat reads a line of /proc/PID/stat (proc_pid_stat(5)). The command's
// name in parentheses may hold anything.
func parseStat(line []byte, pageSize int) (usage, error) {
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	const user, system, pages = 11, 12, 21 // utime, stime and rss, counted from the state
	if end < 0 || len(fields) <= pages {
		return usage{}, fmt.Errorf("usage: not a line of stat: %.80q", line)
	}
	var n [3]int64
	for i, at := range []int{user, system, pages} {
		value, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil || value < 0 {
			return usage{}, fmt.Errorf("usage: field %d of stat is %q", at, fields[at])
		}
		n[i] = value
	}
	return usage{CPU: time.Duration(n[0]+n[1]) * clockTick, RSS: n[2] * int64(pageSize)}, nil
}

// waitedOf reads how long the threads of a process were ready to run and waited
// for a processor.
func waitedOf(pid int) (time.Duration, error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("waiting: process %d has no threads", pid)
	}
	var sum time.Duration
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // a thread that ended meanwhile
		}
		if err != nil {
			return 0, fmt.Errorf("waiting: %w", err)
		}
		waited, err := parseSchedstat(text)
		if err != nil {
			return 0, err
		}
		sum += waited
	}
	return sum, nil
}

// parseSchedstat returns the second of a schedstat's three numbers, the
// nanoseconds spent on a run queue.
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := strings.Fields(string(text))
	if len(fields) != 3 {
		return 0, fmt.Errorf("waiting: not a schedstat: %.80q", text)
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("waiting: schedstat has %q", fields[1])
	}
	return time.Duration(ns), nil
}

// parseDropped reads how many datagrams the kernel has dropped at the IPv4
// sockets of a port, for want of room, out of /proc/net/udp.
func parseDropped(table []byte, port uint16) (dropped int64, err error) {
	const local, drops = 1, 12 // columns
	suffix := fmt.Sprintf(":%04X", port)
	found := false
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) <= drops || !strings.HasSuffix(fields[local], suffix) {
			continue
		}
		n, err := strconv.ParseInt(fields[drops], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("sockets: drops are %q", fields[drops])
		}
		found, dropped = true, dropped+n
	}
	if !found {
		return 0, fmt.Errorf("sockets: none has port %d", port)
	}
	return dropped, nil
}

// parseModel returns the processor's name out of /proc/cpuinfo.
func parseModel(text []byte) (string, error) {
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case "model name", "Processor", "cpu model", "uarch":
			return strings.TrimSpace(value), nil
		}
	}
	return "", errors.New("cpuinfo names no model")
}
