package daemon_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
	"tandem/store/bolt"
)

// TestStopEndsCalls: a switch that stops says BYE and writes the result.
func TestStopEndsCalls(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	waiting := h.call(func(o *peer.CallOptions) { o.From = "+34600333444" })
	h.hearsMusic("the second caller", waiting)
	h.stop()
	for who, c := range map[string]*peer.Call{"the contact": contact, "ana": user, "the second caller": waiting} {
		if end := h.ended(who, c); end.How != peer.ByBYE || !end.Remote {
			t.Errorf("%s %s", who, end)
		}
	}
	h.run()
	byResult := make(map[call.Result]call.Record)
	for _, rec := range daemontest.List[call.Record](h.api, "/calls") {
		byResult[rec.Result] = rec
	}
	if len(byResult) != 2 || byResult[call.ResultCompleted].Duration <= 0 || !byResult[call.ResultFailed].Missed {
		t.Errorf("records: %+v", byResult)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 1 {
		t.Errorf("missed-call tasks: %+v", tasks)
	}
}

// TestDrain: no new calls, live ones may finish, then the switch ends.
func TestDrain(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	h.api.Want(http.StatusAccepted, http.MethodPost, "/drain", nil)
	late := h.call(func(o *peer.CallOptions) { o.From = "+34600333444" })
	if end := h.ended("the late caller", late); end.Code != 503 || end.Last.Get("Retry-After") == "" {
		t.Errorf("the late caller %s", end)
	}
	h.hears("ana", user, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.ended("ana", user)
	h.stop() // returns when Run has; without a fault
}

// TestReload takes on a good configuration whole, and a bad one not at all.
func TestReload(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	h.phone("ana", anaTone)
	contact := h.call()
	h.hearsMusic("the contact", contact)

	h.edit("users: [ana]", "users: [ana, nobody]")
	body := h.api.Want(http.StatusUnprocessableEntity, http.MethodPost, "/reload", nil)
	if !strings.Contains(string(body), "playbooks[0].users[1]") {
		t.Errorf("the refusal does not name the key: %s", body)
	}
	h.edit("users: [ana, nobody]", "users: [ana, luis]")
	h.edit("domain: pbx.test", "domain: other.test")
	body = h.api.Want(http.StatusUnprocessableEntity, http.MethodPost, "/reload", nil)
	if !strings.Contains(string(body), "sip.domain") {
		t.Errorf("the refusal does not name what needs a restart: %s", body)
	}
	h.edit("domain: other.test", "domain: pbx.test")
	h.api.Want(http.StatusNoContent, http.MethodPost, "/reload", nil)
	h.hearsMusic("the contact, still", contact)
	luis := h.phone("luis", luisTone)
	second := h.call(func(o *peer.CallOptions) { o.From = "+34600333444" })
	h.answered(luis)
	h.hears("the second caller", second, luisTone)
}

// TestOneSwitchPerFolder: a second switch on the same data is refused clearly.
func TestOneSwitchPerFolder(t *testing.T) {
	h := newHouse(t, settings{})
	_, err := daemon.New(t.Context(), daemon.Options{Config: h.file, Log: testWriter{t}, Version: "test"})
	if !errors.Is(err, bolt.ErrInUse) {
		t.Errorf("a second switch: %v", err)
	}
}

// TestSoundsAreChecked: a missing or broken WAV is an error at start that names
// the key; nothing is left open.
func TestSoundsAreChecked(t *testing.T) {
	for name, content := range map[string]string{"text": "not a sound", "cut": "RIFF\x24\x00\x00\x00WAVEfmt "} {
		t.Run(name, func(t *testing.T) {
			h := prepareHouse(t, settings{})
			wav := filepath.Join(h.data, "music.wav")
			h.must(os.WriteFile(wav, []byte(content), 0o600))
			h.edit("reception: {", "reception: { hold_music: music.wav,")
			_, err := daemon.New(t.Context(), daemon.Options{Config: h.file, Log: testWriter{t}, Version: "test"})
			if err == nil || !strings.Contains(err.Error(), "playbooks[0].reception.hold_music") {
				t.Fatalf("a broken sound: %v", err)
			}
			h.must(os.Remove(wav))
			h.edit("hold_music: music.wav,", "")
			h.run()
		})
	}
}

// TestBackup copies the store while the switch runs.
func TestBackup(t *testing.T) {
	h := newHouse(t, settings{members: "ana"})
	contact := h.call()
	h.hearsMusic("the contact", contact)
	file := filepath.Join(t.TempDir(), "copy.db")
	h.api.Want(http.StatusNoContent, http.MethodPost, "/backup", map[string]string{"path": file})
	if err := bolt.Check(file); err != nil {
		t.Error(err)
	}
	copied, err := bolt.Open(bolt.Options{Path: file})
	h.must(err)
	defer copied.Close()
	if calls, err := copied.Unfinished(t.Context()); err != nil || len(calls) != 1 {
		t.Errorf("calls in the copy: %+v, %v", calls, err)
	}
}
