package daemon_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/go-audio/wav"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/media/tone"
)

// recordingHolds waits for a call's recording and fails unless its left
// channel holds the contact's tone, its right the salesperson's, and neither
// the other's.
func (h *house) recordingHolds(id call.ID, contact, person float64) {
	h.t.Helper()
	daemontest.Eventually(h.t, "the recording is sealed", func() bool {
		for _, rec := range daemontest.List[call.Record](h.api, "/calls") {
			if rec.ID == id {
				return rec.Recording != nil && rec.Recording.SHA256 != ""
			}
		}
		return false
	})
	left, right := h.channels(id)
	if tone.Power(left, contact) < -30 || tone.Power(right, person) < -30 {
		h.t.Errorf("the recording lacks a side: contact %.0f dB, salesperson %.0f dB", tone.Power(left, contact), tone.Power(right, person))
	}
	if tone.Power(left, person) > -45 || tone.Power(right, contact) > -45 {
		h.t.Errorf("a side of the recording holds the other: left %.0f dB, right %.0f dB", tone.Power(left, person), tone.Power(right, contact))
	}
}

// channels returns the middle of both sides of a recording: a second at most,
// away from the moments of connection and hang-up.
func (h *house) channels(id call.ID) (left, right []int16) {
	h.t.Helper()
	body := h.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(id)+"/recording", nil)
	decoder := wav.NewDecoder(bytes.NewReader(body))
	pcm, err := decoder.FullPCMBuffer()
	if err != nil {
		h.t.Fatal(err)
	}
	if decoder.NumChans != 2 || decoder.SampleRate != 8000 || decoder.BitDepth != 16 {
		h.t.Fatalf("recording: %d channels, %d Hz, %d bit", decoder.NumChans, decoder.SampleRate, decoder.BitDepth)
	}
	for i := 0; i+1 < len(pcm.Data); i += 2 {
		left = append(left, int16(pcm.Data[i]))
		right = append(right, int16(pcm.Data[i+1]))
	}
	if len(left) == 0 {
		h.t.Fatal("the recording is empty")
	}
	from, until := len(left)/4, len(left)*3/4
	return left[from:until], right[from:until]
}

// TestRecordingOff writes nothing unless the administrator enabled it.
func TestRecordingOff(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.edit("recording: { enabled: true }", "recording: { enabled: false }")
	h.run()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	rec := h.record(1)
	h.api.Want(http.StatusNotFound, http.MethodGet, "/calls/"+string(rec.ID)+"/recording", nil)
	if rec.Recording != nil {
		t.Errorf("recording: %+v", rec.Recording)
	}
}
