//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/cmd/tandem/peer"
)

// TestMain runs the tests, or the switch that they measure.
func TestMain(m *testing.M) {
	file := os.Getenv(switchEnv)
	if file == "" {
		os.Exit(m.Run())
	}
	if err := serve(file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open opens a stream at a phone's host.
func open(t *testing.T, c *crowd) peer.Stream {
	t.Helper()
	s, err := c.Open(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every scenario with two calls for a second: what was asked for happened, and
// the table says so.
func TestScenarios(t *testing.T) {
	dir := t.TempDir()
	o, err := parseOptions([]string{"-calls", "2", "-seconds", "1", "-pace", "4,6", "-out", filepath.Join(dir, "bench.md"), "-profiles", dir}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := bench(t.Context(), o, t.Output()); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(o.out)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(line, " | ")
		rows[strings.TrimPrefix(cells[0], "| ")] = cells
	}
	for _, s := range scenarios(o.paces) {
		row := rows[s.title]
		switch {
		case s.siege != nil && (len(row) < 17 || row[1] == "0" || row[5] == "0" || row[6] != "0"):
			t.Errorf("%s: row %q", s.title, row)
		case s.siege != nil:
		case len(row) < 12:
			t.Errorf("%s has no row", s.title)
		case s.out && (row[1] == "0" || row[2] != "0" || row[8] == "0 ms"):
			t.Errorf("%s: %s calls, %s failed, hearing each other after %s", s.title, row[1], row[2], row[8])
		case s.setup && (row[1] == "0" || row[2] != "0"):
			t.Errorf("%s: %s calls, %s failed", s.title, row[1], row[2])
		case !s.setup && row[1] != "2":
			t.Errorf("%s: %s calls", s.title, row[1])
		case !s.setup && (row[6] == "0" || row[7] == "0"):
			t.Errorf("%s: %s packets sent, %s received", s.title, row[6], row[7])
		}
		if info, err := os.Stat(o.profileOf(s, s.sizes(o.calls)[0])); err != nil || info.Size() == 0 {
			t.Errorf("%s: no profile: %v", s.title, err)
		}
	}
}

func TestScenariosDiffer(t *testing.T) {
	all := scenarios([]int{20})
	for _, s := range all {
		s.layout.phones = 3
		text := s.layout.configuration("/data", "127.0.0.2:5060")
		if want := fmt.Sprintf("recording: { enabled: %t }", s.name == "record" || s.name == "coach"); !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", s.name, want, text)
		}
		if guarded := !strings.Contains(text, "limits:"); guarded != (s.siege != nil) {
			t.Errorf("%s: its limits are the defaults: %v", s.name, guarded)
		}
		if strings.Count(text, "sip_password") != 3 || !strings.Contains(text, "users: [user0, user1, user2]") {
			t.Errorf("%s: want three users in\n%s", s.name, text)
		}
	}
	if _, err := chosen([]string{"talk", "nonsense"}, all); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("unknown scenario: %v", err)
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-calls", "50,200", "-pace", "100,300", "-scenarios", "music,talk"}, t.Output())
	if err != nil || len(o.calls) != 2 || o.calls[1] != 200 || len(o.paces) != 2 || o.paces[1] != 300 || o.scenarios[1] != "talk" || o.seconds != 20 {
		t.Errorf("options %+v, %v", o, err)
	}
	for _, bad := range [][]string{
		{"-calls", "0"}, {"-calls", "1,"}, {"-calls", "2001"}, {"-seconds", "0"}, {"-seconds", "3601"},
		{"-pace", "0"}, {"-pace", "100,x"}, {"-scenarios", "talk,walk"}, {"-soak", "-1s"}, {"-unknown"},
	} {
		if o, err := parseOptions(bad, t.Output()); err == nil {
			t.Errorf("%v accepted: %+v", bad, o)
		}
	}
}
