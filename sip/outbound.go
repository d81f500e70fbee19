package sip

import (
	"log/slog"
	"strconv"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// silenceLimit is how long a callee may stay without any answer.
const silenceLimit = 3 * time.Second

// outbound is what a leg keeps of the INVITEs that we sent: one per phone of a
// user, or one to a trunk.
type outbound struct {
	to     call.Target
	sdp    []byte
	forks  []*fork
	status int    // the last provisional status that was posted
	heard  *early // whose early media is heard
	causes []call.Cause
}

func (a *Agent) newOutbound(id call.LegID, to call.Target, sdp []byte) *leg {
	l := &leg{a: a, id: id, user: to.User, sdp: sdp}
	l.gate.leg = id
	if to.User == "" {
		l.trunk = to.Trunk
	}
	l.box.start = a.tasks.start
	l.out = &outbound{to: to, sdp: sdp}
	return l
}

// start sends the INVITEs.
func (l *leg) start() {
	if l.stage != stageEarly {
		return
	}
	switch {
	case l.user != "":
		l.out.forks = l.phones()
	case !l.seize():
		l.gone(noChannel())
		return
	default:
		l.out.forks = l.carrier()
	}
	if len(l.out.forks) == 0 {
		l.gone(l.nowhere())
		return
	}
	for _, f := range l.out.forks {
		l.a.legs.add(l, f.dlg.localTag)
		l.a.legs.meet(l, f.hop.addr.Addr())
		f.send()
	}
}

// nowhere is why a target cannot be called at all.
func (l *leg) nowhere() call.Cause {
	if l.trunk != "" {
		return call.Cause{Kind: call.CauseUnreachable, Code: 503, Q850: 38, Text: "Trunk has no address"}
	}
	return best(nil)
}

// phones makes a fork for each phone of the user that can be reached.
func (l *leg) phones() []*fork {
	var forks []*fork
	for i, b := range l.a.registrar.targets(l.user) {
		to := l.a.phoneHop(b)
		forks = append(forks, newFork(l, i, l.toPhone(b, to), to, &b))
	}
	return forks
}

// carrier makes the one fork to a trunk.
func (l *leg) carrier() []*fork {
	t := l.a.trunkNamed(l.trunk)
	if t == nil {
		return nil
	}
	to, ok := l.a.trunks.address(t.Name)
	if !ok {
		return nil
	}
	return []*fork{newFork(l, 0, l.toTrunk(t, to), to, nil)}
}

// success takes a 2xx. The first one of the leg wins; any other dialog, of
// another phone or of a proxy's fork, is acknowledged and ended at once (RFC
// 3261 section 13.2.2.4).
func (l *leg) success(f *fork, res *wire.Response) {
	tag := tagOf(res.To().Params)
	if ack, again := f.acks[tag]; again {
		l.a.write(ack)
		return
	}
	d, e := f.dialogWith(res)
	ack := d.ack(f.dlg.inviteSeq)
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		wire.CopyHeaders(name, f.req, ack) // an ACK cannot be challenged (section 22.1)
	}
	f.acks[tag] = ack
	f.answered = true
	l.a.address(ack, l.a.nextHop(&d, l.trunk))
	if l.stage == stageEarly && !f.over {
		l.win(f, e, d, res, ack)
		return
	}
	l.a.write(ack)
	l.end(f, d)
}

// end hangs up a dialog that nobody wants: for the reason for which its fork was
// given up, or because another one was taken.
func (l *leg) end(f *fork, d dialog) {
	why := call.Cause{Kind: call.CauseElsewhere}
	if f.giveUp != nil {
		why = *f.giveUp
	}
	req := d.bye()
	req.AppendHeader(header("Reason", cancelReason(why)))
	won := f.won
	l.a.askTrunk(l.trunk, req, l.a.nextHop(&d, l.trunk), func(*wire.Response) {
		if !won {
			f.forget()
		}
	})
}

// win makes a fork's dialog the leg's. The callee gets its ACK as soon as the
// dialog is durable; until then it would repeat its answer to a restarted switch.
func (l *leg) win(f *fork, e *early, d dialog, res *wire.Response, ack *wire.Request) {
	f.over, f.won = true, true
	f.finish()
	l.dlg, l.key = d, f.key
	l.stage = stageConfirmed
	l.wins(e)
	l.agree(res)
	l.promise(true, func() { l.a.write(ack) })
	l.a.legs.keep(l, d.localTag)
	for _, other := range l.out.forks {
		if other != f {
			other.cancel(call.Cause{Kind: call.CauseElsewhere})
		}
	}
	if f.binding != nil {
		l.a.registrar.answered(*f.binding)
	}
	sdp, agreed := l.answerOf(e, res)
	if l.theirs = sdp; agreed {
		l.theirs = e.sdp
	}
	l.post(call.LegAnswered{Leg: l.id, SDP: sdp, Source: parseSource(res.Source()).Addr().String(), Agreed: agreed})
	if e != nil && e.bye != nil && l.stage == stageConfirmed {
		l.gone(*e.bye)
	}
}

// failed takes the end of a fork without an answer.
func (l *leg) failed(f *fork, why call.Cause) {
	if f.over {
		return
	}
	f.over = true
	f.finish()
	if f.binding != nil {
		l.a.registrar.judge(*f.binding, why)
	} else if why.Kind == call.CauseUnreachable {
		l.a.trunks.rotate(l.trunk, f.hop.addr)
	}
	if l.stage != stageEarly {
		return
	}
	l.out.causes = append(l.out.causes, why)
	if why.Code < 600 && l.pending() {
		return
	}
	for _, other := range l.out.forks {
		other.cancel(why) // 6xx speaks for all phones (RFC 3261 section 16.7)
	}
	l.a.log.Debug("leg not answered", l.attrs(), slog.String("cause", why.String()))
	l.gone(best(l.out.causes))
}

// pending reports whether a fork may still answer.
func (l *leg) pending() bool {
	for _, f := range l.out.forks {
		if !f.over {
			return true
		}
	}
	return false
}

// abandon cancels what we called before it answered.
func (l *leg) abandon(why call.Cause) {
	for _, f := range l.out.forks {
		f.cancel(why)
	}
	l.finish()
}

// forkKey names a fork's stored dialog: the leg's ID, with the fork's number
// when there are several.
func forkKey(leg call.LegID, n int) call.LegID {
	if n == 0 {
		return leg
	}
	return call.LegID(string(leg) + "." + strconv.Itoa(n))
}
