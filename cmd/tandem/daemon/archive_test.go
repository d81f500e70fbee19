package daemon_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/recording"
)

// recorded plays a call through and returns its record.
func (h *house) recorded(n int) call.Record {
	h.t.Helper()
	contact := h.call()
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Media().WaitPackets(ctx, 50))
	h.must(contact.Hangup(ctx))
	return h.record(n)
}

// TestArchive moves recordings to another disk: from the reload that names it,
// what was recorded before included. They are played from there, and while the
// disk is away the answer says so and the calls go on.
func TestArchive(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.run()
	ana := h.phone("ana", anaTone)
	go func() {
		for {
			ctx, cancel := wait()
			c, err := ana.Accept(ctx)
			cancel()
			if err != nil {
				return
			}
			_ = c.Answer() // the caller's end shows
		}
	}()
	disk, spool := filepath.Join(h.data, "disk"), filepath.Join(h.data, "recordings")
	first := h.recorded(1)
	h.recordingHolds(first.ID, contactTone, anaTone)

	h.edit("recording: { enabled: true }", "recording: { enabled: true, archive: { directory: disk } }")
	h.must(h.sw.Reload(t.Context()))
	daemontest.Eventually(t, "the outage is said", func() bool { return h.logged.has("recordings cannot be archived") })
	second := h.recorded(2)
	h.recordingHolds(second.ID, contactTone, anaTone)
	h.must(os.Mkdir(disk, 0o700))
	wavs := func(folder string) int {
		found, err := filepath.Glob(filepath.Join(folder, "*/*/*/*.wav"))
		h.must(err)
		return len(found)
	}
	h.must(h.sw.Reload(t.Context()))
	daemontest.Eventually(t, "both are moved", func() bool { return wavs(disk) == 2 && wavs(spool) == 0 })
	for _, rec := range []call.Record{first, second} {
		h.recordingHolds(rec.ID, contactTone, anaTone)
	}
	archive, err := recording.NewDisk(disk, spool)
	h.must(err)
	if faults, checked, err := recording.VerifyArchive(t.Context(), spool, archive); len(faults) > 0 || checked != 2 || err != nil {
		t.Errorf("verified %d: %v, %v", checked, faults, err)
	}
	if text := h.api.Metrics().Text; !strings.Contains(text, `tandem_recording_uploads_total{outcome="stored"} 2`) || !strings.Contains(text, "tandem_recording_spool_files 0") {
		t.Errorf("metrics: %s", text)
	}

	h.must(os.Rename(disk, disk+" in a drawer"))
	body := h.api.Want(http.StatusServiceUnavailable, http.MethodGet, "/calls/"+string(first.ID)+"/recording", nil)
	if !bytes.Contains(body, []byte("in the archive")) || bytes.Contains(body, []byte(disk)) {
		t.Errorf("the answer is %s", body)
	}
	h.recorded(3)
	h.must(os.Rename(disk+" in a drawer", disk))
	h.must(h.sw.Reload(t.Context()))
	daemontest.Eventually(t, "all are moved", func() bool { return wavs(disk) == 3 && wavs(spool) == 0 })
	h.recordingHolds(first.ID, contactTone, anaTone)
}
