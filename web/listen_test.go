package web

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

func TestListenSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := ListenSocket(path); err == nil {
		t.Error("a socket in use was taken over")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	l.Close()
	l, err = ListenSocket(path)
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(path); err == nil {
		t.Error("a file was taken for a stale socket")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

func TestRunServesBothAndStops(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	path := filepath.Join(t.TempDir(), "s")
	socket, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, tcp, socket) }()

	get := func(c *http.Client, url string) int {
		res, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		drop(res.Body)
		return res.StatusCode
	}
	overSocket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	base := "http://" + tcp.Addr().String()
	if code := get(http.DefaultClient, base+"/api/v1/calls"); code != 401 {
		t.Errorf("TCP without a token: %d", code)
	}
	if code := get(http.DefaultClient, base+"/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	if code := get(overSocket, "http://switch/api/v1/calls"); code != 200 {
		t.Errorf("socket: %d", code)
	}
	// An open stream does not hold the server up.
	res, err := overSocket.Get("http://switch/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	drop(res.Body)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestRunReportsABrokenListener(t *testing.T) {
	w := newWorld()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp.Close()
	if err := w.server(t).Run(t.Context(), tcp, nil); err == nil {
		t.Error("Run returned nil")
	}
}
