package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"

	"tandem/media/tone"
)

// What a channel of a recording has to hold and must not, in dBFS.
const (
	ownVoice   = -30
	otherVoice = -50
)

// lengthSlack is how far a recording's length may be from the conversation's,
// in seconds.
const lengthSlack = 1.0

// recorded waits for a call's recording and checks that each side holds its own
// voice alone, its length and its checksum.
func (d *day) recorded(ctx context.Context, id string, who caller, p *salesperson) error {
	call, err := d.api.settled(ctx, id, "recorded", func(c shownCall) bool { return c.Recording != nil && c.Recording.SHA256 != "" })
	if err != nil {
		return err
	}
	contact, err := d.channel(ctx, id, "contact")
	if err != nil {
		return err
	}
	person, err := d.channel(ctx, id, "salesperson")
	if err != nil {
		return err
	}
	if len(contact) != len(person) || math.Abs(contact.Duration().Seconds()-call.Duration) > lengthSlack {
		return fmt.Errorf("the recording is %s and %s long, the conversation was %.2f s", contact.Duration(), person.Duration(), call.Duration)
	}
	d.screen.step("switch", "recorded %.2f s of %.2f s talked, 16-bit stereo, SHA-256 %.12s…", contact.Duration().Seconds(), call.Duration, call.Recording.SHA256)
	if err := d.alone("left", middle(contact), who.name, who.voice, p.name, p.voice); err != nil {
		return err
	}
	if err := d.alone("right", middle(person), p.name, p.voice, who.name, who.voice); err != nil {
		return err
	}
	return d.sealed(call)
}

// channel returns one side of a call's recording.
func (d *day) channel(ctx context.Context, id, side string) (tone.Clip, error) {
	file, err := d.api.ask(ctx, http.MethodGet, "/api/v1/calls/"+id+"/recording?channel="+side, nil)
	if err != nil {
		return nil, err
	}
	clip, err := tone.LoadWAV(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("recording of call %s, %s: %w", id, side, err)
	}
	return clip, nil
}

// middle leaves out the moments of connection and of hanging up.
func middle(c tone.Clip) tone.Clip { return c[len(c)/4 : len(c)*3/4] }

// alone checks that a channel holds a voice and nothing of another.
func (d *day) alone(channel string, pcm tone.Clip, own string, voice float64, other string, otherHz float64) error {
	here, there := tone.Power(pcm, voice), tone.Power(pcm, otherHz)
	if here < ownVoice || there > otherVoice {
		return fmt.Errorf("the %s channel holds %s at %.0f dBFS and %s at %.0f dBFS", channel, own, here, other, there)
	}
	d.screen.step("", "%-5s channel: %s at %.0f dBFS, %s at %.0f dBFS (none)", channel, own, here, other, there)
	return nil
}

// sealed compares the file on disk with the checksum that the API tells, and
// says where it is.
func (d *day) sealed(call shownCall) error {
	found, err := filepath.Glob(filepath.Join(d.recordings, "*", "*", "*", call.ID+".wav"))
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("the recording of call %s is not in %s: %v", call.ID, d.recordings, found)
	}
	file, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(file)); sum != call.Recording.SHA256 {
		return fmt.Errorf("%s: SHA-256 %s, and the call's is %s", found[0], sum, call.Recording.SHA256)
	}
	if d.recording == "" {
		d.recording = found[0]
	}
	d.screen.step("", "the file's SHA-256 is the call's; listen to it: aplay %s", found[0])
	return nil
}
