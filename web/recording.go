package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) recordingRoutes() {
	op := s.operation(route{"getRecording", http.MethodGet, "/calls/{id}/recording", "Play a call's recording", RoleSalesperson, 0})
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The whole recording", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"206": {Description: "The range that was asked for", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"416": {Description: "The range is not within the recording"},
	}
	register(s, op, s.playRecording)
	handle(s, route{"getPeaks", http.MethodGet, "/calls/{id}/recording/peaks", "Get what the waveform of a recording is drawn from", RoleSalesperson, 0}, s.getPeaks)
	handle(s, route{"listRecordings", http.MethodGet, "/recordings", "List calls with a recording, newest first", RoleSalesperson, 0}, s.listRecordings)
	handle(s, route{"deleteRecording", http.MethodDelete, "/calls/{id}/recording", "Delete a call's recording", RoleAdmin, http.StatusNoContent}, s.deleteRecording)
	handle(s, route{"holdRecording", http.MethodPut, "/calls/{id}/recording/hold", "Keep a recording from being deleted", RoleAdmin, 0}, s.holdRecording)
	handle(s, route{"releaseRecording", http.MethodDelete, "/calls/{id}/recording/hold", "Let a recording be deleted again", RoleAdmin, http.StatusNoContent}, s.releaseRecording)
	handle(s, route{"listAccesses", http.MethodGet, "/calls/{id}/recording/accesses", "List who used a recording, newest first", RoleAdmin, 0}, s.listAccesses)
}

type recordingInput struct {
	ID      call.ID `path:"id" doc:"ULID"`
	Layout  string  `query:"layout" enum:"contact-left,caller-left" doc:"Who is on the left; default: as it was recorded"`
	Channel string  `query:"channel" enum:"left,right,contact,salesperson" doc:"One channel alone, in mono"`
	Purpose string  `query:"purpose" enum:"play,download,export" default:"play" doc:"What it is for, as the log of accesses has it; browsers save a download as a file"`
	Range   string  `header:"Range" doc:"Bytes, as in RFC 9110 section 14.2"`
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

// wholeFile is the range of a request that names none.
const wholeFile = "bytes=0-"

// maxRange is how much of a request's range is remembered, in bytes.
const maxRange = 100

// access is what is remembered of the request.
func (in *recordingInput) access() routing.Access {
	asked := in.Range
	if asked == "" {
		asked = wholeFile
	}
	return routing.Access{
		Use: routing.Use(in.Purpose), Layout: in.Layout, Channel: in.Channel, Ranges: []string{asked[:min(len(asked), maxRange)]},
	}
}

// audible is visible for a call's recording: what the caller may not hear is
// not there.
func (s *Server) audible(ctx context.Context, id call.ID) (call.Record, error) {
	rec, err := s.visible(ctx, id)
	if err == nil && !s.hearsCall(callerOf(ctx), rec) {
		err = notFound("recording")
	}
	return rec, err
}

// used remembers who uses a recording. Nobody gets what cannot be remembered.
func (s *Server) used(ctx context.Context, id call.ID, a routing.Access) error {
	c := callerOf(ctx)
	a.At = now()
	a.ID, a.CallID, a.User, a.Via, a.From = string(call.NewID(a.At)), id, c.name(), "api", c.From
	if c.Local {
		a.Via = "socket"
	}
	if err := s.accesses.LogAccess(ctx, a); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "recording used", "call_id", id, "use", a.Use, "user", a.User, "role", c.Role, "via", a.Via, "ranges", a.Ranges)
	return nil
}

// noRecording says in place of a file that is not there whose recording it is.
func noRecording(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, routing.ErrNotFound) {
		return notFound("recording")
	}
	return err
}

// playRecording answers with the WAV file or ranges of it (RFC 9110 section 14).
func (s *Server) playRecording(ctx context.Context, in *recordingInput) (*huma.StreamResponse, error) {
	rec, err := s.audible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	view := in.view()
	playback, err := s.recordings.OpenRecording(in.ID, view)
	if err != nil {
		return nil, noRecording(err)
	}
	if err := s.used(ctx, in.ID, in.access()); err != nil {
		return nil, errors.Join(err, playback.Close())
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer playback.Close()
		r, w := humago.Unwrap(hc)
		h := w.Header()
		h.Set("Content-Type", "audio/wav")
		disposition := "attachment"
		if in.Purpose == string(routing.UsePlay) {
			disposition = "inline"
		}
		h.Set("Content-Disposition", disposition+`; filename="`+string(rec.ID)+`.wav"`)
		h.Set("Cache-Control", "private, no-cache")
		if rec.Recording != nil && rec.Recording.SHA256 != "" {
			h.Set("ETag", `"`+rec.Recording.SHA256+"."+view.Layout+"."+view.Channel+`"`)
		}
		http.ServeContent(w, r, "", playback.Modified.Truncate(time.Second), playback)
	}}, nil
}

type peaksInput struct {
	ID     call.ID `path:"id" doc:"ULID"`
	Layout string  `query:"layout" enum:"contact-left,caller-left" doc:"Who is on the left; default: as it was recorded"`
}

type peaksOutput struct{ Body Peaks }

func (s *Server) getPeaks(ctx context.Context, in *peaksInput) (*peaksOutput, error) {
	if _, err := s.audible(ctx, in.ID); err != nil {
		return nil, err
	}
	peaks, err := s.recordings.Peaks(in.ID, in.Layout)
	if errors.Is(err, routing.ErrConflict) {
		return nil, errRecording()
	}
	if err != nil {
		return nil, noRecording(err)
	}
	if err := s.used(ctx, in.ID, routing.Access{Use: routing.UsePeaks, Layout: in.Layout}); err != nil {
		return nil, err
	}
	return &peaksOutput{peaks}, nil
}

// errRecording answers whoever wants of a live call what only a sealed
// recording has.
func errRecording() error {
	return huma.Error409Conflict("the call is still being recorded; ask again when it has ended")
}
