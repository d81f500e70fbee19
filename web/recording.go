package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/call"
)

func (s *Server) recordingRoutes() {
	op := s.operation(route{"getRecording", http.MethodGet, "/calls/{id}/recording", "Play a call's recording", RoleSalesperson, 0})
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The whole recording", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"206": {Description: "The range that was asked for", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"416": {Description: "The range is not within the recording"},
	}
	register(s, op, s.playRecording)
}

type recordingInput struct {
	ID      call.ID `path:"id" doc:"ULID"`
	Layout  string  `query:"layout" enum:"contact-left,caller-left" doc:"Who is on the left; default: as it was recorded"`
	Channel string  `query:"channel" enum:"left,right,contact,salesperson" doc:"One channel alone, in mono"`
}

// view is how the recording is to be heard. Who talks can be said of the
// layout that has the contact on the left, whoever called.
func (in *recordingInput) view() RecordingView {
	switch in.Channel {
	case "contact":
		return RecordingView{Layout: "contact-left", Channel: "left"}
	case "salesperson":
		return RecordingView{Layout: "contact-left", Channel: "right"}
	}
	return RecordingView{Layout: in.Layout, Channel: in.Channel}
}

// playRecording answers with the WAV file or ranges of it (RFC 9110 section 14).
func (s *Server) playRecording(ctx context.Context, in *recordingInput) (*huma.StreamResponse, error) {
	rec, err := s.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view := in.view()
	playback, err := s.recordings.OpenRecording(in.ID, view)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer playback.Close()
		r, w := humago.Unwrap(hc)
		c := callerOf(ctx)
		s.log.InfoContext(ctx, "recording played", "call_id", in.ID, "user", c.name(), "role", c.Role, "range", r.Header.Get("Range"))
		h := w.Header()
		h.Set("Content-Type", "audio/wav")
		h.Set("Content-Disposition", `inline; filename="`+string(rec.ID)+`.wav"`)
		h.Set("Cache-Control", "private, no-cache")
		if rec.Recording != nil && rec.Recording.SHA256 != "" {
			h.Set("ETag", `"`+rec.Recording.SHA256+"."+view.Layout+"."+view.Channel+`"`)
		}
		http.ServeContent(w, r, "", playback.Modified.Truncate(time.Second), playback)
	}}, nil
}
