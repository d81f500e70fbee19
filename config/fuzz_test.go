package config

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse: no text makes Parse panic, and what it refuses it refuses with
// faults that have a place in the file.
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
	env := func(name string) (string, bool) { return "value", name == "X" }
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
		for i, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Message == "" || fault.File != "fuzz.yaml" {
				t.Errorf("a fault without a place: %+v", fault)
			}
			if i > 0 && fault.Line < faults[i-1].Line {
				t.Errorf("faults out of order: %v", faults)
			}
		}
	})
}
