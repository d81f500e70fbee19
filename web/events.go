package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/call"
	"tandem/routing"
)

// Limits of event streams.
const (
	maxStreams   = 1000
	heartbeat    = 15 * time.Second // proxies close connections that are silent for longer
	eventTimeout = 10 * time.Second // a reader who does not take an event by then is cut
)

// eventReset tells a reader that events are missing: what they know may be
// old, and they have to read it again.
const eventReset = "reset"

func (s *Server) eventRoutes() {
	op := s.operation(route{"streamEvents", http.MethodGet, "/events", "Follow what happens (Server-Sent Events)", RoleSalesperson, 0})
	op.Description += " The id of an event grows; send the last one as Last-Event-ID, or as ?after=, to go on where the stream broke off." +
		" An event named reset says that some are missing: read again what you show."
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The stream", Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Notice](), true, "Notice"),
		}}},
	}
	register(s, op, s.openStream)
}

type streamInput struct {
	After       uint64 `query:"after" doc:"The id of the last event that is known"`
	LastEventID uint64 `header:"Last-Event-ID" doc:"As after; a browser sends it by itself"`
}

func (s *Server) openStream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, huma.Error503ServiceUnavailable("there are too many event streams")
	}
	after := max(in.After, in.LastEventID)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer func() { <-s.streams }()
		r, w := humago.Unwrap(hc)
		s.stream(r.Context(), w, after)
	}}, nil
}

// stream writes events until the reader leaves, falls behind, or the server
// goes down.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, after uint64) {
	newest := s.bus.Seq()
	sub, missed, complete := s.bus.Subscribe(after)
	defer sub.Close()
	out := newEventWriter(w)
	if out.comment("connected") != nil {
		return
	}
	if !complete {
		// The reader starts anew at newest; what came since then follows.
		if out.event(newest, eventReset, map[string]uint64{"seq": newest}) != nil {
			return
		}
	}
	for _, e := range missed {
		if !complete && e.Seq <= newest {
			continue
		}
		if s.tell(ctx, out, e) != nil {
			return
		}
	}
	s.follow(ctx, out, sub)
}

// follow writes new events as they come.
func (s *Server) follow(ctx context.Context, out *eventWriter, sub *call.Subscription) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.closing:
			return
		case <-beat.C:
			err = out.comment("heartbeat")
		case e, ok := <-sub.Events():
			if !ok {
				return // fell behind: the reader comes back with its last id
			}
			err = s.tell(ctx, out, e)
		}
		if err != nil {
			return
		}
	}
}

// tell writes an event if the reader may see it.
func (s *Server) tell(ctx context.Context, out *eventWriter, e call.Event) error {
	if !s.seesEvent(callerOf(ctx), e) {
		return nil
	}
	return out.event(e.Seq, string(e.Type), s.notice(ctx, e))
}

// seesEvent reports whether the caller may see an event: a salesperson what
// concerns them, the address book, and whether their office is open.
func (s *Server) seesEvent(c Caller, e call.Event) bool {
	switch {
	case c.all():
		return true
	case e.Type == call.EventCallCoached && !s.seesCoaches(c):
		return false
	}
	if e.User == c.User || e.Call != nil && e.Call.User == c.User {
		return c.User != ""
	}
	shared := []call.EventType{call.EventContactCreated, call.EventContactChanged, routing.EventPlaybookChanged}
	return c.User != "" && slices.Contains(shared, e.Type)
}

// eventWriter writes Server-Sent Events (WHATWG HTML, section 9.2).
type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// newEventWriter begins the response.
func newEventWriter(w http.ResponseWriter) *eventWriter {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not hold events back
	rc := http.NewResponseController(w)
	// The stream outlives the server's time for reading a request; where a
	// deadline cannot be set, there is none.
	_ = rc.SetReadDeadline(time.Time{})
	return &eventWriter{w: w, rc: rc}
}

// comment writes a line that readers ignore.
func (o *eventWriter) comment(text string) error { return o.write(": " + text + "\n\n") }

// event writes one event; data is JSON, so it has no line breaks.
func (o *eventWriter) event(id uint64, name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", id, name, body)
	return o.write(b.String())
}

func (o *eventWriter) write(text string) error {
	_ = o.rc.SetWriteDeadline(time.Now().Add(eventTimeout))
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.rc.Flush()
}
