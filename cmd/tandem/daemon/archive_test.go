package daemon_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/recording"
	"tandem/routing"
	"tandem/web"
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
	if r, err := recording.Verify(t.Context(), spool, nil, archive); len(r.Faults) > 0 || r.Archived != 2 || err != nil {
		t.Errorf("verified: %+v, %v", r, err)
	}
	if text := h.api.Metrics().Text; !strings.Contains(text, `tandem_recording_uploads_total{outcome="stored"} 2`) || !strings.Contains(text, "tandem_recording_spool_files 0") {
		t.Errorf("metrics: %s", text)
	}

	h.archivedLibrary(first.ID)
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
	h.archivedDeletion(first.ID)
	if wavs(disk) != 2 {
		t.Errorf("%d recordings are on the disk", wavs(disk))
	}
}

// archivedLibrary finds, draws, plays and holds a recording that is archived,
// and looks for that in its log.
func (h *house) archivedLibrary(id call.ID) {
	h.t.Helper()
	path := "/calls/" + string(id) + "/recording"
	whole := h.api.Want(http.StatusOK, http.MethodGet, path+"?purpose=export", nil)
	if status, part := h.api.Range(path, "bytes=1000-1999"); status != http.StatusPartialContent || !bytes.Equal(part, whole[1000:2000]) {
		h.t.Errorf("a range: %d, %d bytes", status, len(part))
	}
	if peaks := daemontest.Read[web.Peaks](h.api, path+"/peaks"); peaks.Samples*4+44 != int64(len(whole)) {
		h.t.Errorf("peaks of %d samples, a recording of %d bytes", peaks.Samples, len(whole))
	}
	if n := len(daemontest.List[call.Record](h.api, "/recordings?user=ana")); n != 2 {
		h.t.Errorf("%d recordings are found", n)
	}
	used := make(map[routing.Use][]string)
	for _, a := range daemontest.List[routing.Access](h.api, path+"/accesses") {
		used[a.Use] = append(used[a.Use], a.Ranges...)
	}
	if _, drawn := used[routing.UsePeaks]; !drawn || len(used[routing.UseExport]) != 1 || !slices.Contains(used[routing.UsePlay], "bytes=1000-1999") {
		h.t.Errorf("the log says %v", used)
	}
	h.api.Want(http.StatusOK, http.MethodPut, path+"/hold", map[string]any{"reason": "a complaint"})
	h.api.Want(http.StatusConflict, http.MethodDelete, path+"?reason=asked", nil)
}

// archivedDeletion releases an archived recording and deletes it.
func (h *house) archivedDeletion(id call.ID) {
	h.t.Helper()
	path := "/calls/" + string(id) + "/recording"
	h.api.Want(http.StatusNoContent, http.MethodDelete, path+"/hold", nil)
	h.api.Want(http.StatusNoContent, http.MethodDelete, path+"?reason=asked", nil)
	h.api.Want(http.StatusNotFound, http.MethodGet, path, nil)
	if way := h.way(id); !strings.Contains(way, "recording_deleted") {
		h.t.Errorf("the call does not say so: %s", way)
	}
}
