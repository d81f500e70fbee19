package daemon_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/recording"
	"tandem/web"
)

// TestNoPortsLeft: the call that finds no RTP port fails alone and is asked to
// come later, and the log says why; once the ports are free the next one is
// connected.
func TestNoPortsLeft(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.edit("ports: 20000-29999", "ports: "+freePorts(t))
	h.run()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)

	second := h.call(func(o *peer.CallOptions) { o.From = "+34600333444" })
	if end := h.ended("the second caller", second); end.Code != 503 || end.Last.Get("Retry-After") == "" {
		t.Errorf("the second caller %s", end)
	}
	if !h.logged.has("no RTP ports left") {
		t.Error("the log does not say why")
	}
	h.hears("the contact, still", contact, anaTone)
	h.hears("ana, still", user, contactTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	daemontest.Eventually(h.t, "both calls have their result", func() bool {
		results := make(map[call.Result]int)
		for _, rec := range daemontest.List[call.Record](h.api, "/calls") {
			results[rec.Result]++
		}
		return results[call.ResultCompleted] == 1 && results[call.ResultFailed] == 1
	})
	var third *peer.Call
	daemontest.Eventually(t, "there are ports again", func() bool {
		third = h.call()
		return third.WaitAnswered(ctx) == nil
	})
	user = h.answered(ana)
	h.hears("the third caller", third, anaTone)
	h.hears("ana, again", user, contactTone)
}

// freePorts returns a range that is enough for one call.
func freePorts(t *testing.T) string {
	t.Helper()
	for first := 31000; first < 32000; first += 4 {
		var open []net.PacketConn
		for port := first; port < first+4; port++ {
			c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				break
			}
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close() // it was only tried
		}
		if len(open) == 4 {
			return fmt.Sprintf("%d-%d", first, first+3)
		}
	}
	t.Fatal("no free ports")
	return ""
}

// TestPortTaken: the error names the key and the address, and nothing is left open.
func TestPortTaken(t *testing.T) {
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	for key, edit := range map[string]struct{ old, taken, addr string }{
		"sip.listen":  {"udp://127.0.0.1:0", "udp://" + other.LocalAddr().String(), other.LocalAddr().String()},
		"http.listen": {`http: { listen: "127.0.0.1:0" }`, `http: { listen: "` + web.Addr().String() + `" }`, web.Addr().String()},
	} {
		t.Run(key, func(t *testing.T) {
			h := prepareHouse(t, settings{})
			h.edit(edit.old, edit.taken)
			_, err := daemon.New(t.Context(), daemon.Options{Config: h.file, Log: testWriter{t}, Version: "test"})
			if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), edit.addr) || !strings.Contains(err.Error(), "in use") {
				t.Fatalf("a port that is taken: %v", err)
			}
			h.edit(edit.taken, edit.old)
			h.run()
		})
	}
}

// TestNoFilesLeft: calls for which there are no more descriptors fail alone;
// the switch goes on, and takes calls again once others are over.
func TestNoFilesLeft(t *testing.T) {
	h := prepareHouse(t, settings{reception: "timeout: 60s"})
	h.fixPort()
	h.spawn(filesEnv + "=40")
	var waiting []*peer.Call
	ctx, cancel := wait()
	defer cancel()
	refused := false
	for n := range 20 {
		c := h.call(func(o *peer.CallOptions) { o.From = contactOf(n) })
		if err := c.WaitAnswered(ctx); err != nil {
			if end := h.ended("the caller", c); end.Code < 400 {
				t.Errorf("the refused caller %s", end)
			}
			refused = true
			break
		}
		waiting = append(waiting, c)
	}
	if !refused || len(waiting) == 0 {
		t.Fatalf("%d calls, refused %t", len(waiting), refused)
	}
	for i, c := range waiting {
		h.hearsMusic(fmt.Sprintf("caller %d, still,", i), c)
		h.must(c.Hangup(ctx))
	}
	again := h.call()
	h.must(again.WaitAnswered(ctx))
	h.hearsMusic("the next caller", again)
	h.must(again.Hangup(ctx))
	daemontest.Eventually(h.t, "every call has its result", func() bool {
		calls := daemontest.List[call.Record](h.api, "/calls")
		for _, rec := range calls {
			if rec.Result == call.ResultNone {
				return false
			}
		}
		return len(calls) >= len(waiting)+1
	})
}

// TestTwoSignals: the first SIGTERM drains, the second stops at once, with exit
// code 0 and sealed recordings.
func TestTwoSignals(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.fixPort()
	sw := h.spawn()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	sw.signal(syscall.SIGTERM)
	daemontest.Eventually(h.t, "the switch drains", func() bool {
		var s web.Status
		status, body := h.api.Do(http.MethodGet, "/status", nil)
		return status == http.StatusOK && json.Unmarshal(body, &s) == nil && s.Draining
	})
	h.hears("ana, still", user, contactTone)
	if contact.State() == peer.Ended {
		t.Error("the drain ended the call")
	}
	sw.signal(syscall.SIGTERM)
	if err := sw.wait(); err != nil {
		t.Errorf("the switch ended with %v", err)
	}
	for who, c := range map[string]*peer.Call{"the contact": contact, "ana": user} {
		if end := h.ended(who, c); end.How != peer.ByBYE || !end.Remote {
			t.Errorf("%s %s", who, end)
		}
	}
	report, err := recording.Verify(t.Context(), filepath.Join(h.data, "recordings"), nil, nil)
	if err != nil || len(report.Faults) > 0 || report.Checked != 1 {
		t.Errorf("recordings: %d, %+v, %v", report.Checked, report.Faults, err)
	}
	h.spawn()
	if rec := h.record(1); rec.Result != call.ResultCompleted || rec.Recording == nil {
		t.Errorf("record: %+v", rec)
	}
}
