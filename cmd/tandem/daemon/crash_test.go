package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/routing"
)

// childEnv makes this test binary a switch: its value is the configuration.
const childEnv = "TANDEM_TEST_SWITCH"

// TestMain runs the tests, or the switch that they kill.
func TestMain(m *testing.M) {
	file := os.Getenv(childEnv)
	if file == "" {
		os.Exit(m.Run())
	}
	if err := serveChild(file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveChild runs a switch and says on standard output where it listens.
func serveChild(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d, err := daemon.New(ctx, daemon.Options{Config: file, Version: "test"})
	if err != nil {
		return err
	}
	fmt.Println(d.SIPAddrs()[0])
	return d.Run(ctx)
}

// spawn runs the switch in a process of its own and returns what kills it.
func (h *house) spawn() (kill func()) {
	h.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+h.file)
	cmd.Stderr = testWriter{h.t}
	out, err := cmd.StdoutPipe()
	h.must(err)
	h.must(cmd.Start())
	dead := false
	kill = func() {
		if !dead {
			dead = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	h.t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		h.t.Fatalf("the switch says nothing: %v", err)
	}
	h.sip = strings.TrimSpace(line)
	h.api = newClient(h.t, h.data+"/tandem.sock")
	h.api.eventually("the switch answers", func() bool {
		status, _ := h.api.do("GET", "/status", nil)
		return status == 200
	})
	return kill
}

// fixPort gives the switch a port that it has again after a restart.
func (h *house) fixPort() {
	h.t.Helper()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	h.must(err)
	addr := probe.LocalAddr().String()
	h.must(probe.Close())
	h.edit("udp://127.0.0.1:0", "udp://"+addr)
}

// TestKillWhileRinging: the call has a result and its task, the phone stops
// ringing, the caller is released, and the phone rings again without having
// registered anew.
func TestKillWhileRinging(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.fixPort()
	kill := h.spawn()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.hearsMusic("the contact", contact)
	user := h.rung(ana)
	kill()
	h.spawn()
	if end := h.ended("the contact", contact); !end.Remote {
		t.Errorf("the contact %s", end)
	}
	if end := h.ended("ana", user); !end.Remote {
		t.Errorf("ana's phone %s", end)
	}
	h.missedOnce(call.ResultFailed, call.MissedNoUser, "ana")

	again := h.call()
	h.answered(ana)
	h.hears("the contact", again, anaTone)
}

// TestKillWhileTalking: the call is completed, both sides are released, and the
// recording can be played.
func TestKillWhileTalking(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.fixPort()
	kill := h.spawn()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().WaitPackets(ctx, 150)) // three seconds of conversation
	kill()
	h.spawn()
	h.ended("the contact", contact)
	h.ended("ana", user)
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || rec.Missed || rec.Duration <= 0 {
		t.Errorf("record: %+v", rec)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 0 {
		t.Errorf("missed-call tasks of a completed call: %+v", tasks)
	}
	h.recordingHolds(rec.ID, contactTone, anaTone)
}
