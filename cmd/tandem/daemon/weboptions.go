package daemon

import (
	"fmt"
	"io/fs"

	"tandem/call"
	"tandem/config"
	"tandem/recording"
	"tandem/routing"
	"tandem/web"
)

// webOptions gives the API what it shows and acts on.
func (d *Daemon) webOptions(cfg *config.Config) web.Options {
	return web.Options{
		Lines: d.exchange, Calls: d.store, Contacts: d.store, Tasks: d.store, Floor: d.floor, Playbooks: d.offices,
		Plant: plant{d}, Recordings: player{d}, Explainer: explainer{d.explainer}, Operator: d, Tokens: keyring{d.store}, Bus: d.bus,
		Metrics: d.registry, ParseNumber: d.parseNumber, Log: d.log, Version: d.opts.Version, PublicURL: cfg.HTTP.PublicURL,
	}
}

// parseNumber reads a number as people in the account's country write it.
func (d *Daemon) parseNumber(raw string) (e164, country string, err error) {
	e164, ok := d.directory.Normalize(raw)
	if !ok {
		return "", "", fmt.Errorf("%.40q is not a telephone number", raw)
	}
	return e164, routing.CountryOf(e164), nil
}

// player plays recordings back.
type player struct{ *Daemon }

// OpenRecording opens a call's recording with its sides as asked for.
func (p player) OpenRecording(id call.ID, view web.RecordingView) (web.Playback, error) {
	if !call.ValidID(string(id)) {
		return web.Playback{}, fs.ErrNotExist
	}
	o := recording.PlayOptions{Layout: recording.Layout(view.Layout)}
	playback, err := p.recorder.Open(id, o)
	if err != nil {
		return web.Playback{}, err
	}
	return web.Playback{ReadSeekCloser: playback, Modified: playback.ModTime}, nil
}
