package sip

import (
	"time"

	"tandem/call"
)

// orphanGrace is how long a leg lives on without its call: another one may be
// about to take it.
const orphanGrace = 2 * time.Second

// Take implements call.Transfers.
func (a *Agent) Take(id, from call.LegID, sdp []byte) {
	l := a.legs.rename(from, id)
	if l == nil {
		a.opt.Lines.Post(id.Call(), call.LegGone{Leg: id, Cause: overtaken()})
		return
	}
	l.gate.turn(id)
	l.box.command(func() { l.taken(id, sdp) })
}

// overtaken is why a leg cannot be taken: it was over by then.
func overtaken() call.Cause {
	return call.Cause{Kind: call.CauseUnreachable, Code: 481, Q850: 31, Text: "The other side is gone"}
}

// taken makes the leg another call's.
func (l *leg) taken(id call.LegID, sdp []byte) {
	old := l.key
	l.id, l.orphan = id, false
	if l.stage == stageOver || l.stage == stageEarly && l.out != nil {
		l.release(overtaken())
		l.gate.post(l.a.opt.Lines, call.LegGone{Leg: id, Cause: overtaken()}, id, true)
		return
	}
	l.key = id
	l.a.scribe.saveDialog(l.record(l.stage != stageEarly), func() {})
	l.a.scribe.deleteDialog(old)
	if l.stage == stageEarly {
		l.in.taken = true
		l.answer(sdp)
		return
	}
	if r := l.renewal; r != nil { // it was offered to the call that is over
		l.renewal = nil
		l.a.respond(r.req, r.tx, 491)
	}
	l.offer(&offering{sdp: sdp})
}

// orphaned ends a leg whose call no longer exists, unless another call takes it
// soon.
func (l *leg) orphaned() {
	if l.orphan {
		return
	}
	l.orphan = true
	id := l.id
	l.after(orphanGrace, func() {
		if l.id == id && l.gate.close(id) {
			l.release(call.Cause{Kind: call.CauseFailed, Text: "call is gone"})
		}
	})
}

// rename gives a leg another ID; nil when there is no such leg. What is asked
// of the old ID reaches nobody any more.
func (t *legs) rename(from, to call.LegID) *leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byID[from]
	if l == nil || t.byID[to] != nil {
		return nil
	}
	delete(t.byID, from)
	t.byID[to] = l
	l.listed = to
	return l
}
