package sip

import (
	"bytes"
	"math/rand/v2"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// offerTries is how often a re-INVITE is sent that meets one of the peer.
const offerTries = 3

// offering is a re-INVITE of ours, on its way or waiting for its turn: at most
// one INVITE transaction is open in a dialog (RFC 3261 section 14.1).
type offering struct {
	sdp     []byte
	refresh bool // repeats what was agreed: the call hears of it when the peer's answer is another

	req    *wire.Request // on its way, or nil
	ack    *wire.Request // once a 2xx came
	paused bool          // after a 491
	tries  int           // how often 491 came
	asked  bool          // a challenge was answered
	next   *offering     // what is offered once this one is over
}

// offer sends an SDP offer of ours as soon as the dialog is free for it.
func (l *leg) offer(o *offering) {
	if current := l.offering; current != nil && current.req != nil {
		current.next = o
		return
	}
	l.offering = o
	l.offerNow()
}

// offerNow sends the re-INVITE that waits, if its turn has come.
func (l *leg) offerNow() {
	o := l.offering
	if o == nil || o.req != nil || o.paused || l.stage != stageConfirmed || l.unacked != nil || l.renewal != nil {
		return
	}
	every := l.a.opt.SessionExpires
	if l.session != nil && l.session.every > 0 {
		every = l.session.every
	}
	req := l.within(wire.INVITE)
	l.prolong(req, every)
	req.AppendHeader(header("Content-Type", acceptValue))
	req.SetBody(o.sdp)
	l.transmit(o, req)
}

// transmit sends a re-INVITE once its CSeq number is durable: the BYE of a
// restarted switch must have a higher one.
func (l *leg) transmit(o *offering, req *wire.Request) {
	o.req = req
	l.a.address(req, l.a.nextHop(&l.dlg, l.trunk))
	l.promise(true, func() {
		if !l.a.tasks.start(func() { l.follow(o, req) }) {
			l.concluded(o, req, nil)
		}
	})
}

// follow reads the responses to a re-INVITE until its transaction is over. It
// runs on its own goroutine and touches nothing but the mailbox. A peer that
// never ends the transaction counts as gone: nobody has to be asked about a
// re-INVITE.
func (l *leg) follow(o *offering, req *wire.Request) {
	tx, err := l.a.begin(req)
	if err != nil {
		l.box.command(func() { l.concluded(o, req, nil) })
		return
	}
	limit := time.AfterFunc(timerAbsent, tx.Terminate)
	defer limit.Stop()
	tx.OnRetransmission(func(res *wire.Response) { l.box.post(func() { l.concluded(o, req, res) }) })
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				continue
			}
			limit.Stop()
			l.box.command(func() { l.concluded(o, req, res) })
		case <-tx.Done():
			l.box.command(func() { l.concluded(o, req, nil) })
			return
		case <-l.a.life.Done():
			tx.Terminate()
			return
		}
	}
}

// concluded takes the final response to a re-INVITE, or its repetition; nil
// means that there was none. A 2xx is acknowledged even after the leg ended.
func (l *leg) concluded(o *offering, req *wire.Request, res *wire.Response) {
	if res != nil && res.IsSuccess() {
		l.acknowledge(o, req)
	}
	if l.offering != o || o.req != req || l.stage != stageConfirmed {
		return
	}
	switch {
	case res != nil && res.IsSuccess():
		l.offering = o.next
		l.accepted(o, res)
	case res == nil || res.StatusCode == 408 || res.StatusCode == 481:
		l.lost(call.Cause{Kind: call.CauseUnreachable, Code: 408, Q850: 102, Text: "No answer to re-INVITE"})
	case l.repeat(o, res):
	case o.refresh:
		l.offering = o.next
		l.notRefreshed(res)
	default:
		l.lost(causeOf(res.StatusCode, false, l.user != ""))
	}
	l.offerNow()
}

// acknowledge sends the ACK of a 2xx to a re-INVITE, again for each repetition.
func (l *leg) acknowledge(o *offering, req *wire.Request) {
	if o.ack == nil {
		o.ack = l.dlg.ack(req.CSeq().SeqNo)
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			wire.CopyHeaders(name, req, o.ack)
		}
		l.a.address(o.ack, l.a.nextHop(&l.dlg, l.trunk))
	}
	l.a.write(o.ack)
}

// accepted takes the peer's answer to our offer.
func (l *leg) accepted(o *offering, res *wire.Response) {
	l.dlg.refresh(res.Contact())
	l.agree(res)
	sdp := sdpOf(res)
	if o.refresh && (sdp == nil || bytes.Equal(sdp, l.theirs)) {
		return // nothing is new
	}
	l.sdp = o.sdp
	if sdp == nil {
		l.lost(call.Cause{Kind: call.CauseFailed, Code: 488, Q850: 65, Text: "No SDP answer"})
		return
	}
	l.theirs = sdp
	l.post(call.LegAnswered{Leg: l.id, SDP: sdp, Source: parseSource(res.Source()).Addr().String()})
}

// repeat sends a re-INVITE again whose refusal can be helped: with credentials,
// or after a while when it met one of the peer; false when it cannot.
func (l *leg) repeat(o *offering, res *wire.Response) bool {
	switch {
	case o.next != nil:
		return false
	case challenge(res) && !o.asked:
		req, ok := l.authorized(o.req, res)
		if !ok {
			return false
		}
		o.asked = true
		l.transmit(o, req)
		return true
	case res.StatusCode == 491 && o.tries < offerTries:
		o.tries++
		o.req, o.paused = nil, true
		l.after(l.glarePause(), func() {
			o.paused = false
			if l.offering == o {
				l.offerNow()
			}
		})
		return true
	}
	return false
}

// glarePause is how long we wait after a 491, so that two that met do not meet
// again: whoever made the Call-ID waits longer (RFC 3261 section 14.1).
func (l *leg) glarePause() time.Duration {
	const step = 10 * time.Millisecond
	if l.out != nil {
		return 2100*time.Millisecond + step*time.Duration(rand.IntN(190))
	}
	return step * time.Duration(rand.IntN(200))
}

// within builds a request of ours within the dialog.
func (l *leg) within(method wire.RequestMethod) *wire.Request {
	l.dlg.localSeq++
	req := l.dlg.build(method, l.dlg.localSeq)
	req.AppendHeader(l.contact())
	req.AppendHeader(header("Allow", allowValue))
	req.AppendHeader(header("User-Agent", l.a.opt.UserAgent))
	return req
}

// authorized returns a request within the dialog again, with credentials for a
// trunk's challenge.
func (l *leg) authorized(req *wire.Request, res *wire.Response) (*wire.Request, bool) {
	t := l.a.trunkNamed(l.trunk)
	if t == nil {
		return nil, false
	}
	again, ok := authorize(req, res, t.Auth)
	if ok {
		l.dlg.localSeq++
		again.CSeq().SeqNo = l.dlg.localSeq
	}
	return again, ok
}

// ask sends a request within the dialog other than INVITE, once its CSeq number
// is durable. got is run in the mailbox with its final response, nil when none
// came.
func (l *leg) ask(req *wire.Request, got func(*wire.Response)) {
	l.a.address(req, l.a.nextHop(&l.dlg, l.trunk))
	l.promise(l.stage != stageEarly, func() {
		l.a.ask(req, func(res *wire.Response) { l.box.command(func() { l.asked(req, res, got) }) })
	})
}

// asked takes the final response to a request; a trunk's challenge is answered
// once.
func (l *leg) asked(req *wire.Request, res *wire.Response, got func(*wire.Response)) {
	if !challenge(res) || l.stage == stageOver || req.GetHeader("Authorization") != nil || req.GetHeader("Proxy-Authorization") != nil {
		got(res)
		return
	}
	again, ok := l.authorized(req, res)
	if !ok {
		got(res)
		return
	}
	l.ask(again, got)
}
