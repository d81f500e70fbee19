package sip

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// renewal is a re-INVITE or UPDATE of the peer that waits for our SDP.
type renewal struct {
	req *wire.Request
	tx  *wire.ServerTx
}

// request takes a request of the peer within the dialog, other than ACK.
func (l *leg) request(req *wire.Request, tx *wire.ServerTx) {
	if l.stage == stageOver || !l.matches(req) {
		l.a.meter.reject(reasonDialog)
		l.a.respond(req, tx, 481)
		return
	}
	if secured(l.dlg.hop.transport) && !secured(req.Transport()) {
		// A dialog that began over TLS stays there: our answer may hold keys.
		l.a.meter.reject(reasonDialog)
		l.a.respond(req, tx, 403)
		return
	}
	seq, d := req.CSeq().SeqNo, l.dialogOf(req)
	if d.remoteSeq > 0 && seq <= d.remoteSeq {
		// Out of order (RFC 3261 section 12.2.2).
		l.a.respond(req, tx, 500, retrySoon())
		return
	}
	d.remoteSeq = seq
	switch req.Method {
	case wire.BYE:
		l.hungUp(req, tx)
	case wire.INFO:
		l.info(req, tx)
	case wire.REFER:
		l.refers(req, tx)
	case wire.INVITE, wire.UPDATE:
		l.offered(req, tx)
	default:
		l.a.respond(req, tx, 405, header("Allow", allowValue))
	}
}

// dialogOf returns the dialog of the leg that a request may belong to: until one
// of the phones that we called has answered, each has its own. nil if there is
// none.
func (l *leg) dialogOf(req *wire.Request) *dialog {
	if l.out != nil && l.stage == stageEarly {
		return l.forkDialog(tagOf(req.To().Params))
	}
	return &l.dlg
}

// matches reports whether a request is one of this dialog and from its peer.
func (l *leg) matches(req *wire.Request) bool {
	d := l.dialogOf(req)
	if d == nil || req.CallID().Value() != d.callID {
		return false
	}
	if d.remoteTag != "" && d.remoteTag != tagOf(req.From().Params) {
		return false
	}
	from := sourceOf(req).Addr()
	switch {
	case from == d.hop.addr.Addr():
		return true
	case l.trunk != "":
		t := l.a.trunkAt(from)
		return t != nil && t.Name == l.trunk
	}
	return l.a.registrar.owns(l.user, from)
}

// hungUp takes a BYE.
func (l *leg) hungUp(req *wire.Request, tx *wire.ServerTx) {
	l.a.respond(req, tx, 200)
	why := call.Cause{Kind: call.CauseNormal, Q850: reasonOf(req), Text: "Hung up"}
	if l.stage != stageEarly {
		l.gone(why)
		return
	}
	if l.out != nil {
		l.hungUpEarly(tagOf(req.To().Params), why)
		return
	}
	// The caller gives up by BYE instead of CANCEL (RFC 3261 section 15.1.2).
	l.ended(l.a.response(l.in.req, 487, nil))
	l.gone(call.Cause{Kind: call.CauseCancelled, Code: 487, Q850: why.Q850, Text: "Cancelled by the caller"})
}

// offered takes a re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311).
func (l *leg) offered(req *wire.Request, tx *wire.ServerTx) {
	switch {
	case l.renewal != nil:
		l.a.respond(req, tx, 500, retrySoon())
		return
	case l.stage == stageEarly && l.out != nil:
		l.a.respond(req, tx, 491) // our own offer is not answered
		return
	case l.stage == stageEarly:
		l.a.respond(req, tx, 500, retrySoon())
		return
	case l.unacked != nil && l.unacked.late, l.meets(req):
		l.a.respond(req, tx, 491)
		return
	}
	if l.unacked != nil {
		// Requests may overtake each other: whoever sends a new one has our 200.
		l.acknowledged(l.unacked.seq, nil)
	}
	if l.stage != stageConfirmed {
		l.a.respond(req, tx, 481)
		return
	}
	l.dlg.refresh(req.Contact())
	sdp := sdpOf(req)
	if req.Method == wire.UPDATE && sdp == nil {
		l.promise(true, func() { l.a.respond(req, tx, 200, append(l.grant(req), l.contact())...) })
		return
	}
	l.renewal = &renewal{req: req, tx: tx}
	l.promise(true, func() {
		if req.IsInvite() {
			_ = l.a.reply(req, tx, l.a.response(req, 100, nil)) // who gets no answer asks again
		}
	})
	l.post(call.LegOffered{Leg: l.id, SDP: sdp})
}

// meets reports whether a request of the peer meets an offer of ours that is
// under way. One that only keeps the session alive gives way when it waits: the
// peer's does the same.
func (l *leg) meets(req *wire.Request) bool {
	if o := l.offering; o != nil && o.refresh && o.req == nil {
		l.offering = nil
		l.refreshIn(time.Second)
	}
	return l.offering != nil && (req.IsInvite() || sdpOf(req) != nil)
}

// reanswer answers the pending renewal; a nil sdp refuses it.
func (l *leg) reanswer(sdp []byte) {
	r := l.renewal
	if r == nil || l.stage == stageOver {
		return
	}
	l.renewal = nil
	if sdp == nil {
		l.a.respond(r.req, r.tx, 488)
		l.offerNow()
		return
	}
	l.sdp = sdp
	res := l.a.response(r.req, 200, sdp, append(l.grant(r.req), l.contact())...)
	if r.req.Method == wire.UPDATE {
		_ = l.a.send(r.tx, res) // the peer asks again
		l.offerNow()
		return
	}
	if l.a.reply(r.req, r.tx, res) != nil {
		return // a peer that cancelled its re-INVITE keeps what it had
	}
	l.await(&unacked{tx: r.tx, res: res, seq: r.req.CSeq().SeqNo, late: sdpOf(r.req) == nil})
}

// info takes a key that comes by INFO instead of RTP.
func (l *leg) info(req *wire.Request, tx *wire.ServerTx) {
	key, ok := digitOf(contentType(req), req.Body())
	switch {
	case ok:
		l.a.respond(req, tx, 200)
		l.post(call.Digit{Leg: l.id, Key: key, Signalled: true})
	case len(req.Body()) == 0:
		l.a.respond(req, tx, 200) // a sign of life (RFC 2976)
	default:
		l.a.respond(req, tx, 415, header("Accept", "application/dtmf-relay, application/dtmf"))
	}
}

// digitOf reads the key of an INFO body: "Signal=5" or the bare key.
func digitOf(kind string, body []byte) (key byte, ok bool) {
	text := strings.TrimSpace(string(body[:min(len(body), 256)]))
	switch kind {
	case "application/dtmf":
	case "application/dtmf-relay":
		line, _, _ := strings.Cut(text, "\n")
		name, value, _ := strings.Cut(line, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "Signal") {
			return 0, false
		}
		text = strings.TrimSpace(value)
	default:
		return 0, false
	}
	switch text {
	case "10":
		return '*', true
	case "11":
		return '#', true
	}
	if len(text) != 1 {
		return 0, false
	}
	key = bytes.ToUpper([]byte(text))[0]
	return key, strings.IndexByte("0123456789*#ABCD", key) >= 0
}

// retrySoon asks for another try within ten seconds (RFC 3261 section 14.2).
func retrySoon() wire.Header { return header("Retry-After", strconv.Itoa(rand.IntN(10))) }
