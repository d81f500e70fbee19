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
	Sounds               map[call.Sound]tone.Clip
	Country              string
	JitterMin, JitterMax time.Duration
	Timeout              time.Duration
}

func (o Options) settings() Settings {
	return Settings{
		External: o.External, Codecs: o.Codecs, Sounds: o.Sounds, Country: o.Country,
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
	// The buffers of legs are made like these, so making them does not fail.
	if _, _, err := s.buffers(); err != nil {
		return nil, err
	}
	return &s, nil
}

// buffers makes a leg's jitter buffers: one for the mix, whose delay adapts, and
// one for the tape, whose delay is the same for everybody, so that the sides of a
// conversation stay aligned to the sample whatever their networks do.
func (s *Settings) buffers() (voice, tape *jitter.Buffer, err error) {
	if voice, err = jitter.New(jitter.Options{Min: s.JitterMin, Max: s.JitterMax}); err != nil {
		return nil, nil, fmt.Errorf("media: %w", err)
	}
	if tape, err = jitter.New(jitter.Options{Min: tapeDelay, Max: tapeDelay, Plain: true}); err != nil {
		return nil, nil, fmt.Errorf("media: %w", err)
	}
	return voice, tape, nil
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
	case call.SoundUnavailable: // speech, which is a clip or nothing
	}
	return tone.Clip(nil).Play(loop), false
}
