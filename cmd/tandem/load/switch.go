//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience bounds the waits for what a switch must do at once.
const patience = 30 * time.Second

// shownLog is how much of the log is shown of a switch that fails, in bytes.
const shownLog = 4 << 10

// switchProcess is a switch in a process of its own.
type switchProcess struct {
	cmd  *exec.Cmd
	addr string // of SIP over UDP
	http *http.Client
	log  string // file
}

// startSwitch runs a switch of that configuration in dir, which becomes its
// data folder, and waits until it takes calls. profile names a file for a CPU
// profile, or is empty.
func startSwitch(ctx context.Context, dir, configuration, profile string) (*switchProcess, error) {
	file := filepath.Join(dir, "tandem.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	own, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("own program: %w", err)
	}
	cmd := exec.CommandContext(ctx, own)
	cmd.Env = append(os.Environ(), switchEnv+"="+file, profileEnv+"="+profile)
	log, err := os.Create(filepath.Join(dir, "switch.log"))
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("switch: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("switch: %w", err)
	}
	s := &switchProcess{cmd: cmd, http: socketClient(filepath.Join(dir, "tandem.sock")), log: log.Name()}
	if s.addr, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("switch says nothing: %w", err), s.stop(), s.lastWords())
	}
	s.addr = strings.TrimSpace(s.addr)
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop(), s.lastWords())
	}
	return s, nil
}

// socketClient speaks HTTP on a Unix socket.
func socketClient(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// ready waits until the switch takes calls.
func (s *switchProcess) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := s.get(ctx, "/readyz"); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("switch is not ready: %w", ctx.Err())
		case <-again.C:
		}
	}
}

// get returns the body of a 200.
func (s *switchProcess) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://tandem"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, res.Status)
	}
	return io.ReadAll(res.Body)
}

// metrics scrapes the switch.
func (s *switchProcess) metrics(ctx context.Context) (samples, error) {
	text, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return parseMetrics(text)
}

func (s *switchProcess) usage() (usage, error) { return usageOf(s.cmd.Process.Pid) }

// signal tells the process to begin or to end its profile.
func (s *switchProcess) signal(sig os.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	return nil
}

// logged is how many bytes of log there are.
func (s *switchProcess) logged() (int64, error) {
	info, err := os.Stat(s.log)
	if err != nil {
		return 0, fmt.Errorf("log: %w", err)
	}
	return info.Size(), nil
}

// lost is how many datagrams the kernel has dropped at the SIP port.
func (s *switchProcess) lost() (int64, error) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0, fmt.Errorf("sockets: %w", err)
	}
	addr, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return 0, fmt.Errorf("sockets: %w", err)
	}
	return parseDropped(table, addr.Port())
}

// lastWords is the end of the log, as an error.
func (s *switchProcess) lastWords() error {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return fmt.Errorf("the switch said last: %s", text[max(0, len(text)-shownLog):])
}

// stop ends the switch as an administrator would, and by force when that takes
// too long.
func (s *switchProcess) stop() error {
	force := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer force.Stop()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("switch: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	return nil
}
