package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/routing"
)

// wire is a ResponseWriter that a test reads while it is written.
type wire struct {
	header http.Header
	blocks chan string
	broken bool
}

func newWire() *wire { return &wire{header: http.Header{}, blocks: make(chan string, 10_000)} }

func (w *wire) Header() http.Header { return w.header }
func (w *wire) WriteHeader(int)     {}
func (w *wire) Flush()              {}
func (w *wire) Write(b []byte) (int, error) {
	if w.broken {
		return 0, errors.New("broken pipe")
	}
	w.blocks <- string(b)
	return len(b), nil
}

// rest returns what was written since the last look.
func (w *wire) rest() []string {
	var got []string
	for len(w.blocks) > 0 {
		got = append(got, <-w.blocks)
	}
	return got
}

// follow runs a stream for a caller in the test's bubble.
func follow(t *testing.T, s *Server, c Caller, after uint64) (*wire, context.CancelFunc) {
	ctx, cancel := context.WithCancel(withCaller(t.Context(), c))
	w := newWire()
	go s.stream(ctx, w, after)
	synctest.Wait()
	return w, cancel
}

var eva = Caller{User: "eva", Role: RoleSupervisor}

func TestStreamBeatsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		out, cancel := follow(t, s, eva, 0)
		if got := out.rest(); len(got) != 1 || got[0] != ": connected\n\n" {
			t.Fatalf("at first: %q", got)
		}
		time.Sleep(46 * time.Second)
		synctest.Wait()
		if got := out.rest(); len(got) != 3 || got[0] != ": heartbeat\n\n" {
			t.Errorf("in 46 s: %q", got)
		}
		cancel()
		synctest.Wait() // a stream that did not end would fail the bubble
	})
}

func TestStreamEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		_, cancel := follow(t, s, eva, 0)
		defer cancel()
		close(s.closing)
		synctest.Wait()
	})
}

func TestStreamResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		start := w.bus.Seq()
		for i := range 3 {
			w.bus.Publish(call.Event{Type: call.EventUserChanged, User: fmt.Sprint(i)})
		}
		out, cancel := follow(t, s, eva, start+1)
		w.bus.Publish(call.Event{Type: call.EventUserChanged, User: "3"})
		synctest.Wait()
		got := strings.Join(out.rest()[1:], "")
		for i := range 4 {
			id := "id: " + strconv.FormatUint(start+1+uint64(i), 10) + "\n"
			if strings.Contains(got, id) != (i > 0) {
				t.Errorf("event %d: %s", i, got)
			}
		}
		if strings.Contains(got, eventReset) {
			t.Errorf("a reset without a gap: %s", got)
		}
		cancel()
		synctest.Wait()
	})
}

func TestStreamTellsOfGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		start := w.bus.Seq()
		for range 5000 {
			w.bus.Publish(call.Event{Type: call.EventUserChanged})
		}
		for _, after := range []uint64{1, start + 1, w.bus.Seq() + 1000} {
			out, cancel := follow(t, s, eva, after)
			got := out.rest()[1:]
			want := fmt.Sprintf("id: %d\nevent: reset\ndata: {\"seq\":%d}\n\n", w.bus.Seq(), w.bus.Seq())
			if len(got) != 1 || got[0] != want {
				t.Errorf("after %d: %d blocks, first %q", after, len(got), got[0])
			}
			cancel()
			synctest.Wait()
		}
	})
}

func TestSlowReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		out := newWire()
		out.blocks = make(chan string) // takes nothing
		done := make(chan struct{})
		go func() {
			s.stream(withCaller(t.Context(), eva), out, 0)
			close(done)
		}()
		<-out.blocks // connected
		synctest.Wait()
		for range 1000 {
			w.bus.Publish(call.Event{Type: call.EventUserChanged})
		}
		for open := true; open; {
			select {
			case <-out.blocks:
			case <-done:
				open = false
			}
		}
	})
}

func TestBrokenReaderEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.server(t)
		out, cancel := follow(t, s, eva, 0)
		defer cancel()
		out.broken = true
		w.bus.Publish(call.Event{Type: call.EventUserChanged})
		synctest.Wait()
	})
}

func TestWhoSeesWhichEvent(t *testing.T) {
	ana := Caller{User: "ana", Role: RoleSalesperson}
	socket := Caller{Role: RoleAdmin, Local: true}
	s := newWorld().server(t)
	tests := []struct {
		event                   call.Event
		seenByAna, seenByOthers bool
	}{
		{call.Event{Type: call.EventCallOffered, User: "ana"}, true, true},
		{call.Event{Type: call.EventCallOffered, User: "leo"}, false, true},
		{call.Event{Type: call.EventCallEnded, Call: &call.Record{User: "ana"}}, true, true},
		{call.Event{Type: call.EventCallArrived, Call: &call.Record{}}, false, true},
		{call.Event{Type: call.EventTaskChanged, User: "leo"}, false, true},
		{call.Event{Type: call.EventContactChanged}, true, true},
		{call.Event{Type: routing.EventPlaybookChanged}, true, true},
		{call.Event{Type: call.EventTrunkChanged, Trunk: "carrier"}, false, true},
	}
	for _, tt := range tests {
		if got := s.seesEvent(ana, tt.event); got != tt.seenByAna {
			t.Errorf("ana sees %s of %q: %t", tt.event.Type, tt.event.User, got)
		}
		for _, c := range []Caller{eva, socket} {
			if got := s.seesEvent(c, tt.event); got != tt.seenByOthers {
				t.Errorf("%s sees %s: %t", c.name(), tt.event.Type, got)
			}
		}
		if s.seesEvent(Caller{}, tt.event) {
			t.Errorf("nobody sees %s", tt.event.Type)
		}
	}
}

func TestOfferCarriesAllThatTheScreenShows(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	rec := w.live[liveID]
	e := call.Event{Seq: 7, Type: call.EventCallOffered, User: "ana", CallID: liveID, Call: &rec}
	data, err := json.Marshal(s.notice(t.Context(), e))
	if err != nil {
		t.Fatal(err)
	}
	var got offerNotice
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Call == nil || got.Call.ID != liveID || got.Contact == nil || got.Contact.Name != "Luis" || got.Task == nil || got.Task.ID != "t1" {
		t.Errorf("got %s", data)
	}
	if len(got.History) != 1 || got.History[0].ID != endedID {
		t.Errorf("history %v", got.History)
	}
	rec.ContactID, rec.TaskID = "", ""
	data, err = json.Marshal(s.notice(t.Context(), e))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"contact":null`, `"task":null`, `"history":[]`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("a withheld caller: no %s in %s", part, data)
		}
	}
}

func TestNoticeNamesWhatItCarries(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	for want, data := range map[string]any{
		`"contact":{"id":"c1"`: routing.Contact{ID: "c1"}, `"task":{"id":"t1"`: &routing.Task{ID: "t1"}, `"data":{"up":true}`: map[string]bool{"up": true},
	} {
		got, err := json.Marshal(s.notice(t.Context(), call.Event{Type: call.EventTrunkChanged, Data: data}))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("want %s in %s (%v)", want, got, err)
		}
	}
}

// What people change by the API is told to whoever listens.
func TestChangesArePublished(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	sub, _, _ := w.bus.Subscribe(0)
	defer sub.Close()
	ask(t, w, s, "", "POST", "/api/v1/contacts", `{"numbers":["600000055"]}`)
	ask(t, w, s, "", "PATCH", "/api/v1/contacts/c1", `{"notes":"x"}`)
	ask(t, w, s, "", "PATCH", "/api/v1/tasks/t1", `{"state":"done"}`)
	want := []call.EventType{call.EventContactCreated, call.EventContactChanged, call.EventTaskChanged, call.EventContactChanged}
	for _, typ := range want {
		if e := <-sub.Events(); e.Type != typ {
			t.Errorf("got %s, want %s", e.Type, typ)
		}
	}
}

func TestStreamOverHTTP(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	srv := httptest.NewServer(s.SocketHandler())
	defer srv.Close()
	first := w.bus.Seq()
	w.bus.Publish(call.Event{Type: call.EventUserChanged, User: "ana"})
	w.bus.Publish(call.Event{Type: call.EventUserChanged, User: "leo"})
	for _, by := range []string{"header", "query"} {
		id := strconv.FormatUint(first+1, 10)
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		if by == "header" {
			req.Header.Set("Last-Event-ID", id)
		} else {
			req.URL.RawQuery = "after=" + id
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
			t.Errorf("Content-Type %q", ct)
		}
		var lines []string
		for sc := bufio.NewScanner(res.Body); len(lines) < 6 && sc.Scan(); {
			lines = append(lines, sc.Text())
		}
		res.Body.Close()
		if lines[2] != fmt.Sprintf("id: %d", first+2) || lines[3] != "event: user.changed" || !strings.Contains(lines[4], `"user":"leo"`) {
			t.Errorf("by %s: %q", by, lines)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	for range maxStreams {
		s.streams <- struct{}{}
	}
	if rec := ask(t, w, s, "", "GET", "/api/v1/events", ""); rec.Code != 503 {
		t.Errorf("status %d", rec.Code)
	}
}
