//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc. The kernel shows them at 100 Hz
// on every machine, whatever its own clock (USER_HZ).
const clockTick = 10 * time.Millisecond

// usage is what a process has used up to a moment.
type usage struct {
	CPU time.Duration // in user and system mode, all threads
	RSS int64         // bytes
}

// usageOf reads the usage of a process.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("usage: %w", err)
	}
	return parseStat(stat, os.Getpagesize())
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

// parseBusy reads how long all processors have worked, and how long they were
// kept from it by other guests of the machine, out of /proc/stat (proc_stat(5)).
func parseBusy(text []byte) (busy, stolen time.Duration, err error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	const user, idle, ioWait, steal = 1, 4, 5, 8 // guest times are part of user
	if len(fields) <= steal || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("processors: not /proc/stat: %.80q", line)
	}
	for i := user; i <= steal; i++ {
		value, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("processors: %w", err)
		}
		switch i {
		case idle, ioWait:
		case steal:
			stolen = time.Duration(value) * clockTick
		default:
			busy += time.Duration(value) * clockTick
		}
	}
	return busy, stolen, nil
}

// machineBusy is parseBusy of this machine.
func machineBusy() (busy, stolen time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("processors: %w", err)
	}
	return parseBusy(text)
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
