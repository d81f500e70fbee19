//go:build linux

package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "4242 (a (odd) name) S 1 4242 4242 0 -1 4194560 9182 0 3 0 " +
		"1234 566 0 0 20 0 9 0 318912 1270000000 7500 18446744073709551615 1 1 0 0 0 0\n"
	got, err := parseStat([]byte(line), 4096)
	if want := (usage{CPU: 18 * time.Second, RSS: 7500 * 4096}); err != nil || got != want {
		t.Errorf("parseStat = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1 (x) S", "no parenthesis", "1 (x) S 1 1 1 0 -1 1 1 0 3 0 a 5 0 0 20 0 9 0 3 1 75"} {
		if got, err := parseStat([]byte(bad), 4096); err == nil {
			t.Errorf("parseStat(%q) = %+v", bad, got)
		}
	}
}

func TestOwnUsage(t *testing.T) {
	if u, err := usageOf(os.Getpid()); err != nil || u.RSS < 1<<20 {
		t.Errorf("usage of this process: %+v, %v", u, err)
	}
	if busy, _, err := machineBusy(); err != nil || busy <= 0 {
		t.Errorf("machine busy for %v, %v", busy, err)
	}
	if m, err := describeMachine(time.Now()); err != nil || m.cores < 1 || m.kernel == "" || m.loadavg == "" {
		t.Errorf("machine %+v, %v", m, err)
	}
}

func TestParseBusy(t *testing.T) {
	busy, stolen, err := parseBusy([]byte("cpu  100 20 300 9999 888 7 13 40 5 0\ncpu0 1 1 1 1\n"))
	if err != nil || busy != 4400*time.Millisecond || stolen != 400*time.Millisecond {
		t.Errorf("parseBusy = %v, %v, %v; want 4.4s, 400ms", busy, stolen, err)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8 9", "cpu 1 2 x 4 5 6 7 8 9"} {
		if _, _, err := parseBusy([]byte(bad)); err == nil {
			t.Errorf("parseBusy(%q) accepted", bad)
		}
	}
}

func TestParseModel(t *testing.T) {
	got, err := parseModel([]byte("processor\t: 0\nvendor_id\t: X\nmodel name\t: Fast: 3000\n"))
	if err != nil || got != "Fast: 3000" {
		t.Errorf("parseModel = %q, %v", got, err)
	}
	if _, err := parseModel([]byte("processor: 0\n")); err == nil {
		t.Error("a nameless processor has a name")
	}
}
