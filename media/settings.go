package media

import (
	"fmt"
	"net/netip"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/jitter"
	"tandem/media/tone"
)

// tapeDelay is how late a packet may be and still be recorded.
const tapeDelay = 100 * time.Millisecond

// tapeFrames is that delay in frames.
const tapeFrames = int(tapeDelay / (20 * time.Millisecond))

// defaultTimeout is how long a conversation goes on without RTP.
const defaultTimeout = 30 * time.Second

// Settings are those Options that may change while calls are up; the fields mean
// the same. Legs keep the address, the laws and the delay that they were opened
// with, and a sound that is being played goes on as it is.
type Settings struct {
	External             netip.Addr
	Codecs               map[string][]codec.Law
	TrunkEncryption      map[string]Encryption
	UserEncryption       map[string]Encryption
	Sounds               map[call.Sound]tone.Clip
	Country              string
	JitterMin, JitterMax time.Duration
	Timeout              time.Duration
}

func (o Options) settings() Settings {
	return Settings{
		External: o.External, Codecs: o.Codecs, TrunkEncryption: o.TrunkEncryption, UserEncryption: o.UserEncryption, Sounds: o.Sounds, Country: o.Country,
		JitterMin: o.JitterMin, JitterMax: o.JitterMax, Timeout: o.Timeout,
	}
}

// checked fills in defaults and refuses what cannot be.
func (s Settings) checked() (*Settings, error) {
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.Timeout < 0 {
		return nil, fmt.Errorf("media: timeout of %v", s.Timeout)
	}
	// The buffers of legs are made like this one, so making them does not fail.
	if _, err := s.newVoice(); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return &s, nil
}

// newVoice makes what feeds a leg's voice to the mix, with a delay that adapts.
func (s *Settings) newVoice() (*jitter.Buffer, error) {
	return jitter.New(jitter.Options{Min: s.JitterMin, Max: s.JitterMax})
}

// newTape makes what feeds a leg's voice to the tape. Its delay is the same for
// everybody, so that the sides of a conversation stay aligned to the sample whatever
// their networks do.
func newTape() *jitter.Buffer {
	tape, _ := jitter.New(jitter.Options{Min: tapeDelay, Max: tapeDelay, Plain: true}) // bounds that it takes
	return tape
}

// Reconfigure puts other settings in force, all of them or, with an error, none.
func (e *Engine) Reconfigure(s Settings) error {
	checked, err := s.checked()
	if err != nil {
		return err
	}
	e.settings.Store(checked)
	for _, w := range e.workers {
		w.do(func(time.Duration) { w.timeout = checked.Timeout })
	}
	return nil
}

// source begins a sound from its beginning; false when there is none of that name.
func (s *Settings) source(sound call.Sound, loop bool) (tone.Source, bool) {
	if clip, ok := s.Sounds[sound]; ok {
		return clip.Play(loop), true
	}
	switch sound {
	case call.SoundRingback:
		return tone.Tone(s.Country, tone.Ringback), true
	case call.SoundBusy:
		return tone.Tone(s.Country, tone.Busy), true
	case call.SoundCongestion:
		return tone.Tone(s.Country, tone.Congestion), true
	case call.SoundConfirm:
		return tone.Confirmed(), true
	case call.SoundUnavailable: // speech, which is a clip or nothing
	}
	return tone.Clip(nil).Play(loop), false
}
