package sip

import (
	"errors"
	"log/slog"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// inbound is what a leg keeps of the INVITE that the peer sent.
type inbound struct {
	req    *wire.Request
	tx     *wire.ServerTx
	merged string // its merge key
	late   bool   // it had no SDP: the peer answers our offer in the PRACK or the ACK
	taken  bool   // another call took it and waits for our 200 to be out
	rel    assurance
}

// unacked is a 2xx to an INVITE until its ACK is here. We resend it ourselves,
// over TCP too, because a proxy on the way may lose it (RFC 3261 section
// 13.3.1.4).
type unacked struct {
	tx    *wire.ServerTx
	res   *wire.Response
	seq   uint32 // the INVITE's CSeq
	late  bool   // the ACK carries the SDP answer
	pause time.Duration
	spent time.Duration
	timer *time.Timer
}

// receive gives a leg the INVITE that it begins with, and makes it known.
func (l *leg) receive(req *wire.Request, tx *wire.ServerTx) {
	l.key, l.gate.leg = l.id, l.id
	l.dlg = answering(req)
	l.from = l.dlg.hop
	l.box.start = l.a.tasks.start
	l.in = &inbound{req: req, tx: tx, merged: mergeKey(req), late: sdpOf(req) == nil}
	l.theirs = sdpOf(req)
	l.in.rel.wanted = lists(req, "Require", "", reliably)
	l.a.legs.add(l, l.dlg.localTag)
	l.a.legs.meet(l, l.dlg.hop.addr.Addr())
}

// trying tells the caller that we have its INVITE.
func (l *leg) trying() {
	if l.stage == stageEarly {
		_ = l.a.reply(l.in.req, l.in.tx, l.a.response(l.in.req, 100, nil)) // who gets no answer asks again
	}
}

// progress sends a provisional response.
func (l *leg) progress(status int, sdp []byte) {
	if l.stage != stageEarly || l.in == nil || status <= 100 || status >= 200 {
		return
	}
	if l.in.rel.wanted {
		l.assure(status, sdp)
		return
	}
	res := l.a.response(l.in.req, status, sdp, l.contact())
	if err := l.a.reply(l.in.req, l.in.tx, res); err != nil {
		l.a.log.Debug("provisional response", l.attrs(), slog.Int("status", status), slog.Any("err", err))
	}
}

// answer sends 200, once the dialog is durable as one that BYE has to end.
func (l *leg) answer(sdp []byte) {
	if l.stage != stageEarly || l.in == nil {
		return
	}
	if l.in.rel.binds() {
		l.in.rel.final = func() { l.answer(sdp) }
		return
	}
	l.promise(true, func() { l.accept(sdp) })
}

// accept sends the 200 of answer. A CANCEL that came first wins: the
// transaction is the one place that decides, and says so by its error.
func (l *leg) accept(sdp []byte) {
	if l.stage != stageEarly {
		return
	}
	if l.in.rel.agreed {
		sdp = nil // it went out before, and may have been changed since
	} else {
		l.sdp = sdp
	}
	res := l.a.response(l.in.req, 200, sdp, append(l.grant(l.in.req), l.contact())...)
	err := l.a.reply(l.in.req, l.in.tx, res)
	if errors.Is(err, wire.ErrTransactionCanceled) {
		l.cancelled(0)
		return
	}
	if err != nil {
		l.gone(call.Cause{Kind: call.CauseFailed, Text: "answer: " + err.Error()})
		return
	}
	l.stage = stageAnswered
	l.settle()
	l.in.rel.stop()
	l.await(&unacked{tx: l.in.tx, res: res, seq: l.dlg.inviteSeq, late: l.in.late})
	if l.in.taken {
		l.post(call.LegAnswered{Leg: l.id})
	}
}

// reply sends a response to an INVITE. It fails with the library's
// ErrTransactionCanceled when a CANCEL came first.
func (a *Agent) reply(req *wire.Request, tx *wire.ServerTx, res *wire.Response) error {
	err := a.send(tx, res)
	if errors.Is(err, wire.ErrTransactionCanceled) {
		// 487 went out already, but the library would now resend our response
		// in its place: give it the right one back.
		_ = tx.Respond(a.response(req, 487, nil)) // sends nothing now
	}
	return err
}

// await begins to resend a 2xx until its ACK comes.
func (l *leg) await(u *unacked) {
	l.settled()
	u.pause = timerT1
	l.unacked = u
	u.timer = l.after(u.pause, func() { l.resend(u) })
}

// resend sends a 2xx again, or gives up after 64*T1 and hangs up.
func (l *leg) resend(u *unacked) {
	if l.unacked != u {
		return
	}
	u.spent += u.pause
	if u.spent >= timerAbsent {
		l.unacked = nil
		l.unanswered(u)
		return
	}
	_ = u.tx.Respond(u.res) // the next turn tries again
	u.pause = min(2*u.pause, timerT2, timerAbsent-u.spent)
	u.timer = l.after(u.pause, func() { l.resend(u) })
}

// unanswered ends a dialog whose ACK never came.
func (l *leg) unanswered(*unacked) {
	why := call.Cause{Kind: call.CauseFailed, Code: 408, Q850: 102, Text: "No ACK"}
	if l.hangup != nil {
		why = *l.hangup
	}
	l.lost(why)
}

// settled ends the wait for an ACK.
func (l *leg) settled() {
	if l.unacked != nil {
		l.unacked.timer.Stop()
		l.unacked = nil
	}
}

// acknowledged takes the ACK of a 2xx.
func (l *leg) acknowledged(seq uint32, sdp []byte) {
	u := l.unacked
	if u == nil || u.seq != seq || l.stage == stageOver {
		return
	}
	l.settled()
	l.stage = stageConfirmed
	if l.hangup != nil {
		l.bye(*l.hangup)
		return
	}
	switch {
	case u.late && sdp == nil:
		l.lost(call.Cause{Kind: call.CauseFailed, Code: 488, Q850: 65, Text: "No SDP answer"})
	case u.late:
		l.theirs = sdp
		l.post(call.LegAccepted{Leg: l.id, SDP: sdp})
	}
}

// cancelled takes the peer's CANCEL; the transaction has answered it and the
// INVITE. It means nothing once we answered.
func (l *leg) cancelled(q850 int) {
	if l.stage != stageEarly {
		return
	}
	l.a.meter.sent(487)
	l.gone(call.Cause{Kind: call.CauseCancelled, Code: 487, Q850: q850, Text: "Cancelled by the caller"})
}

// transactionEnded comes when the INVITE's transaction is over, in whatever
// way; before a final response that means that its connection broke.
func (l *leg) transactionEnded() {
	l.a.legs.unclaim(l.in.merged)
	if l.stage == stageEarly {
		l.gone(call.Cause{Kind: call.CauseFailed, Text: "connection of the caller is gone"})
	}
}

// refuse answers the INVITE with a failure.
func (l *leg) refuse(why call.Cause) {
	status, q850 := statusOf(why)
	headers := []wire.Header{header("Reason", byeReason(call.Cause{Kind: why.Kind, Q850: q850, Text: why.Text}))}
	if status == 503 {
		headers = append(headers, header("Retry-After", retryAfter))
	}
	l.ended(l.a.response(l.in.req, status, nil, headers...))
	l.finish()
}

// turnAway refuses a call that nobody has room for.
func (l *leg) turnAway() {
	if l.stage == stageEarly {
		l.ended(l.a.response(l.in.req, 503, nil, header("Retry-After", retryAfter)))
		l.finish()
	}
}

// ended sends a final response after which nothing is left to do.
func (l *leg) ended(res *wire.Response) {
	if err := l.a.reply(l.in.req, l.in.tx, res); err != nil {
		l.a.log.Debug("final response", l.attrs(), slog.Int("status", res.StatusCode), slog.Any("err", err))
	}
}

// contactTo is contact for the answer to a request, which may come before the
// dialog of ours stands.
func (l *leg) contactTo(req *wire.Request) wire.Header {
	if f := l.forkOf(req); f != nil {
		return l.a.contact("", f.hop)
	}
	return l.contact()
}

// contact is where the peer reaches us within the dialog.
func (l *leg) contact() wire.Header {
	c := l.a.contact("", l.dlg.hop)
	if l.in != nil && l.in.req.Recipient.IsEncrypted() {
		c.Address.Scheme = "sips" // RFC 3261 section 12.1.1
	}
	return c
}
