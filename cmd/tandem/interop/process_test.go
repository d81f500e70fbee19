//go:build linux

package interop_test

import (
	"bytes"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// transcript keeps what a program says, and shows its end when the test fails.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// shown is how much of a transcript is shown at most.
const shown = 24 << 10

func newTranscript(t *testing.T, name string) *transcript {
	s := &transcript{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", name, s.tail())
		}
	})
	return s
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) holds(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.text.Bytes(), []byte(text))
}

func (s *transcript) tail() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return tail(s.text.Bytes())
}

func tail(b []byte) []byte { return bytes.Clone(b[max(0, len(b)-shown):]) }

// process is a program that runs inside a network.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	said *transcript
	done chan struct{}
	err  error // once done
}

// start runs a program within the network, in a directory.
func (n *network) start(directory, program string, args ...string) *process {
	n.t.Helper()
	p := &process{t: n.t, name: program, said: newTranscript(n.t, program), done: make(chan struct{})}
	p.cmd = exec.Command("ip", append([]string{"netns", "exec", n.name, program}, args...)...)
	p.cmd.Dir = directory
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(p.kill)
	return p
}

// run holds on to its thread, at whose end the kernel kills the program: so
// none outlives a test binary that was killed.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// kill ends the program without a word and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// succeeds waits for the program's end and fails unless it exits with 0.
func (p *process) succeeds() {
	p.t.Helper()
	p.ends()
	if p.err != nil {
		p.t.Fatalf("%s: %v", p.name, p.err)
	}
}

// ends waits for the program's end.
func (p *process) ends() {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end within %s", p.name, patience)
	}
}
