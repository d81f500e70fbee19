package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
	"tandem/recording"
	"tandem/recording/s3"
)

// studio is a library that archives in a bucket of a stand-in.
type studio struct {
	*recording.Library
	t      *testing.T
	dir    string
	log    *bytes.Buffer
	told   chan call.ID
	meters *prometheus.Registry
}

func newStudio(t *testing.T, b *s3.Bucket) *studio {
	t.Helper()
	s := &studio{t: t, dir: filepath.Join(t.TempDir(), "recordings"), log: new(bytes.Buffer), told: make(chan call.ID, 1), meters: prometheus.NewRegistry()}
	var err error
	s.Library, err = recording.New(recording.Options{
		Directory: s.dir, Settings: recording.Settings{Enabled: true, Archive: b},
		Log: slog.New(slog.NewTextHandler(s.log, nil)), Registerer: s.meters,
		Done: func(id call.ID, _ call.Recording) error { s.told <- id; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Move(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call records a call of some seconds; each has a sound of its own.
func (s *studio) call(seconds int) call.ID {
	s.t.Helper()
	id := call.NewID(time.Now())
	tape, err := s.Start(call.Record{ID: id, Direction: call.Inbound})
	if err != nil {
		s.t.Fatal(err)
	}
	var contact, person [160]int16
	for n := range seconds * 50 {
		for i := range contact {
			contact[i], person[i] = int16(n*160+i), int16(id[len(id)-1])
		}
		if !tape.Push(&contact, &person) {
			s.t.Fatalf("call %s: a frame found no room", id)
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.Stop(id)
	if told := <-s.told; told != id {
		s.t.Fatalf("told of %s instead of %s", told, id)
	}
	return id
}

// heard is the whole recording, as it is played.
func (s *studio) heard(id call.ID) []byte {
	s.t.Helper()
	p, err := s.Open(id, recording.PlayOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer p.Close()
	b, err := io.ReadAll(p)
	if err != nil || int64(len(b)) != p.Size {
		s.t.Errorf("heard %d bytes of %d, %v", len(b), p.Size, err)
	}
	return b
}

func (s *studio) wavs() []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "*/*/*/*.wav"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

func key(id call.ID, at time.Time) string {
	return "sales/recordings/" + at.UTC().Format("2006/01/02/") + string(id) + ".wav"
}

// S3 refuses for an hour: no call notices; everything arrives afterwards,
// nothing twice, nothing lost; and that is said twice, at the beginning and at
// the end.
func TestRefusingForAnHour(t *testing.T) {
	for name, outage := range map[string]func(*standIn){
		"nobody there": func(s *standIn) {
			s.refuse = true
			s.fault = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
		},
		"500": func(s *standIn) {
			s.fault = func(w http.ResponseWriter, _ *http.Request) bool {
				refuseWith(w, http.StatusInternalServerError, "InternalError", "we are so sorry")
				return true
			}
		},
		"hangs": func(s *standIn) { s.fault = s.hang },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { refusingForAnHour(t, outage) })
		})
	}
}

func refusingForAnHour(t *testing.T, outage func(*standIn)) {
	server := newStandIn(t)
	s := newStudio(t, newBucket(t, server, nil))
	before := s.call(3)
	time.Sleep(time.Second)
	synctest.Wait()
	if len(s.wavs()) != 0 || server.object(key(before, time.Now())) == nil {
		t.Fatalf("not archived: %v", s.wavs())
	}
	server.with(outage)
	said := map[call.ID][]byte{}
	at := map[call.ID]time.Time{}
	for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Minute) {
		began := time.Now()
		id := s.call(2)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a call of two seconds took %v", took)
		}
		said[id], at[id] = s.heard(id), began
	}
	if n := len(s.wavs()); n != len(said) || n < 50 {
		t.Errorf("%d of %d are kept", n, len(said))
	}
	spool := fmt.Sprintf("\ntandem_recording_spool_bytes %d\n", 64044*len(said))
	if text := exposition(t, s.meters); !strings.Contains(text, spool) || !strings.Contains(text, fmt.Sprintf("\ntandem_recording_spool_files %d\n", len(said))) {
		t.Errorf("%d wait, and the metrics say\n%s", len(said), text)
	}
	if n := server.count("PUT"); n > 200 {
		t.Errorf("%d tries in an hour", n)
	}
	server.with(func(s *standIn) { s.refuse, s.fault = false, nil })
	time.Sleep(10 * time.Minute) // what hangs is given up after five, and the pause is a minute
	synctest.Wait()
	if left := s.wavs(); len(left) != 0 {
		t.Errorf("%d wait still", len(left))
	}
	for id := range maps.Keys(said) {
		if got := server.object(key(id, at[id])); !bytes.Equal(got, said[id]) {
			t.Errorf("%s: archived %d bytes of %d", id, len(got), len(said[id]))
		}
		if got := s.heard(id); !bytes.Equal(got, said[id]) {
			t.Errorf("%s: %d bytes are played", id, len(got))
		}
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("complained %d times:\n%s", n, s.log)
	}
	if n := strings.Count(s.log.String(), "archived again"); n != 1 || strings.Contains(s.log.String(), secretKey) {
		t.Errorf("said %d times that it is over:\n%s", n, s.log)
	}
	if n := len(server.objects); n != 2*(len(said)+1) {
		t.Errorf("%d objects", n)
	}
	if n, err := testutil.GatherAndCount(s.meters, "tandem_recording_uploads_total"); n != 4 || err != nil {
		t.Errorf("%d outcomes, %v", n, err)
	}
	if text := exposition(t, s.meters); !strings.Contains(text, fmt.Sprintf("uploads_total{outcome=\"stored\"} %d\n", len(said)+1)) {
		t.Errorf("not each stored once:\n%s", text)
	}
}

// exposition is what Prometheus would read, roughly.
func exposition(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				labels += "{" + l.GetName() + "=\"" + l.GetValue() + "\"}"
			}
			fmt.Fprintf(&b, "\n%s%s %.0f\n", f.GetName(), labels, m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	return b.String()
}

// A line on which a recording takes longer than a stall is only slow.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStandIn(t)
		server.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			r.Body = slow{r.Body}
			return false
		}
		s := newStudio(t, newBucket(t, server, nil))
		id := s.call(20)
		want := s.heard(id)
		began := time.Now()
		for len(s.wavs()) > 0 && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if took := time.Since(began); took < 5*time.Minute || took > time.Hour {
			t.Errorf("it took %v", took)
		}
		if n := server.count("PUT"); n != 2 || !bytes.Equal(s.heard(id), want) || s.log.Len() > 0 {
			t.Errorf("sent in %d: %s", n, s.log)
		}
	})
}

// slow gives a kilobyte a second.
type slow struct{ io.ReadCloser }

func (s slow) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p[:min(len(p), 1024)])
	time.Sleep(time.Duration(n) * time.Second / 1024)
	return n, err
}

// A server that stores and then cuts the line is not sent the recording again.
func TestCutAfterTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStandIn(t)
		cuts := 0
		server.after = func(http.ResponseWriter, *http.Request) {
			cuts++
			panic(http.ErrAbortHandler)
		}
		s := newStudio(t, newBucket(t, server, nil))
		id := s.call(2)
		want := s.heard(id)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := server.count("PUT " + key(id, time.Now())); n != 1 || cuts != 2 || len(s.wavs()) != 0 {
			t.Errorf("sent %d times, cut %d times, left %v", n, cuts, s.wavs())
		}
		if !bytes.Equal(s.heard(id), want) {
			t.Error("it is another one now")
		}
	})
}

// A server that says yes and keeps other bytes is not believed, whether it tells
// checksums or not.
func TestServerIsWrong(t *testing.T) {
	for _, sums := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			server := newStandIn(t)
			server.sums, server.mistake = sums, true
			s := newStudio(t, newBucket(t, server, nil))
			id := s.call(2)
			want := s.heard(id)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if len(s.wavs()) != 1 || !strings.Contains(s.log.String(), "other bytes") {
				t.Errorf("left %v, said %s", s.wavs(), s.log)
			}
			server.with(func(s *standIn) { s.mistake = false })
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if len(s.wavs()) != 0 || !bytes.Equal(s.heard(id), want) {
				t.Errorf("left %v", s.wavs())
			}
		})
	}
}

// A long recording is played in few requests, and from anywhere.
func TestPlayedFromS3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newStandIn(t)
		s := newStudio(t, newBucket(t, server, nil))
		id := s.call(60)
		want := s.heard(id)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.wavs()) != 0 {
			t.Fatalf("left %v", s.wavs())
		}
		server.with(func(s *standIn) { s.log = nil })
		if !bytes.Equal(s.heard(id), want) {
			t.Error("it is another one now")
		}
		if n := server.count("GET"); n > 9 {
			t.Errorf("%d requests for a minute", n)
		}
		p, err := s.Open(id, recording.PlayOptions{Channel: recording.Left})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if _, err := p.Seek(-2, io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		last, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(last, want[len(want)-4:len(want)-2]) {
			t.Errorf("ends with % x, %v", last, err)
		}
	})
}
