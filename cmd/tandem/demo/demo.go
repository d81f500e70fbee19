package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tandem/cmd/tandem/peer"
)

// patience bounds each scene of the day: far longer than it takes on a machine
// that has other things to do.
const patience = 40 * time.Second

// Options of a demonstration.
type Options struct {
	Out     io.Writer // where the day is told
	Stay    bool      // keep the switch running after the day until the context ends
	Version string    // of the program
	// Data is a new or empty folder for configuration, store, log and
	// recordings; a fresh temporary one when empty. It is never removed, so that
	// the recordings can be played.
	Data string
}

// Run plays the day and returns once everything is stopped again. It fails
// with the name of the first step that did not happen as expected, after
// printing the messages that led to it, and with the context's cause when that
// ends during the day; the end of the context ends Stay without an error.
func Run(ctx context.Context, o Options) (err error) {
	folder, err := openFolder(o.Data)
	if err != nil {
		return err
	}
	s := newScreen(o.Out)
	s.line("Tandem %s: a working day in under a minute, on loopback, with real SIP, RTP and HTTP.", o.Version)
	s.line("Every line tells what was observed. People speak in tones, each in their own, so that")
	s.line("who hears whom can be measured. Configuration, log and recordings: %s", folder)
	st, err := open(ctx, folder, o.Version)
	if err != nil {
		return fmt.Errorf("the switch does not start: %w", err)
	}
	defer func() { err = errors.Join(err, st.close()) }()
	d := &day{stage: st, screen: s}
	if err := d.live(ctx); err != nil {
		return err
	}
	if o.Stay {
		return d.stay(ctx)
	}
	return nil
}

// openFolder returns the folder of the demonstration, made if need be.
func openFolder(path string) (string, error) {
	if path == "" {
		folder, err := os.MkdirTemp("", "tandem-demo-")
		if err != nil {
			return "", fmt.Errorf("demo folder: %w", err)
		}
		return folder, nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("demo folder: %w", err)
	}
	path, err := filepath.Abs(path) // the configuration's paths hold wherever it is read from
	if err != nil {
		return "", fmt.Errorf("demo folder: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", fmt.Errorf("demo folder: %w", err)
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("demo folder %s is not empty; name a new one", path)
	}
	return path, nil
}

// errSwitchEnded says that the switch stopped in the middle of the day.
var errSwitchEnded = errors.New("the switch ended")

// day is the day's state: the stage, and what later scenes refer to.
type day struct {
	*stage
	screen    *screen
	recording string // path of the first recording that was checked
	noted     string // ID of the call that Ana wrote a note about
}

// live plays the scenes and prints the tables.
func (d *day) live(ctx context.Context) error {
	scenes := []struct {
		title string
		play  func(context.Context) error
	}{
		{"The switch starts", d.morning},
		{"A contact calls", d.conversation},
		{"A caller gives up", d.abandoned},
		{"Two callers, one free salesperson", d.queue},
		{"A caller withholds their number", d.withheld},
		{"A call goes out", d.callback},
		{"A call after hours", d.afterHours},
		{"What the CRM knows", d.synced},
		{"What the switch knows", d.tables},
	}
	for _, scene := range scenes {
		d.screen.title(scene.title)
		if err := d.play(ctx, scene.play); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("interrupted: %w", context.Cause(ctx))
			}
			d.screen.line("\nThe messages of phones and carrier:\n%s", peer.Ladder(d.agents()...))
			return fmt.Errorf("%s: %w (the switch's log: %s)", scene.title, err, d.log.Name())
		}
		if d.screen.err != nil {
			return d.screen.err
		}
	}
	d.screen.line("\nThe day took %.1f s.", d.screen.elapsed().Seconds())
	return d.screen.err
}

// play plays one scene, which ends early when the switch does.
func (d *day) play(ctx context.Context, scene func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-d.ended:
			cancel()
		case <-over:
		}
	}()
	err := scene(ctx)
	select {
	case <-d.ended:
		return errors.Join(err, errSwitchEnded, d.end)
	default:
		return err
	}
}

// stay keeps the stage as it is until ctx ends. The phones lift by themselves
// from now on: nobody is there to do it.
func (d *day) stay(ctx context.Context) error {
	for _, p := range d.floor() {
		p.phone.Handle(peer.AnswerAll)
	}
	d.screen.title("The switch keeps running; Ctrl-C stops it")
	d.screen.line("  API and metrics  http://%s", d.switchboard.HTTPAddr())
	d.screen.line("  admin socket     %s", d.switchboard.Socket())
	for _, command := range []string{"status", "calls", "tasks", "contacts", "users break ana --reason lunch", "recordings", "crm status"} {
		d.screen.line("  tandem --config %s %s", d.file, command)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-d.ended:
		return errors.Join(errSwitchEnded, d.end)
	}
}
