package tone

import (
	"time"

	"tandem/media/codec"
)

// Clip is a sound: linear PCM, mono, 8000 Hz. It is shared, so never written to.
type Clip []int16

// Duration returns how long the clip plays.
func (c Clip) Duration() time.Duration {
	return time.Duration(len(c)) * time.Second / codec.Rate
}

// Play returns a source of the clip from its beginning. A loop goes from the last
// sample to the first without a gap and never ends; otherwise the last frame is
// filled up with silence. An empty clip has ended before it began.
func (c Clip) Play(loop bool) Source { return &player{clip: c, loop: loop} }

type player struct {
	clip Clip
	at   int
	loop bool
}

func (p *player) Next(dst *codec.Frame) bool {
	if p.at >= len(p.clip) {
		*dst = codec.Frame{}
		return false
	}
	n := copy(dst[:], p.clip[p.at:])
	p.at += n
	for p.loop && p.at == len(p.clip) {
		p.at = copy(dst[n:], p.clip)
		n += p.at
		if n == len(dst) {
			break
		}
	}
	clear(dst[n:])
	return true
}
