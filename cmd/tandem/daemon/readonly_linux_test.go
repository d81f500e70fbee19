package daemon_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/recording"
)

// TestReadOnlyFolder: where nothing can be written the conversation goes on,
// loudly unrecorded; once it can, it is recorded, and how much is missing is
// counted and shown with the call.
func TestReadOnlyFolder(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	if os.Getuid() != 0 {
		t.Skip("only root may mount a folder that cannot be written to")
	}
	folder := filepath.Join(h.data, "recordings")
	h.must(os.Mkdir(folder, 0o700))
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_RDONLY, "size=4m,mode=0700"); err != nil {
		t.Skipf("a read-only folder cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) }) // the test's folder is removed after
	h.run()
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	daemontest.Eventually(t, "what is missing is counted", func() bool {
		return h.api.Metrics().Value("tandem_recording_missing_seconds_total") > 0
	})
	if failed := h.api.Metrics().Value("tandem_recordings_failed_total"); failed != 1 {
		t.Errorf("%v recordings failed", failed)
	}
	if !h.logged.has("recording stopped") || !h.logged.has("recording has gaps") || !h.api.Ready() {
		t.Errorf("ready: %t; the log does not tell", h.api.Ready())
	}
	h.says("the contact", contact, user)
	h.must(syscall.Mount("", folder, "", syscall.MS_REMOUNT, ""))
	daemontest.Eventually(t, "the recording goes on", func() bool { return h.logged.has("recording goes on") })
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Media().WaitPackets(ctx, contact.Media().Stats().Packets+100))
	h.must(contact.Hangup(ctx))
	h.ended("ana", user)
	h.sealed(id)
	rec := h.record(1)
	missing := h.api.Metrics().Value("tandem_recording_missing_seconds_total")
	if rec.Recording.Missing <= 0 || rec.Recording.Missing != missing || rec.Recording.Seconds < rec.Recording.Missing+5 {
		t.Errorf("the call's recording %+v; %v s are counted as missing", rec.Recording, missing)
	}
	listed := daemontest.List[call.Record](h.api, "/recordings")
	if len(listed) != 1 || listed[0].Recording.Missing != missing {
		t.Errorf("listed: %+v", listed)
	}
	left, right := h.wholeChannels(id)
	if len(left) != len(right) || float64(len(left)) != rec.Recording.Seconds*8000 {
		t.Errorf("channels of %d and %d samples, %v s on record", len(left), len(right), rec.Recording.Seconds)
	}
	if report, err := recording.Verify(t.Context(), folder, nil, nil); err != nil || report.Checked != 1 || len(report.Faults) > 0 {
		t.Errorf("checked %d: %+v, %v", report.Checked, report.Faults, err)
	}
}
