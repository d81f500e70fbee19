package sip

import (
	"cmp"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// fork is one INVITE of ours. The leg's mailbox owns it.
type fork struct {
	leg     *leg
	key     call.LegID // of its stored dialog
	req     *wire.Request
	hop     hop
	dlg     dialog // as far as it is known before an answer
	binding *call.Binding

	tx       *wire.ClientTx
	heard    bool // any provisional response came
	rang     bool
	over     bool // answered, failed or given up
	begun    bool // the INVITE went out
	answered bool // a 2xx came
	won      bool // its dialog is the leg's
	giveUp   *call.Cause
	sent     bool // the CANCEL is out
	tried    bool // a challenge was answered
	longer   bool // a longer session interval was agreed to
	callees  []*early
	q850     int                      // what a provisional response gave as reason, or 0
	acks     map[string]*wire.Request // by the To tag of the 2xx
	silence  *time.Timer
	deadline *time.Timer
}

func newFork(l *leg, n int, req *wire.Request, to hop, b *call.Binding) *fork {
	f := &fork{leg: l, key: forkKey(l.id, n), req: req, hop: to, binding: b, acks: map[string]*wire.Request{}}
	f.dlg = dialog{
		callID:    req.CallID().Value(),
		local:     req.From().Value(),
		remote:    req.To().Value(),
		localTag:  tagOf(req.From().Params),
		target:    req.Recipient,
		localSeq:  req.CSeq().SeqNo,
		inviteSeq: req.CSeq().SeqNo,
		hop:       to,
	}
	return f
}

// send has the INVITE sent once it is durable.
func (f *fork) send() {
	f.finish()
	f.callees = nil // those of an INVITE that was refused
	f.leg.a.address(f.req, f.hop)
	f.promise(f.transmit)
}

// transmit sends the INVITE and follows its responses, unless it was given up
// meanwhile.
func (f *fork) transmit() {
	if f.over {
		return
	}
	l, req := f.leg, f.req
	f.begun = true
	f.silence = l.after(silenceLimit, func() { f.unheard() })
	if !l.a.tasks.start(func() { f.follow(req) }) {
		l.failed(f, call.Cause{Kind: call.CauseUnreachable, Text: "shutting down"})
	}
}

// follow reads the responses of one transaction until it is over. It runs on
// its own goroutine and touches nothing but the mailbox.
func (f *fork) follow(req *wire.Request) {
	l := f.leg
	tx, err := l.a.begin(req)
	if err != nil {
		l.box.command(func() { f.broken(req, err) })
		return
	}
	l.box.command(func() { f.began(req, tx) })
	// A 2xx after the first comes here: resent, or another branch's.
	tx.OnRetransmission(func(res *wire.Response) {
		l.box.post(func() { f.response(req, res) })
	})
	for {
		select {
		case res := <-tx.Responses():
			l.box.command(func() { f.response(req, res) })
		case <-tx.Done():
			err := tx.Err()
			l.box.command(func() { f.broken(req, err) })
			return
		case <-l.a.life.Done():
			tx.Terminate()
			return
		}
	}
}

// began notes the transaction that a CANCEL has to belong to.
func (f *fork) began(req *wire.Request, tx *wire.ClientTx) {
	if f.req != req {
		return
	}
	f.tx = tx
	if f.leg.a.unlistened(f.hop.transport) {
		f.promise(func() {}) // its Via names the connection now, as a CANCEL after a crash has to
	}
}

// response takes any response to the INVITE.
func (f *fork) response(req *wire.Request, res *wire.Response) {
	if f.req != req || res.To() == nil || res.CSeq() == nil {
		return // to an INVITE that was challenged since
	}
	f.heard = true
	if f.silence != nil {
		f.silence.Stop()
	}
	switch {
	case res.StatusCode < 200:
		f.rang = f.rang || res.StatusCode > 100
		f.q850 = cmp.Or(reasonOf(res), f.q850)
		f.cancelNow()
		if res.StatusCode > 100 {
			f.leg.provisional(f, res)
		}
	case res.StatusCode < 300:
		f.leg.success(f, res)
	case f.challenged(res), f.lengthened(res):
	default:
		f.forget()
		f.leg.a.trunks.pause(f.leg.trunk, res)
		f.leg.failed(f, f.cause(res))
	}
}

// cause is why a callee refused: what the status says, and more exactly what
// the Reason header does (RFC 3326).
func (f *fork) cause(res *wire.Response) call.Cause {
	why := causeOf(res.StatusCode, f.rang, f.binding != nil)
	why.Q850 = cmp.Or(reasonOf(res), f.q850, why.Q850)
	why.Moved = movedTo(res)
	return why
}

// broken takes the end of a transaction that brought no final response: a
// timeout, or a transport that failed.
func (f *fork) broken(req *wire.Request, err error) {
	if f.req != req {
		return
	}
	if !f.answered {
		f.forget()
	}
	if f.over {
		return
	}
	text := "no answer"
	if err != nil {
		text = err.Error()
	}
	f.leg.failed(f, call.Cause{Kind: call.CauseUnreachable, Q850: 18, Text: text})
}

// unheard gives up a callee that did not even say that it is trying.
func (f *fork) unheard() {
	if f.heard || f.over {
		return
	}
	f.cancelWith(call.Cause{Kind: call.CauseUnreachable, Text: "no answer"})
	f.leg.failed(f, call.Cause{Kind: call.CauseUnreachable, Q850: 18, Text: "No answer within 3 s"})
}

// cancel gives a fork up before it answered.
func (f *fork) cancel(why call.Cause) {
	if f.over {
		return
	}
	f.over = true
	f.finish()
	f.cancelWith(why)
	if !f.begun {
		f.forget()
	}
}

// cancelWith sends a CANCEL, or lets the first provisional response send it:
// before that there may be nothing to cancel (RFC 3261 section 9.1). An answer
// that comes all the same is acknowledged and ended.
func (f *fork) cancelWith(why call.Cause) {
	if f.giveUp == nil {
		f.giveUp = &why
		f.cancelNow()
	}
}

// cancelNow sends the CANCEL that is wanted, once the callee is known to work
// on the INVITE.
func (f *fork) cancelNow() {
	if f.giveUp == nil || !f.heard || f.sent {
		return
	}
	f.sent = true
	a := f.leg.a
	req := cancelOf(f.req)
	req.AppendHeader(header("Reason", cancelReason(*f.giveUp)))
	a.route(req, f.hop, a.originFor(f.hop))
	a.ask(req, func(*wire.Response) {})
	// A callee that never answers the INVITE any more is let go in the end.
	if tx := f.tx; tx != nil {
		f.deadline = f.leg.after(timerAbsent, tx.Terminate)
	}
}

// cancelOf builds the CANCEL of an INVITE: the same Via, tags and CSeq number
// (RFC 3261 section 9.1).
func cancelOf(invite *wire.Request) *wire.Request {
	req := wire.NewRequest(wire.CANCEL, invite.Recipient)
	req.AppendHeader(wire.HeaderClone(invite.Via()))
	wire.CopyHeaders("Route", invite, req)
	for _, name := range []string{"Max-Forwards", "From", "To", "Call-ID"} {
		wire.CopyHeaders(name, invite, req)
	}
	req.AppendHeader(&wire.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: wire.CANCEL})
	return req
}

// finish stops the fork's timer.
func (f *fork) finish() {
	if f.silence != nil {
		f.silence.Stop()
	}
}
