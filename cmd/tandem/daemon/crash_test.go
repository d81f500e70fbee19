package daemon_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/routing"
)

// childEnv makes this test binary a switch: its value is the configuration.
const childEnv = "TANDEM_TEST_SWITCH"

// filesEnv is how many files a switch of its own process may have open.
const filesEnv = "TANDEM_TEST_FILES"

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

// serveChild runs a switch as the service manager would.
func serveChild(file string) error {
	if text := os.Getenv(filesEnv); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return err
		}
	}
	return daemon.Serve(context.Background(), daemon.Options{Config: file, Version: "test"})
}

// child is a switch in a process of its own.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	once sync.Once
	err  error
}

// spawn runs the switch in a process of its own until it answers. The switch
// has a fixed port and variables of its own in the environment.
func (h *house) spawn(env ...string) *child {
	h.t.Helper()
	c := h.launch(env...)
	h.api = daemontest.NewClient(h.t, h.data+"/tandem.sock")
	daemontest.Eventually(h.t, "the switch answers", func() bool {
		status, _ := h.api.Do("GET", "/status", nil)
		return status == 200
	})
	return c
}

// launch starts the switch in a process of its own.
func (h *house) launch(env ...string) *child {
	h.t.Helper()
	c := &child{t: h.t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(append(os.Environ(), childEnv+"="+h.file), env...)
	c.cmd.Stderr = testWriter{h.t}
	h.must(c.cmd.Start())
	h.t.Cleanup(c.kill)
	return c
}

// kill ends the process without a word.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // may have ended by itself
	_ = c.wait()
}

// signal sends the process a signal.
func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// wait returns how the process ended.
func (c *child) wait() error {
	c.once.Do(func() { c.err = c.cmd.Wait() })
	return c.err
}

// fixPort gives the switch a port that it has again after a restart.
func (h *house) fixPort() {
	h.t.Helper()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	h.must(err)
	addr := probe.LocalAddr().String()
	h.must(probe.Close())
	h.edit("udp://127.0.0.1:0", "udp://"+addr)
	h.sip = addr
}

// TestKillWhileRinging: the call has a result and its task, the phone stops
// ringing, the caller is released, and the phone rings again without having
// registered anew.
func TestKillWhileRinging(t *testing.T) {
	h := prepareHouse(t, settings{members: "ana"})
	h.fixPort()
	sw := h.spawn()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.hearsMusic("the contact", contact)
	user := h.rung(ana)
	sw.kill()
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
	sw := h.spawn()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().WaitPackets(ctx, 150)) // three seconds of conversation
	sw.kill()
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
