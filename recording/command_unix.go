//go:build unix

package recording

import (
	"os"
	"os/exec"
	"syscall"
)

// alone gives a command a process group of its own, and ends all of that with
// it.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// yield lets all others have the processor first. That it may not be done is no
// reason not to go on.
func yield(p *os.Process) { _ = syscall.Setpriority(syscall.PRIO_PGRP, p.Pid, 19) }
