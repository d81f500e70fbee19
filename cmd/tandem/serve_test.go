package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A whole switch is served, asked over its socket, and drained.
func TestServe(t *testing.T) {
	dir := newFolder(t)
	yaml := "sip: {listen: [\"udp://127.0.0.1:0\"], domain: pbx.example}\nhttp: {listen: \"127.0.0.1:0\"}\n" +
		"users:\n  - {name: ana, role: salesperson, sip_password: a-long-password}\nplaybooks:\n  - {name: sales-es, users: [ana]}\n"
	path := filepath.Join(dir, "tandem.yaml")
	head, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(head, yaml...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	served := make(chan result, 1)
	go func() { served <- tandem(ctx, dir, "", "serve") }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for tandem(ctx, dir, "", "status").code == exitNotUp && ctx.Err() == nil && len(served) == 0 {
		<-look.C
	}
	for _, tt := range []struct{ command, want string }{
		{"status", "ready"}, {"users", "ana"}, {"playbooks close sales-es", "sales-es is closed by administrator"},
		{"playbooks reset sales-es", "sales-es is open"}, {"contacts add 600000001 --name Luis --owner ana", "+34600000001"},
		{"contacts dnc 600000001", "will not be called"}, {"explain 600000001", "not to be called"}, {"users break ana --reason lunch", "break (lunch)"},
		{"token create --user ana", "tandem_"}, {"backup " + dir + "/copy.db", "copy.db"}, {"reload", "taken on"}, {"drain", "draining"},
	} {
		if r := tandem(ctx, dir, "", strings.Fields(tt.command)...); r.code != exitDone || !strings.Contains(r.out, tt.want) {
			t.Errorf("%s: exit %d: %s%s", tt.command, r.code, r.out, r.errOut)
		}
	}
	if r := <-served; r.code != exitDone {
		t.Errorf("serve: exit %d: %s", r.code, r.errOut)
	}
	if r := tandem(ctx, dir, "", "status"); r.code != exitNotUp {
		t.Errorf("status afterwards: exit %d", r.code)
	}
}

func TestServeRefusesABadConfiguration(t *testing.T) {
	dir := newFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "tandem.yaml"), []byte("colour: red\nshape: round\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := tandem(t.Context(), dir, "", "serve")
	if r.code != exitRefused || strings.Count(r.errOut, "\n") != 1 || !strings.Contains(r.errOut, "config check") {
		t.Errorf("exit %d: %q", r.code, r.errOut)
	}
}

func TestDemoWantsAFolderOfItsOwn(t *testing.T) {
	dir := newFolder(t) // holds a configuration
	r := tandem(t.Context(), dir, "", "demo", "--data", dir)
	if r.code != exitRefused || strings.Count(r.errOut, "\n") != 1 || !strings.Contains(r.errOut, "not empty") {
		t.Errorf("exit %d: %q", r.code, r.errOut)
	}
}
