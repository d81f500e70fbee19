package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	bucketName = "calls"
	accessKey  = "AKIATANDEMTEST"
	secretKey  = "the secret of the tests"
)

// standIn is an S3 server of our own, with faults on command. It does not verify
// signatures, but wants them; what is signed of the payload it compares.
type standIn struct {
	sums bool // HEAD tells checksums
	dial func(context.Context) (net.Conn, error)
	end  chan struct{} // closed at the end of the test

	mu      sync.Mutex
	objects map[string]object
	log     []string // methods and keys, in order
	fault   func(w http.ResponseWriter, r *http.Request) (done bool)
	after   func(w http.ResponseWriter, r *http.Request) // a PUT that was stored
	refuse  bool                                         // connections
	mistake bool                                         // what is stored is not what was sent
}

type object struct {
	bytes []byte
	kind  string
	at    time.Time
}

// newStandIn serves over connections that are in memory alone, which a bubble
// of testing/synctest knows.
func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{sums: true, objects: map[string]object{}, end: make(chan struct{})}
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { close(s.end); _ = srv.Close(); <-done })
	s.dial = l.dial
	return s
}

// transport is the way there.
func (s *standIn) transport(t *testing.T) *http.Transport {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			s.mu.Lock()
			refuse := s.refuse
			s.mu.Unlock()
			if refuse {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connection refused")}
			}
			return s.dial(ctx)
		},
		ResponseHeaderTimeout: time.Minute,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ours := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/")
	auth := r.Header.Get("Authorization")
	s.mu.Lock()
	fault, after := s.fault, s.after
	s.log = append(s.log, r.Method+" "+key)
	s.mu.Unlock()
	switch {
	case fault != nil && fault(w, r):
		return
	case !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential="+accessKey+"/") || !strings.Contains(auth, "Signature="):
		refuseWith(w, http.StatusForbidden, "AccessDenied", "no signature")
		return
	case !ours:
		refuseWith(w, http.StatusNotFound, "NoSuchBucket", "no such bucket")
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.put(w, r, key, after)
	case http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, key)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		s.get(w, r, key)
	}
}

func (s *standIn) put(w http.ResponseWriter, r *http.Request, key string, after func(http.ResponseWriter, *http.Request)) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	sum := sha256.Sum256(b)
	if r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) || r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
		refuseWith(w, http.StatusBadRequest, "XAmzContentSHA256Mismatch", "not what was signed")
		return
	}
	s.mu.Lock()
	if s.mistake {
		b = bytes.Clone(b)
		b[len(b)/2]++
	}
	s.objects[key] = object{bytes: b, kind: r.Header.Get("Content-Type"), at: time.Now()}
	s.mu.Unlock()
	if after != nil {
		after(w, r)
	}
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
}

func (s *standIn) get(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	o, there := s.objects[key]
	sums := s.sums
	s.mu.Unlock()
	if !there {
		refuseWith(w, http.StatusNotFound, "NoSuchKey", "no such key")
		return
	}
	sum := sha256.Sum256(o.bytes)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Content-Type", o.kind)
	if sums && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	}
	http.ServeContent(w, r, path.Base(key), o.at, bytes.NewReader(o.bytes))
}

func refuseWith(w http.ResponseWriter, status int, code, message string) {
	text := "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may be gone
}

// with changes the server's behaviour.
func (s *standIn) with(change func(*standIn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// hang is a fault: no answer.
func (s *standIn) hang(_ http.ResponseWriter, r *http.Request) bool {
	select {
	case <-r.Context().Done():
	case <-s.end:
	}
	return true
}

// object is what is stored under a key.
func (s *standIn) object(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[key].bytes
}

// count is how many requests of a kind there were.
func (s *standIn) count(request string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.HasPrefix(line, request) {
			n++
		}
	}
	return n
}

// pipes is a listener for connections in memory.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }
