package daemon

import (
	"io/fs"

	"tandem/call"
	"tandem/config"
	"tandem/recording"
	"tandem/web"
)

// webOptions gives the API what it shows and acts on.
func (d *Daemon) webOptions(cfg *config.Config) web.Options {
	return web.Options{
		Lines: d.exchange, Transfers: d.router, Calls: d.store, Contacts: d.store, Book: d.book, Tasks: d.store, TaskList: d.taskList, Floor: d.floor, Playbooks: d.offices,
		Plant: plant{d}, Recordings: player{d}, Explainer: d.explainer, Operator: d, CRM: crmDesk{d}, Tokens: d.store, Bus: d.bus,
		Metrics: d.registry, Normalize: d.directory.Normalize, Log: d.log, Version: d.opts.Version, PublicURL: cfg.HTTP.PublicURL,
	}
}

// player plays recordings back.
type player struct{ *Daemon }

// OpenRecording opens a call's recording with its sides as asked for.
func (p player) OpenRecording(id call.ID, view web.RecordingView) (web.Playback, error) {
	if !call.ValidID(string(id)) {
		return web.Playback{}, fs.ErrNotExist
	}
	o := recording.PlayOptions{Layout: recording.Layout(view.Layout), Channel: recording.Channel(view.Channel)}
	playback, err := p.recorder.Open(id, o)
	if err != nil {
		return web.Playback{}, err
	}
	return web.Playback{ReadSeekCloser: playback, Modified: playback.ModTime}, nil
}
