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
	n := 0
	for n < len(dst) {
		if p.loop && p.at == len(p.clip) {
			p.at = 0
		}
		k := copy(dst[n:], p.clip[p.at:])
		if k == 0 {
			break
		}
		n += k
		p.at += k
	}
	clear(dst[n:])
	return n > 0
}
