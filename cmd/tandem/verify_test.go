package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
	"tandem/store/bolt"
)

// TestVerifyWithoutASwitch compares with the store of a switch that is not
// running.
func TestVerifyWithoutASwitch(t *testing.T) {
	dir := newFolder(t)
	s, err := bolt.Open(bolt.Options{Path: filepath.Join(dir, "tandem.db")})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	rec := call.Record{ID: call.NewID(at), Direction: call.Outbound, Result: call.ResultCompleted, State: call.StateEnded, StartedAt: at}
	if _, err := s.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRecording(t.Context(), rec.ID, call.Recording{Seconds: 1, SHA256: "ab"}); err != nil {
		t.Fatal(err)
	}
	r := tandem(t.Context(), dir, "", "recordings", "verify") // the store is open, and nobody answers
	if r.code != 0 || !strings.HasPrefix(r.out, "not compared with the calls: store ") || !strings.Contains(r.out, "in use by another process") {
		t.Errorf("while another process has the store: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r = tandem(t.Context(), dir, "", "recordings", "verify")
	want := "2026/11/22/" + string(rec.ID) + ".wav: missing: the call's record names it, and it is not there\n0 recordings checked, 1 with faults\n"
	if r.code != 1 || r.out != want || strings.Count(r.errOut, "\n") != 1 {
		t.Errorf("exit %d: %q, want %q; %q", r.code, r.out, want, r.errOut)
	}
}
