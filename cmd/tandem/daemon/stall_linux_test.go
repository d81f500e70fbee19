package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/recording"
	"tandem/routing"
)

// TestStoreStalls: for five seconds no commit comes back. Conversations go on,
// whoever asks is answered, and afterwards every call has its result.
func TestStoreStalls(t *testing.T) {
	h := prepareHouse(t, settings{reception: "timeout: 60s"})
	h.run()
	h.stalls(func() (thaw func()) {
		release, over := make(chan struct{}), make(chan error, 1)
		go func() { over <- h.sw.HoldStore(context.Background(), release) }()
		return sync.OnceFunc(func() {
			close(release)
			h.must(<-over)
		})
	})
}

// TestDiskStalls: the same with a disk that takes no byte, from the recordings
// neither.
func TestDiskStalls(t *testing.T) {
	h := prepareHouse(t, settings{reception: "timeout: 60s"})
	folder := h.ownDisk()
	h.run()
	h.stalls(func() (thaw func()) { return h.freeze(folder) })
	report, err := recording.Verify(t.Context(), filepath.Join(folder, "recordings"), nil, nil)
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("recordings: %+v, %v", report.Faults, err)
	}
}

// ownDisk gives the switch a data folder on a file system of its own.
func (h *house) ownDisk() (folder string) {
	h.t.Helper()
	if os.Getuid() != 0 {
		h.t.Skip("only root may mount a disk")
	}
	image := filepath.Join(h.data, "image")
	folder = filepath.Join(h.data, "disk")
	h.must(os.Mkdir(folder, 0o700))
	h.must(os.WriteFile(image, nil, 0o600))
	h.must(os.Truncate(image, 64<<20))
	for _, step := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, folder}} {
		if out, err := exec.CommandContext(h.t.Context(), step[0], step[1:]...).CombinedOutput(); err != nil {
			h.t.Skipf("a disk of its own cannot be had here: %v: %s", err, out)
		}
	}
	h.t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", folder).CombinedOutput(); err != nil {
			h.t.Errorf("umount: %v: %s", err, out)
		}
	})
	h.edit("data: "+h.data, "data: "+folder)
	return folder
}

// freeze holds up everything that writes to a disk, until thaw is called or the
// test's process ends.
func (h *house) freeze(folder string) (thaw func()) {
	h.t.Helper()
	c := exec.Command("sh", "-c", `fsfreeze -f "$0" && echo frozen; read -r _; fsfreeze -u "$0"`, folder)
	hold, err := c.StdinPipe()
	h.must(err)
	said, err := c.StdoutPipe()
	h.must(err)
	h.must(c.Start())
	thaw = sync.OnceFunc(func() {
		h.must(errors.Join(hold.Close(), c.Wait()))
	})
	frozen := make([]byte, len("frozen"))
	if _, err := said.Read(frozen); err != nil || !strings.HasPrefix(string(frozen), "frozen") {
		thaw()
		h.t.Skipf("a disk cannot be frozen here: %v", err)
	}
	return thaw
}

// stalls is what must hold while the disk does not answer, and afterwards.
// Whatever is waited for before thaw happens while it does not.
func (h *house) stalls(begin func() (thaw func())) {
	t := h.t
	t.Helper()
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	ctx, cancel := wait()
	defer cancel()
	contact := h.call()
	talking, free := h.rungFirst(ana, luis)
	h.must(talking.Answer())
	other := h.call(func(o *peer.CallOptions) { o.From = contactOf(1) })
	leaving := h.answered(free)
	h.must(leaving.Media().WaitPackets(ctx, 10))
	h.must(contact.Media().WaitPackets(ctx, 10))
	waiting := h.call(func(o *peer.CallOptions) { o.From = contactOf(2) })
	h.hearsMusic("the waiting caller", waiting)
	before, heard := contact.Media().Stats(), talking.Media().Stats().Packets

	thaw := begin()
	t.Cleanup(thaw)
	h.must(other.Hangup(ctx))
	h.ended("whom the other contact talked to", leaving)
	h.must(waiting.Hangup(ctx))
	late := h.call(func(o *peer.CallOptions) { o.From = contactOf(3) })
	if _, err := late.WaitCode(ctx, 100); err != nil {
		t.Errorf("a new call: %v", err)
	}
	if res, err := ana.Options(ctx); err != nil || res.Code != http.StatusOK {
		t.Errorf("OPTIONS: %v, %v", res, err)
	}
	if _, err := ana.Register(ctx, 10*time.Minute); err != nil {
		t.Errorf("a phone refreshes its registration: %v", err)
	}
	h.must(talking.Hold(ctx))
	h.must(talking.Resume(ctx))
	if end := h.ended("the new caller", late); end.Code != 503 || end.Last.Get("Retry-After") == "" {
		t.Errorf("the new caller %s", end)
	}
	for c, n := range map[*peer.Call]int{contact: before.Packets, talking: heard} {
		h.must(c.Media().WaitStats(ctx, "five seconds of audio", func(s peer.Stats) bool { return s.Packets >= n+5*50 }))
	}
	after := contact.Media().Stats()
	thaw()

	if err := after.Unbroken(); err != nil {
		t.Errorf("the contact's stream: %v", err)
	}
	// Nothing is sent to who has put the other side on hold: the time goes on.
	if s := talking.Media().Stats(); s.SequenceJumps > 0 || len(s.SSRCs) != 1 {
		t.Errorf("the salesperson's stream: %+v", s)
	}
	t.Logf("jitter %s before, %s during the stall; longest gap %s", before.Jitter, after.Jitter, after.MaxGap)
	h.must(contact.Hangup(ctx))
	h.ended("the salesperson", talking)
	h.resultsOf(map[string]call.Result{
		contactNumber: call.ResultCompleted, contactOf(1): call.ResultCompleted, contactOf(2): call.ResultCancelled,
	})
	daemontest.Eventually(t, "the caller who gave up has a missed-call task", func() bool {
		return len(h.tasks(routing.TaskMissedCall)) > 0
	})
	for _, user := range []string{"ana", "luis"} {
		h.userIs(user, routing.UserState.Available)
	}
}

// rungFirst returns the call of the phone that rings, and the other phone.
func (h *house) rungFirst(one, two *peer.Phone) (ringing *peer.Call, other *peer.Phone) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	select {
	case ringing = <-one.Incoming():
		other = two
	case ringing = <-two.Incoming():
		other = one
	case <-ctx.Done():
		h.t.Fatal("no phone rings")
	}
	h.must(ringing.Ring())
	return ringing, other
}

// resultsOf waits until every call has its result, and compares those of the
// given callers.
func (h *house) resultsOf(want map[string]call.Result) {
	h.t.Helper()
	var calls []call.Record
	daemontest.Eventually(h.t, "every call has its result", func() bool {
		calls = daemontest.List[call.Record](h.api, "/calls?limit=500")
		for _, rec := range calls {
			if rec.Result == call.ResultNone {
				return false
			}
		}
		return len(calls) >= len(want)
	})
	for _, rec := range calls {
		if w, ok := want[rec.From]; ok && rec.Result != w {
			h.t.Errorf("the call of %s: %s, want %s", rec.From, rec.Result, w)
		}
		delete(want, rec.From)
	}
	if len(want) > 0 {
		h.t.Errorf("not on record: %v", want)
	}
}
