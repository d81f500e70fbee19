package media

import (
	"slices"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/jitter"
	"tandem/media/mix"
	"tandem/media/tone"
)

const noSeat = -1

// room is where the legs of one call meet. Its worker alone touches it.
type room struct {
	host *worker
	id   call.ID
	legs []*leg
	tap  tap

	wired []call.Edge // as told, whether or not the legs are there
	edges mix.Edges   // the same by seat
	mixer mix.Mixer   // the edges of those who hear a mix
	mixed bool        // there are any
	stale bool        // route has to be called
}

func (r *room) leg(id call.LegID) *leg {
	for _, l := range r.legs {
		if l.id == id {
			return l
		}
	}
	return nil
}

// attach takes a leg in.
func (r *room) attach(now time.Duration, l *leg) {
	l.room, l.seat, l.since = r, noSeat, now
	l.reports.next = now + l.reports.interval(true)
	r.legs = append(r.legs, l)
	r.stale = true
}

// detach lets a leg go and closes its sockets.
func (r *room) detach(now time.Duration, l *leg) {
	r.legs = slices.DeleteFunc(r.legs, func(x *leg) bool { return x == l })
	r.stale = true
	r.route(now)
	l.close(now)
}

// wire sets who hears whom, in whole. Edges of legs that are not there yet wait
// for them.
func (r *room) wire(edges []call.Edge) {
	r.wired, r.stale = edges, true
}

// play starts a sound for a leg, hush ends it.
func (l *leg) play(title call.Sound, sound tone.Source, loop bool) {
	l.title, l.sound, l.loop = title, sound, loop
	l.room.stale = true
}

func (l *leg) hush() {
	l.sound = nil
	l.room.stale = true
}

// route works out from the edges, the sounds and the terms where everybody's
// audio comes from. It runs when one of them changed, not per packet.
func (r *room) route(now time.Duration) {
	if !r.stale {
		return
	}
	r.stale = false
	r.takeSeats()
	for _, l := range r.legs {
		l.hearing = 0
	}
	for _, l := range r.legs {
		r.serve(l)
	}
	var mixed mix.Edges
	for _, l := range r.legs {
		if l.mode == mixing || l.blends {
			copyEdges(&mixed, &r.edges, l.seat)
		}
	}
	r.mixer.Wire(mixed)
	r.mixed = mixed != mix.Edges{}
	for _, l := range r.legs {
		l.need(heardIn(&mixed, l.seat))
		l.expect(now, heardIn(&r.edges, l.seat) || l.mode == mixing || l.mode == relaying)
	}
	r.tap.find(r)
}

// takeSeats gives seats to wired legs, takes them from others, and writes the
// edges down by seat. A leg keeps its seat as long as it is wired.
func (r *room) takeSeats() {
	var taken [mix.Seats]bool
	for _, l := range r.legs {
		named := slices.ContainsFunc(r.wired, func(e call.Edge) bool { return e.Listener == l.id || e.Speaker == l.id })
		if !named {
			l.seat = noSeat
		} else if l.seat != noSeat {
			taken[l.seat] = true
		}
	}
	r.edges = mix.Edges{}
	for _, e := range r.wired {
		listener, speaker := r.leg(e.Listener), r.leg(e.Speaker)
		if listener != nil && speaker != nil {
			r.edges.Add(sit(listener, &taken), sit(speaker, &taken))
		}
	}
}

// sit returns the leg's seat, a free one if it has none; noSeat in a full room.
func sit(l *leg, taken *[mix.Seats]bool) int {
	for i := range taken {
		if l.seat != noSeat {
			break
		}
		if !taken[i] {
			l.seat, taken[i] = i, true
		}
	}
	return l.seat
}

// serve decides where one leg's audio comes from: a sound before all else, one
// speaker's packets where there is only one, the mix otherwise. Packets of a leg
// whose keys are private are never passed on as they are.
func (r *room) serve(l *leg) {
	before, mixed := l.speaker, l.mode == mixing || l.blends
	l.mode, l.speaker = quiet, nil
	var audible []*leg
	for _, s := range r.legs {
		if r.edges.Hears(l.seat, s.seat) {
			audible = append(audible, s)
		}
	}
	switch {
	case l.sound != nil:
		l.mode = playing
	case len(audible) > 1, len(audible) == 1 && audible[0].private:
		l.mode = mixing
	case len(audible) == 1:
		l.mode, l.speaker = relaying, audible[0]
		l.speaker.hearers[l.speaker.hearing] = l
		l.speaker.hearing++
	}
	if l.mode != relaying || l.speaker != before {
		l.relay.on = false
	}
	l.blends = mixed && l.mode == relaying && !l.relay.on
}

// need starts and stops feeding the leg's voice to the mix.
func (l *leg) need(voiced bool) {
	switch {
	case !voiced:
		l.voice = nil
	case l.voice == nil:
		l.voice, _ = l.opened.newVoice() // settings are checked before a leg has them
	}
}

// expect decides whether silence from the leg is worth telling: others hear it
// or it hears others, it is not on hold, and it is not played something instead.
func (l *leg) expect(now time.Duration, wired bool) {
	watched := wired && l.mode != playing && l.terms != nil && l.terms.sends && l.terms.receives
	if watched && !l.watched {
		l.since = now
	}
	l.watched = watched
}

// tick is the room's part of a 20 ms slot. skipped slots went by before it
// without a tick.
func (r *room) tick(now time.Duration, skipped int) {
	r.route(now)
	if r.mixed {
		r.mix(skipped)
	}
	h := r.host
	for _, l := range r.legs {
		frame := &h.silence
		if r.mixed && l.seat != noSeat {
			frame = &h.out[l.seat]
		}
		l.tick(now, frame)
		l.watch(now, h.timeout)
		l.report(now)
	}
	r.tap.tick(h, skipped)
}

// mix makes what everybody hears who hears a mix.
func (r *room) mix(skipped int) {
	h := r.host
	var inputs [mix.Seats]*codec.Frame
	for _, l := range r.legs {
		if l.voice == nil {
			continue
		}
		frame := &h.in[l.seat]
		for range skipped {
			l.voice.Get(frame)
		}
		if l.voice.Get(frame) != jitter.Silence {
			inputs[l.seat] = frame
		}
	}
	r.mixer.Mix(inputs[:], h.out[:])
}

// copyEdges adds a listener's edges to others.
func copyEdges(to, from *mix.Edges, listener int) {
	for s := range mix.Seats {
		if from.Hears(listener, s) {
			to.Add(listener, s)
		}
	}
}

// heardIn tells whether anybody hears a speaker.
func heardIn(e *mix.Edges, speaker int) bool {
	for l := range mix.Seats {
		if e.Hears(l, speaker) {
			return true
		}
	}
	return false
}
