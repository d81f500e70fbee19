package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/config"
	"tandem/recording"
	"tandem/routing"
	"tandem/web"
)

// webOptions gives the API what it shows and acts on.
func (d *Daemon) webOptions(cfg *config.Config) web.Options {
	return web.Options{
		Lines: d.exchange, Transfers: d.router, Coaching: d.router, Calls: d.store, Contacts: d.store, Book: d.book, Tasks: d.store, TaskList: d.taskList, Floor: d.floor, Playbooks: d.offices,
		Plant: plant{d}, Recordings: player{d}, Shelf: d.store, Accesses: d.store, Explainer: d.explainer, Operator: d, CRM: crmDesk{d}, Tokens: d.store, Bus: d.bus,
		Metrics: d.registry, Normalize: d.directory.Normalize, Log: d.log, Version: d.opts.Version, PublicURL: cfg.HTTP.PublicURL,
	}
}

// player plays recordings back.
type player struct{ *Daemon }

// Peaks returns what a waveform is drawn from.
func (p player) Peaks(id call.ID, layout string) (web.Peaks, error) {
	peaks, err := p.recorder.Peaks(id, recording.Layout(layout))
	if err != nil {
		return web.Peaks{}, p.worded(id, err)
	}
	shown := web.Peaks{
		SampleRate: 8000, SamplesPerPoint: peaks.SamplesPerPoint, Samples: peaks.Samples,
		Channels: []web.PeakChannel{web.PeakChannel(peaks.Left), web.PeakChannel(peaks.Right)},
	}
	return shown, nil
}

// RemoveRecording deletes a recording by somebody's hand.
func (p player) RemoveRecording(ctx context.Context, id call.ID, by, why string) error {
	return p.worded(id, p.recorder.Remove(ctx, id, by, why))
}

// OpenRecording opens a call's recording with its sides as asked for.
func (p player) OpenRecording(id call.ID, view web.RecordingView) (web.Playback, error) {
	if !call.ValidID(string(id)) {
		return web.Playback{}, fs.ErrNotExist
	}
	o := recording.PlayOptions{Layout: recording.Layout(view.Layout), Channel: recording.Channel(view.Channel)}
	playback, err := p.recorder.Open(id, o)
	if err != nil {
		return web.Playback{}, p.worded(id, err)
	}
	return web.Playback{ReadSeekCloser: playback, Modified: playback.ModTime}, nil
}

// worded makes what stands in the way the API's conflict. What the archive does
// not do now is for the log, and no fault of the switch.
func (p player) worded(id call.ID, err error) error {
	var answer string
	switch {
	case errors.Is(err, recording.ErrLive), errors.Is(err, recording.ErrHeld):
		return fmt.Errorf("%w: %w", routing.ErrConflict, err)
	case errors.Is(err, recording.ErrUnreachable):
		answer = "the recording is in the archive, which does not answer now: try again later; the switch's log says why"
	case errors.Is(err, recording.ErrLeft):
		answer = "the recording is deleted, but not yet in the archive: that is tried again every hour; the switch's log says why"
	default:
		return err
	}
	p.log.Error("the archive of recordings fails", "call_id", string(id), "error", err)
	return huma.Error503ServiceUnavailable(answer)
}
