package config

import (
	"errors"
	"strings"
	"testing"
)

// secretText is what the environment holds.
const secretText = "s3cr3t-value"

// FuzzParse: what Parse refuses it refuses with faults that have a place in the
// file and tell no secret, and what it takes it takes a second time for the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		string(Example()),
		"",
		"- a\n",
		"? a\n: b\n",
		"sip: {listen: [udp://0.0.0.0:5060, *x]}\n",
		"a: &a [*a]\n<<: *a\n",
		"trunks:\n- name: a\n  allow: []\n- !!map {}\n- ~\n",
		"playbooks: [{hours: {weekly: {mon-sun: [\"22:00-06:00\"], fri: closed}, exceptions: {2026-12-24: []}}}]\n",
		"users: [{name: \"${X}\", sip_password: \"$${\", extension: \"112\"}]\nusers: x\n",
		"numbers: [{number: \"+34910000001\"}]\nrecording: {retention: 99999999999999999999d}\n",
		"data: |-\n  a\n---\n%YAML 1.2\n",
	} {
		f.Add(seed)
	}
	lines := strings.Split(string(Example()), "\n")
	for i, line := range lines { // each value in turn is a secret
		if key, value, found := strings.Cut(line, ": "); found && value != "" && !strings.Contains(key, "#") {
			f.Add(strings.Join(lines[:i], "\n") + "\n" + key + ": ${X}\n" + strings.Join(lines[i+1:], "\n"))
		}
	}
	env := func(name string) (string, bool) { return secretText, name == "X" }
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 16<<10 || strings.Contains(text, "file:") {
			return // long inputs and the files of this machine show nothing new
		}
		cfg, err := Parse("fuzz.yaml", []byte(text), env)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("configuration %v, error %v", cfg, err)
		}
		faults, _ := errors.AsType[Faults](err)
		if err != nil && len(faults) == 0 {
			t.Fatalf("an error without faults: %v", err)
		}
		told := faults
		if cfg != nil {
			told = cfg.Warnings
			again, err := Parse("fuzz.yaml", []byte(text), env)
			if err != nil || !cfg.Equal(again) {
				t.Fatalf("taken, and then not: %v", err)
			}
		}
		for i, fault := range told {
			if fault.Line < 1 || fault.Column < 1 || fault.Message == "" || fault.File != "fuzz.yaml" {
				t.Errorf("a fault without a place: %+v", fault)
			}
			if i > 0 && fault.Line < told[i-1].Line {
				t.Errorf("faults out of order: %v", told)
			}
			if strings.Contains(fault.String(), secretText) {
				t.Errorf("a secret is told: %v", fault)
			}
		}
	})
}
