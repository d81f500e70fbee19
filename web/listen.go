package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Limits of a connection.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 2 * time.Minute // an import of 32 MB over a slow line
	writeTimeout    = 5 * time.Minute // a long recording over a slow line
	idleTimeout     = 2 * time.Minute
	maxHeader       = 32 << 10 // bytes
	shutdownTimeout = 5 * time.Second
)

// ListenSocket binds the administrators' socket with mode 0600. A socket file
// that nobody answers on is left from a crash and is replaced; one that
// somebody answers on belongs to another switch.
func ListenSocket(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil { //nolint:noctx // a socket file answers or refuses at once
		_ = conn.Close()
		return nil, fmt.Errorf("socket %s: another switch is running on it", path)
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	// Until then the umask holds; whoever may not write to a socket cannot connect.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// removeSocket removes a stale socket and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket %s: the path is taken by something that is not a socket", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	return nil
}

// Run serves until ctx ends, then lets running requests finish for a moment.
// tcp needs tokens, socket does not; either may be nil. Run closes both and is
// called once. The error is that of the listener that failed first.
func (s *Server) Run(ctx context.Context, tcp, socket net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg    sync.WaitGroup
		first error
		once  sync.Once
	)
	serve := func(l net.Listener, h http.Handler) *http.Server {
		if l == nil {
			return nil
		}
		srv := s.httpServer(h)
		wg.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				once.Do(func() { first = fmt.Errorf("serve %s: %w", l.Addr(), err) })
				cancel()
			}
		})
		return srv
	}
	servers := []*http.Server{serve(tcp, s.Handler()), serve(socket, s.SocketHandler())}
	<-ctx.Done()
	close(s.closing)
	for _, srv := range servers {
		shutDown(ctx, srv)
	}
	wg.Wait()
	return first
}

// shutDown waits for the running requests, then cuts those that are left.
func shutDown(ctx context.Context, srv *http.Server) {
	if srv == nil {
		return
	}
	// ctx has ended already; only its values are wanted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
