//go:build linux

package main

import (
	"os"
	"strings"
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
	if u, err := usageOf(1 << 30); err == nil {
		t.Errorf("usage of no process: %+v", u)
	}
	if m, err := describeMachine(time.Now()); err != nil || m.cores < 1 || m.kernel == "" || m.loadavg == "" {
		t.Errorf("machine %+v, %v", m, err)
	}
}

func TestParseSchedstat(t *testing.T) {
	if got, err := parseSchedstat([]byte("13407497 2850840 26\n")); err != nil || got != 2850840 {
		t.Errorf("parseSchedstat = %v, %v", got, err)
	}
	for _, bad := range []string{"", "1 2", "1 x 3", "1 -2 3"} {
		if got, err := parseSchedstat([]byte(bad)); err == nil {
			t.Errorf("parseSchedstat(%q) = %v", bad, got)
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

func TestParseDropped(t *testing.T) {
	const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 42
  101: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 7
  102: 0200007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0000000000000000 1
`
	if n, err := parseDropped([]byte(table), 5060); n != 43 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	for name, text := range map[string]string{"absent": "", "no number": strings.ReplaceAll(table, " 42", " x")} {
		if n, err := parseDropped([]byte(text), 5060); err == nil {
			t.Errorf("%s: %d dropped", name, n)
		}
	}
}
