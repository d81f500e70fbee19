package daemon_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/recording"
	"tandem/routing"
)

// smallDisk gives the switch a data folder of a few megabytes.
func (h *house) smallDisk() (folder string) {
	h.t.Helper()
	if os.Getuid() != 0 {
		h.t.Skip("only root may mount a small disk")
	}
	folder = filepath.Join(h.data, "disk")
	h.must(os.Mkdir(folder, 0o700))
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		h.t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	h.t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) }) // the test's folder is removed after
	h.edit("data: "+h.data, "data: "+folder)
	return folder
}

// fill takes all space of a disk and returns what gives it back.
func (h *house) fill(folder string) (free func()) {
	h.t.Helper()
	path := filepath.Join(folder, "filler")
	f, err := os.Create(path)
	h.must(err)
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			h.t.Fatal(err)
		}
	}
	return func() { h.must(os.Remove(path)) }
}

// TestDiskFull: on a full disk the conversation goes on, the recording stops
// with an alert and goes on later, the switch says that it is not ready, and
// nothing that was acknowledged is lost.
func TestDiskFull(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana", reception: "timeout: 60s"})
	disk := h.smallDisk()
	h.run()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	first := daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID

	free := h.fill(disk)
	daemontest.Eventually(h.t, "the recording stops loudly", func() bool {
		return h.api.Metrics().Value("tandem_recordings_failed_total") > 0
	})
	var waiting []*peer.Call
	daemontest.Eventually(h.t, "the switch is not ready", func() bool {
		if !h.api.Ready() {
			return true
		}
		waiting = append(waiting, h.call(func(o *peer.CallOptions) { o.From = contactOf(len(waiting)) }))
		return false
	})
	h.says("the contact", contact, user)
	free()
	daemontest.Eventually(h.t, "the switch is ready again", h.api.Ready)
	ctx, cancel := wait()
	defer cancel()
	for _, c := range waiting {
		if c.State() == peer.Answered {
			_ = c.Hangup(ctx) // may just be ended by the switch
		}
		h.ended("a waiting caller", c)
	}
	h.must(contact.Hangup(ctx))
	h.ended("ana", user)
	daemontest.Eventually(h.t, "all calls have their result", func() bool {
		for _, rec := range daemontest.List[call.Record](h.api, "/calls?limit=500") {
			if rec.Result == call.ResultNone {
				return false
			}
		}
		return true
	})
	h.recordingHolds(first, contactTone, anaTone)
	h.userIs("ana", routing.UserState.Available)

	next := h.call()
	nextUser := h.answered(ana)
	h.hears("the next contact", next, anaTone)
	h.must(nextUser.Media().WaitPackets(ctx, 100))
	h.must(next.Hangup(ctx))
	h.ended("ana", nextUser)
	h.userIs("ana", routing.UserState.Available)
	newest := daemontest.List[call.Record](h.api, "/calls?limit=1")[0]
	if newest.Result != call.ResultCompleted || newest.From != contactNumber {
		t.Errorf("the next call: %+v", newest)
	}
	h.recordingHolds(newest.ID, contactTone, anaTone)
	report, err := recording.Verify(t.Context(), filepath.Join(disk, "recordings"), nil, nil)
	if err != nil || len(report.Faults) > 0 || report.Checked != 2 {
		t.Errorf("recordings: %d, %+v, %v", report.Checked, report.Faults, err)
	}
	if _, err := os.Stat(filepath.Join(disk, "filler")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the disk is still full: %v", err)
	}
}

// says fails unless both sides of a conversation hear each other now.
func (h *house) says(who string, contact, user *peer.Call) {
	h.t.Helper()
	contact.Media().Say(peer.Tone(luisTone))
	user.Media().Say(peer.Tone(outsideTone))
	h.hears(who, contact, outsideTone)
	h.hears("the other side", user, luisTone)
	contact.Media().Say(peer.Tone(contactTone))
	user.Media().Say(peer.Tone(anaTone))
}
