package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/recording"
	"tandem/recording/s3"
)

func newBucket(t *testing.T, s *standIn, change func(*s3.Options)) *s3.Bucket {
	t.Helper()
	o := s3.Options{
		Endpoint: "s3.example", Region: "eu-west-1", Bucket: bucketName, Prefix: "sales/recordings",
		AccessKey: accessKey, SecretKey: secretKey, Transport: s.transport(t),
	}
	if change != nil {
		change(&o)
	}
	b, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func infoOf(b []byte) recording.Info {
	sum := sha256.Sum256(b)
	return recording.Info{Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

// A bucket keeps what every archive has to keep.
func TestBucket(t *testing.T) {
	s := newStandIn(t)
	b := newBucket(t, s, nil)
	const name, key = "2026/03/02/x.wav", "sales/recordings/2026/03/02/x.wav"
	if got := b.String(); got != "s3 s3.example/calls/sales/recordings" {
		t.Errorf("is called %s", got)
	}
	if _, err := b.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	if _, _, err := b.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	if err := b.Remove(t.Context(), name); err != nil {
		t.Errorf("remove of nothing: %v", err)
	}
	text := make([]byte, 1<<20)
	_, _ = rand.Read(text)
	want := infoOf(text)
	for range 2 {
		if err := b.Put(t.Context(), name, bytes.NewReader(text), want); err != nil {
			t.Fatal(err)
		}
	}
	if o := s.objects[key]; !bytes.Equal(o.bytes, text) || o.kind != "audio/wav" {
		t.Errorf("stored %d bytes of %s", len(o.bytes), o.kind)
	}
	for _, sums := range []bool{true, false} {
		s.with(func(s *standIn) { s.sums = sums })
		got, err := b.Stat(t.Context(), name)
		if sums != (got.SHA256 == want.SHA256) || !sums && got.SHA256 != "" || got.Size != want.Size || got.ModTime.IsZero() || err != nil {
			t.Errorf("stat with checksums %v: %+v, %v", sums, got, err)
		}
	}
	f, info, err := b.Open(t.Context(), name)
	if err != nil || info.Size != want.Size {
		t.Fatalf("opened %+v, %v", info, err)
	}
	for _, at := range []int64{0, 1, 4711, want.Size - 100} {
		part := make([]byte, 100)
		if n, err := f.ReadAt(part, at); n != 100 || err != nil || !bytes.Equal(part, text[at:at+100]) {
			t.Errorf("read %d at %d, %v", n, at, err)
		}
	}
	if n, err := f.ReadAt(make([]byte, 100), want.Size-10); n != 10 || err == nil {
		t.Errorf("read %d beyond the end, %v", n, err)
	}
	if err := errors.Join(f.Close(), b.Remove(t.Context(), name)); err != nil || len(s.objects) != 0 {
		t.Errorf("%d left, %v", len(s.objects), err)
	}
}

// What goes wrong is said in words that help, and never with a credential.
func TestRefusals(t *testing.T) {
	s := newStandIn(t)
	page := func(status int, text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return true
		}
	}
	xml := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			refuseWith(w, status, code, "said at "+r.Header.Get("Authorization")+strings.Repeat(" at length", 100))
			return true
		}
	}
	for _, test := range []struct {
		said  string
		fault func(http.ResponseWriter, *http.Request) bool
		other func(*s3.Options)
	}{
		{"no bucket nowhere", nil, func(o *s3.Options) { o.Bucket = "nowhere" }},
		{"access refused", nil, func(o *s3.Options) { o.AccessKey = "SOMEBODYELSE" }},
		{"access refused (SignatureDoesNotMatch)", xml(http.StatusForbidden, "SignatureDoesNotMatch"), nil},
		{"503 SlowDown", xml(http.StatusServiceUnavailable, "SlowDown"), nil},
		{"500", page(http.StatusInternalServerError, ""), nil},
		{"502", page(http.StatusBadGateway, "<html>"+strings.Repeat("x", 1<<20)), nil},
	} {
		s.with(func(s *standIn) { s.fault = test.fault })
		b := newBucket(t, s, test.other)
		text := []byte("what was said")
		err := b.Put(t.Context(), "2026/03/02/x.wav", bytes.NewReader(text), infoOf(text))
		if err == nil || !strings.Contains(err.Error(), test.said) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("want %q: %v", test.said, err)
			continue
		}
		if strings.Contains(err.Error(), secretKey) || len(err.Error()) > 500 {
			t.Errorf("%q: %.1000v", test.said, err)
		}
	}
	s.with(func(s *standIn) { s.refuse = true })
	if _, err := newBucket(t, s, nil).Stat(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "refused") || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := s3.New(s3.Options{Endpoint: "http://x/y"}); err == nil {
		t.Error("a URL was taken for an endpoint")
	}
}

// Reads survive a server that stumbles, and end when nobody listens any more.
func TestReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStandIn(t)
		b := newBucket(t, s, nil)
		text := bytes.Repeat([]byte("0123456789"), 100)
		if err := b.Put(t.Context(), "x.wav", bytes.NewReader(text), infoOf(text)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		f, _, err := b.Open(ctx, "x.wav")
		if err != nil {
			t.Fatal(err)
		}
		stumbles := 2
		s.with(func(s *standIn) {
			s.fault = func(w http.ResponseWriter, _ *http.Request) bool {
				if stumbles--; stumbles < 0 {
					return false
				}
				refuseWith(w, http.StatusServiceUnavailable, "SlowDown", "slow down")
				return true
			}
		})
		part := make([]byte, 10)
		if _, err := f.ReadAt(part, 20); err != nil || string(part) != "0123456789" {
			t.Errorf("read %q, %v", part, err)
		}
		s.with(func(s *standIn) { s.fault = s.hang })
		began := time.Now()
		if _, err := f.ReadAt(part, 0); err == nil || time.Since(began) > 2*time.Minute {
			t.Errorf("a server that hangs: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, cancel)
		began = time.Now()
		if _, err := f.ReadAt(part, 0); !errors.Is(err, context.Canceled) || time.Since(began) > 2*time.Second {
			t.Errorf("nobody listens: %v after %v", err, time.Since(began))
		}
	})
}
