package daemon_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/peer"
	"tandem/store/bolt"
)

// ruin damages the store of a switch that has stopped and returns its content.
func (h *house) ruin() []byte {
	h.t.Helper()
	path := filepath.Join(h.data, "tandem.db")
	raw, err := os.ReadFile(path)
	h.must(err)
	clear(raw[:2*os.Getpagesize()])
	h.must(os.WriteFile(path, raw, 0o600))
	return raw
}

// TestDamagedStore: the newest sound backup takes the place of a damaged store,
// which is kept; the log and a metric say so.
func TestDamagedStore(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.must(h.rung(ana).Reject(486))
	h.ended("the contact", contact)
	backed := h.record(1)
	backups := filepath.Join(h.data, "backups")
	h.must(os.MkdirAll(backups, 0o700))
	made := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	h.api.Want(http.StatusNoContent, http.MethodPost, "/backup", map[string]string{"path": bolt.BackupPath(backups, made)})
	h.must(os.WriteFile(bolt.BackupPath(backups, made.Add(time.Minute)), []byte("cut off"), 0o600)) // newer, and no good
	later := h.call(func(o *peer.CallOptions) { o.From = "+34600333444" })
	h.must(h.rung(ana).Reject(486))
	h.ended("the later contact", later)
	h.record(2)
	h.stop()
	damaged := h.ruin()

	h.run()
	if rec := h.record(1); rec.ID != backed.ID {
		t.Errorf("the backup held %s, now there is %s", backed.ID, rec.ID)
	}
	aside, err := filepath.Glob(filepath.Join(h.data, "tandem.db.damaged-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %v, %v", aside, err)
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(kept, damaged) {
		t.Errorf("the damaged file was changed: %v", err)
	}
	if m := h.api.Metrics().Text; !regexp.MustCompile(`(?m)^tandem_store_restored_timestamp_seconds [1-9]`).MatchString(m) {
		t.Error("the metric says nothing")
	}
	again := h.call() // the phone registered before the backup: it rings
	h.answered(ana)
	h.hears("the contact", again, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(again.Hangup(ctx))
	if rec := h.record(2); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// TestDamagedStoreWithoutBackup: the start is refused, with what to do, and
// nothing is touched.
func TestDamagedStoreWithoutBackup(t *testing.T) {
	h := newHouse(t, settings{})
	h.stop()
	damaged := h.ruin()
	_, err := daemon.New(t.Context(), daemon.Options{Config: h.file, Log: testWriter{t}, Version: "test"})
	if !errors.Is(err, bolt.ErrDamaged) {
		t.Fatalf("a damaged store: %v", err)
	}
	for _, part := range []string{"tandem.db", "no sound backup", "backups", "move the damaged file away"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in: %v", part, err)
		}
	}
	kept, err := os.ReadFile(filepath.Join(h.data, "tandem.db"))
	if err != nil || !bytes.Equal(kept, damaged) {
		t.Errorf("the damaged file was changed: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(h.data, "*damaged*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
