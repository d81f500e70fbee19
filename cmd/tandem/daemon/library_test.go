package daemon_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/media/codec"
	"tandem/media/tone"
	"tandem/recording"
	"tandem/routing"
	"tandem/store/bolt"
	"tandem/web"
)

// announceTone is what the announcement says, in Hz.
const announceTone = 1500

// writeTone writes a WAV file of a tone.
func (h *house) writeTone(path string, hz float64, seconds int) {
	h.t.Helper()
	f, err := os.Create(path)
	h.must(err)
	buffer := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: codec.Rate}, SourceBitDepth: 16}
	source := tone.Sine(hz, -12)
	var frame codec.Frame
	for range seconds * 50 {
		source.Next(&frame)
		for _, s := range frame {
			buffer.Data = append(buffer.Data, int(s))
		}
	}
	e := wav.NewEncoder(f, codec.Rate, 16, 1, 1)
	h.must(e.Write(buffer))
	h.must(e.Close())
	h.must(f.Close())
}

// TestAnnouncement: the contact is told before the conversation is recorded,
// the salesperson does not hear it, and it is not on the recording.
func TestAnnouncement(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.writeTone(filepath.Join(h.data, "announce.wav"), announceTone, 3)
	h.edit("recording: { enabled: true }", "recording: { enabled: true, announce: announce.wav }")
	h.run()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, announceTone)
	if n := h.api.Metrics().Value("tandem_recordings_total"); n != 0 {
		t.Errorf("%v recordings during the announcement", n)
	}
	live := daemontest.List[call.Record](h.api, "/calls?active=true")
	if len(live) != 1 {
		t.Fatalf("%d live calls", len(live))
	}
	h.api.Want(http.StatusNotFound, http.MethodGet, "/calls/"+string(live[0].ID)+"/recording", nil)
	ctx, cancel := wait()
	defer cancel()
	if err := user.Media().HearsNoTone(ctx, announceTone, time.Second); err != nil {
		t.Errorf("the salesperson during the announcement: %v", err)
	}
	h.hears("the contact, once told", contact, anaTone)
	daemontest.Eventually(t, "the recording runs", func() bool {
		status, _ := h.api.Do(http.MethodGet, "/calls/"+string(live[0].ID)+"/recording", nil)
		return status == http.StatusOK
	})
	h.must(contact.Media().WaitPackets(ctx, contact.Media().Stats().Packets+100))
	h.must(contact.Hangup(ctx))
	h.sealed(live[0].ID)
	left, right := h.wholeChannels(live[0].ID)
	for side, samples := range map[string][]int16{"contact": left, "salesperson": right} {
		if p := tone.Power(samples, announceTone); p > -45 {
			t.Errorf("the announcement is on the %s's side, at %.0f dB", side, p)
		}
	}
	h.recordingHolds(live[0].ID, contactTone, anaTone)
	rec := h.record(1)
	if told := rec.Duration - rec.Recording.Seconds; told < 2.5 {
		t.Errorf("%.2f s of %.2f s are recorded: the announcement took %.2f s", rec.Recording.Seconds, rec.Duration, told)
	}
}

// TestLibrary follows one recording: it is found, drawn, played and that is
// written down; it is held while it grows too old; once released it is
// deleted, and the call says so.
func TestLibrary(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact, user, id := h.conversation(ana)
	path := "/calls/" + string(id) + "/recording"
	hold := map[string]any{"reason": "a complaint"}
	for _, live := range []struct{ method, path string }{{http.MethodGet, path + "/peaks"}, {http.MethodPut, path + "/hold"}, {http.MethodDelete, path + "?reason=x"}} {
		var body any
		if live.method == http.MethodPut {
			body = hold
		}
		h.api.Want(http.StatusConflict, live.method, live.path, body)
	}
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.ended("ana", user)
	h.sealed(id)
	rec := h.record(1)

	for query, want := range map[string]int{
		"": 1, "?user=ana": 1, "?user=luis": 0, "?playbook=sales": 1, "?playbook=closed": 0, "?contact=" + rec.ContactID: 1, "?contact=nobody": 0,
		"?from=" + url.QueryEscape(rec.StartedAt.Format(time.RFC3339Nano)): 1, "?until=" + url.QueryEscape(rec.StartedAt.Format(time.RFC3339Nano)): 0,
	} {
		if found := daemontest.List[call.Record](h.api, "/recordings"+query); len(found) != want {
			t.Errorf("%q finds %d recordings", query, len(found))
		}
	}
	peaks := daemontest.Read[web.Peaks](h.api, path+"/peaks")
	if len(peaks.Channels) != 2 || peaks.Channels[0].Side != "contact" || peaks.Channels[1].Side != "salesperson" ||
		float64(peaks.Samples) != rec.Recording.Seconds*float64(peaks.SampleRate) {
		t.Errorf("peaks of %d samples: %+v", peaks.Samples, peaks.Channels)
	}
	if middle := len(peaks.Channels[0].Max) / 2; peaks.Channels[0].Max[middle] < 10 || peaks.Channels[1].Min[middle] > -10 {
		t.Errorf("nobody talks in the middle: %d and %d", peaks.Channels[0].Max[middle], peaks.Channels[1].Min[middle])
	}
	for range 3 {
		h.api.Want(http.StatusOK, http.MethodGet, path+"?channel=contact", nil)
	}
	h.api.Want(http.StatusOK, http.MethodGet, path+"?purpose=export", nil)
	uses := make(map[routing.Use]int)
	for _, a := range daemontest.List[routing.Access](h.api, path+"/accesses") {
		uses[a.Use] += a.Requests
		if a.User != "administrator" || a.Via != "socket" {
			t.Errorf("access: %+v", a)
		}
	}
	if uses[routing.UsePlay] != 3 || uses[routing.UseExport] != 1 || uses[routing.UsePeaks] != 1 {
		t.Errorf("accesses: %v", uses)
	}

	h.api.Want(http.StatusOK, http.MethodPut, path+"/hold", hold)
	h.api.Want(http.StatusConflict, http.MethodDelete, path+"?reason=asked", nil)
	h.stop()
	h.edit("wrap_up: 0s\n    reception: { timeout: 15s }\n  - name: closed", "wrap_up: 0s\n    recording: { retention: 1ms }\n    reception: { timeout: 15s }\n  - name: closed")
	h.run()
	h.swept()
	if held := daemontest.List[call.Record](h.api, "/recordings?held=true"); len(held) != 1 || held[0].Recording.Hold.Reason != "a complaint" {
		t.Fatalf("held: %+v", held)
	}
	h.api.Want(http.StatusOK, http.MethodGet, path, nil)
	h.api.Want(http.StatusNoContent, http.MethodDelete, path+"/hold", nil)
	h.stop()
	h.run()
	daemontest.Eventually(t, "the recording is deleted", func() bool { return h.api.Metrics().Value("tandem_recordings_deleted_total") == 1 })
	h.api.Want(http.StatusNotFound, http.MethodGet, path, nil)
	h.api.Want(http.StatusNotFound, http.MethodGet, path+"/peaks", nil)
	if gone := daemontest.Read[call.Record](h.api, "/calls/"+string(id)); gone.Recording != nil {
		t.Errorf("recording: %+v", gone.Recording)
	}
	if way := h.way(id); !strings.Contains(way, "older than 1ms, the retention of playbook sales") {
		t.Errorf("the call does not say why: %s", way)
	}
	if left := daemontest.List[routing.Access](h.api, path+"/accesses"); len(left) < 3 {
		t.Errorf("%d accesses are left", len(left))
	}
	daemontest.Eventually(t, "no file of it is left", func() bool {
		left, err := filepath.Glob(h.data + "/recordings/*/*/*/*")
		return err == nil && len(left) == 0
	})
}

// swept waits until old recordings were looked for once: that happens before
// missing peaks are made.
func (h *house) swept() {
	h.t.Helper()
	peaks, err := filepath.Glob(h.data + "/recordings/*/*/*/*.peaks")
	h.must(err)
	if len(peaks) == 0 {
		h.t.Fatal("no recording is left")
	}
	h.stop()
	h.must(os.Remove(peaks[0]))
	h.run()
	daemontest.Eventually(h.t, "the peaks are made again", func() bool {
		_, err := os.Stat(peaks[0])
		return err == nil
	})
}

// TestDeleteByHand: an administrator deletes a recording, and the call says who
// did and why; without a running switch, verify agrees with the calls.
func TestDeleteByHand(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	ids := make([]call.ID, 2)
	for i := range ids {
		contact, user, id := h.conversation(ana)
		ctx, cancel := context.WithTimeout(t.Context(), daemontest.Patience)
		h.must(contact.Hangup(ctx))
		cancel()
		h.ended("ana", user)
		h.sealed(id)
		h.record(i + 1)
		ids[i] = id
	}
	path := "/calls/" + string(ids[0]) + "/recording"
	h.api.Want(http.StatusNoContent, http.MethodDelete, path+"?reason=the+contact+asked+for+it", nil)
	h.api.Want(http.StatusNotFound, http.MethodDelete, path+"?reason=again", nil)
	h.api.Want(http.StatusNotFound, http.MethodGet, path, nil)
	if way := h.way(ids[0]); !strings.Contains(way, "recording_deleted") || !strings.Contains(way, "the contact asked for it") || !strings.Contains(way, "administrator") {
		t.Errorf("the call does not say why: %s", way)
	}
	h.stop()
	kept, err := bolt.Recordings(filepath.Join(h.data, "tandem.db"))
	h.must(err)
	report, err := recording.Verify(t.Context(), filepath.Join(h.data, "recordings"), kept, nil)
	if err != nil || report.Checked != 1 || len(report.Faults) > 0 || len(kept) != 1 {
		t.Errorf("checked %d of %v: %+v, %v", report.Checked, kept, report.Faults, err)
	}
}
