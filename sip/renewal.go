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

// renewal is an offer of the peer, in a re-INVITE, UPDATE or PRACK, that waits
// for our SDP.
type renewal struct {
	req   *wire.Request
	tx    *wire.ServerTx
	early *early // whose it is, before an INVITE of ours is answered
}

// request takes a request of the peer within the dialog, other than ACK.
func (l *leg) request(req *wire.Request, tx *wire.ServerTx) {
	d := l.dialogOf(req)
	if l.stage == stageOver || d == nil {
		l.a.meter.reject(reasonDialog)
		l.a.respond(req, tx, 481)
		return
	}
	if secured(d.hop.transport) && !secured(req.Transport()) {
		// A dialog that began over TLS stays there: our answer may hold keys.
		l.a.meter.reject(reasonDialog)
		l.a.respond(req, tx, 403)
		return
	}
	seq := req.CSeq().SeqNo
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
	case wire.PRACK:
		l.acknowledges(req, tx)
	case wire.INVITE, wire.UPDATE:
		l.offered(req, tx)
	default:
		l.a.respond(req, tx, 405, header("Allow", allowValue))
	}
}

// dialogOf returns the dialog that a request is one of, when it is from its
// peer; else nil.
func (l *leg) dialogOf(req *wire.Request) *dialog {
	if !l.matches(req) {
		return nil
	}
	if e := l.earlyOf(req); e != nil {
		return &e.dlg
	}
	if l.out != nil && l.stage == stageEarly {
		return nil // there are too many
	}
	return &l.dlg
}

// matches reports whether a request is one of this leg's dialogs and from its
// peer.
func (l *leg) matches(req *wire.Request) bool {
	d := &l.dlg
	if f := l.forkOf(req); f != nil {
		d = &f.dlg // any callee that the INVITE reached
	} else if l.out != nil && l.stage == stageEarly {
		return false
	}
	if req.CallID().Value() != d.callID {
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
		t := l.a.trunkFrom(req)
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
	if e := l.earlyOf(req); e != nil {
		e.bye = &why // it overtook its 2xx: requests and responses of one peer are served in any order
		return
	}
	// The caller gives up by BYE instead of CANCEL (RFC 3261 section 15.1.2).
	l.ended(l.a.response(l.in.req, 487, nil))
	l.gone(call.Cause{Kind: call.CauseCancelled, Code: 487, Q850: why.Q850, Text: "Cancelled by the caller"})
}

// offered takes a re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311).
func (l *leg) offered(req *wire.Request, tx *wire.ServerTx) {
	switch l.crosses(req) {
	case 491:
		l.a.respond(req, tx, 491)
		return
	case 500:
		l.a.respond(req, tx, 500, retrySoon())
		return
	}
	if l.unacked != nil {
		// Requests may overtake each other: whoever sends a new one has our 200.
		l.acknowledged(l.unacked.seq, nil)
	}
	if l.stage == stageEarly {
		l.updated(req, tx)
		return
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

// crosses returns the status that refuses a re-INVITE or UPDATE because another
// offer waits for its answer: 491 when it is ours, 500 when it is the peer's (RFC
// 3311 section 5.2); 0 when none does.
func (l *leg) crosses(req *wire.Request) int {
	offers := req.IsInvite() || sdpOf(req) != nil
	switch {
	case l.renewal != nil:
		return 500
	case l.stage == stageEarly && l.out != nil && offers && (req.IsInvite() || !l.open(l.earlyOf(req))):
		return 491
	case l.stage == stageEarly && l.in != nil && offers && (req.IsInvite() || !l.in.rel.agreed):
		return 500
	case l.unacked != nil && l.unacked.late, l.meets(req):
		return 491
	}
	return 0
}

// open reports whether a callee may make us an offer: it has answered ours.
func (l *leg) open(e *early) bool { return e.agreed && len(l.out.forks) == 1 }

// updated takes an UPDATE before the INVITE is answered. It settles no session
// timer: the answer does (RFC 4028 section 7.4).
func (l *leg) updated(req *wire.Request, tx *wire.ServerTx) {
	e := l.earlyOf(req)
	if e != nil {
		e.dlg.refresh(req.Contact())
	} else {
		l.dlg.refresh(req.Contact())
	}
	sdp := sdpOf(req)
	if sdp == nil {
		l.a.respond(req, tx, 200, l.contactTo(req))
		return
	}
	l.renewal = &renewal{req: req, tx: tx, early: e}
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
	if offered := sdpOf(r.req); offered != nil {
		l.theirs = offered
	}
	if !r.req.IsInvite() {
		_ = l.a.send(r.tx, l.a.response(r.req, 200, sdp, l.granted(r)...)) // the peer asks again
		l.offerNow()
		return
	}
	res := l.a.response(r.req, 200, sdp, l.granted(r)...)
	if l.a.reply(r.req, r.tx, res) != nil {
		return // a peer that cancelled its re-INVITE keeps what it had
	}
	l.await(&unacked{tx: r.tx, res: res, seq: r.req.CSeq().SeqNo, late: sdpOf(r.req) == nil})
}

// granted are the headers of the 200 to a renewal.
func (l *leg) granted(r *renewal) []wire.Header {
	if e := r.early; e != nil {
		e.sdp, e.updated = sdpOf(r.req), true
		l.out.heard = e
	}
	if l.stage == stageEarly || r.req.Method == wire.PRACK {
		return []wire.Header{l.contactTo(r.req)}
	}
	return append(l.grant(r.req), l.contact())
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
