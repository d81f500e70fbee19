package media

import "tandem/call"

// notice is something that a worker has to tell a call. It is small and free of
// pointers to the worker's state, so that telling costs the worker nothing.
type notice struct {
	kind  noticeKind
	leg   call.LegID
	sound call.Sound
	key   byte
}

type noticeKind uint8

const (
	played noticeKind = iota
	pressed
	fellSilent
)

// input returns the notice as the call takes it.
func (n notice) input() call.Input {
	switch n.kind {
	case pressed:
		return call.Digit{Leg: n.leg, Key: n.key}
	case fellSilent:
		return call.MediaLost{Leg: n.leg}
	case played:
	}
	return call.PlayEnded{Leg: n.leg, Sound: n.sound}
}

// tell posts what the workers have to say until they are gone.
func (e *Engine) tell() {
	for n := range e.notices {
		// A call that has ended meanwhile wants to know nothing more.
		e.options.Lines.Post(n.leg.Call(), n.input())
	}
}
