package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoSwitchIsRunning(t *testing.T) {
	dir := newFolder(t)
	stale := newFolder(t)
	if err := os.WriteFile(filepath.Join(stale, "tandem.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{dir, stale} {
		for _, command := range []string{"status", "calls", "calls --watch", "reload", "hangup 01KAQ3W0000000000000000001", "explain 600000001"} {
			r := tandem(t.Context(), in, "", strings.Fields(command)...)
			if r.code != 3 || !strings.Contains(r.errOut, "no switch is running") || strings.Count(r.errOut, "\n") != 1 || r.out != "" {
				t.Errorf("%s: exit %d: %q", command, r.code, r.errOut)
			}
		}
	}
}

func TestNoConfiguration(t *testing.T) {
	r := tandem(t.Context(), filepath.Join(t.TempDir(), "nowhere"), "", "status")
	if r.code != 1 || !strings.Contains(r.errOut, "nowhere/tandem.yaml") {
		t.Errorf("exit %d: %q", r.code, r.errOut)
	}
}

// A shell that has none of the configuration's secrets can ask the switch.
func TestSecretsAreNotNeeded(t *testing.T) {
	sw := newSwitch(t, answers())
	path := filepath.Join(sw.dir, "tandem.yaml")
	yaml, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	more := "sip: {domain: pbx.example}\nusers:\n  - {name: ana, role: salesperson, sip_password: \"${A}\", password: \"${B}\"}\ncrm: {provider: hubspot, token: \"${C}\"}\n"
	if err := os.WriteFile(path, append(yaml, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := tandem(t.Context(), sw.dir, "", "status"); r.code != 0 {
		t.Errorf("exit %d: %s", r.code, r.errOut)
	}
	if r := tandem(t.Context(), sw.dir, "", "config", "check"); r.code != 1 || strings.Count(r.out, "is not set") != 3 {
		t.Errorf("config check: exit %d: %s", r.code, r.out)
	}
}

func TestConfigCheck(t *testing.T) {
	dir := newFolder(t)
	if r := tandem(t.Context(), dir, "", "config", "check"); r.code != 0 || !strings.HasSuffix(r.out, "tandem.yaml: OK\n") {
		t.Errorf("exit %d: %q %q", r.code, r.out, r.errOut)
	}
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("account: {name: Acme, country: ES, timezone: Mars/Olympus}\nsip:\n  colour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := tandem(t.Context(), dir, "", "config", "check", bad)
	for _, want := range []string{bad + ":1:", bad + ":3:3: sip.colour: "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in %q", want, r.out)
		}
	}
	if r.code != 1 || strings.Count(r.errOut, "\n") != 1 {
		t.Errorf("exit %d: %q", r.code, r.errOut)
	}
	if r = tandem(t.Context(), dir, "", "config", "check", bad, "--output", "json"); r.code != 1 || !strings.Contains(r.out, `"ok": false`) {
		t.Errorf("exit %d: %q", r.code, r.out)
	}
	for _, command := range []string{"schema", "example"} {
		if r := tandem(t.Context(), dir, "", "config", command); r.code != 0 || len(r.out) < 1000 {
			t.Errorf("%s: exit %d: %d bytes", command, r.code, len(r.out))
		}
	}
}

func TestHelpAndCompletion(t *testing.T) {
	dir := newFolder(t)
	for _, command := range []string{"", "--help", "calls --help", "completion bash", "completion zsh", "completion fish"} {
		if r := tandem(t.Context(), dir, "", strings.Fields(command)...); r.code != 0 || len(r.out) < 200 || r.errOut != "" {
			t.Errorf("%q: exit %d: %d bytes, %q", command, r.code, len(r.out), r.errOut)
		}
	}
	r := tandem(t.Context(), dir, "", "__complete", "calls", "--result", "no")
	if !strings.Contains(r.out, "no_answer") {
		t.Errorf("completion of a result: %q", r.out)
	}
}

func TestVersion(t *testing.T) {
	if r := tandem(t.Context(), newFolder(t), "", "version"); r.code != 0 || !strings.HasPrefix(r.out, "tandem ") {
		t.Errorf("exit %d: %q", r.code, r.out)
	}
}
