package sip

import (
	wire "github.com/emiago/sipgo/sip"
)

// serve takes every request that begins a server transaction. It runs on a
// goroutine of its own, so two requests of one peer may be served in any order.
// A transaction that gets no final response has to be terminated.
func (a *Agent) serve(req *wire.Request, tx *wire.ServerTx) {
	if from := req.From(); from != nil && tagOf(from.Params) == "" {
		from.Params.Remove("tag")
	}
	if !req.IsAck() && !a.admit(req, tx) {
		return
	}
	if refused := validate(req); refused != nil {
		a.refuse(req, tx, refused)
		return
	}
	switch req.Method {
	case wire.INVITE:
		a.serveInvite(req, tx)
	case wire.ACK:
		a.serveAck(req)
		tx.Terminate()
	case wire.CANCEL:
		// One that matches an INVITE never gets here.
		a.respond(req, tx, 481)
	case wire.REFER:
		a.serveRefer(req, tx)
	case wire.BYE, wire.UPDATE, wire.INFO, wire.PRACK:
		a.serveInDialog(req, tx)
	case wire.REGISTER:
		a.registrar.serve(req, tx)
	case wire.OPTIONS:
		a.serveOptions(req, tx)
	default:
		a.respond(req, tx, 501)
	}
}

// refuse answers an unsound request of a peer that we know; strangers get
// silence, an INVITE and a REGISTER apart.
func (a *Agent) refuse(req *wire.Request, tx *wire.ServerTx, why *refusalOf) {
	a.meter.reject(reasonInvalid)
	from := sourceOf(req)
	familiar := a.trunkFrom(req) != nil || a.registrar.knows(from)
	if req.IsAck() || !familiar && req.Method != wire.REGISTER && !req.IsInvite() {
		tx.Terminate()
		return
	}
	a.refuseWith(req, tx, why)
}

// refuseWith answers with a status and the header that explains it, if any.
func (a *Agent) refuseWith(req *wire.Request, tx *wire.ServerTx, why *refusalOf) {
	if why.header == nil {
		a.respond(req, tx, why.status)
		return
	}
	a.respond(req, tx, why.status, why.header)
}

// respond sends a response without a body and counts it.
func (a *Agent) respond(req *wire.Request, tx *wire.ServerTx, status int, headers ...wire.Header) {
	_ = a.send(tx, a.response(req, status, nil, headers...)) // who gets no answer asks again
}

// response builds a response; sdp may be nil.
func (a *Agent) response(req *wire.Request, status int, sdp []byte, headers ...wire.Header) *wire.Response {
	res := wire.NewResponseFromRequest(req, status, phrase(status), nil)
	res.SipVersion = "SIP/2.0" // whatever the request spoke
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if sdp != nil {
		res.AppendHeader(header("Content-Type", acceptValue))
		res.SetBody(sdp)
	}
	return res
}

// send hands a response to its transaction. That of a CANCEL ends with it: the
// library writes the response past the transaction, which would stay for ever.
func (a *Agent) send(tx *wire.ServerTx, res *wire.Response) error {
	err := tx.Respond(res)
	if res.IsCancel() {
		tx.Terminate()
	}
	if err == nil {
		a.meter.sent(res.StatusCode)
	}
	return err
}

// serveInDialog hands a request to the leg whose dialog it belongs to.
func (a *Agent) serveInDialog(req *wire.Request, tx *wire.ServerTx) {
	l := a.legs.byDialog(req)
	if l == nil {
		a.meter.reject(reasonDialog)
		a.respond(req, tx, 481)
		return
	}
	if !l.box.post(func() { l.request(req, tx) }) {
		a.meter.reject(reasonFlood)
		a.respond(req, tx, 503, header("Retry-After", retryAfter))
	}
}

// serveAck hands an ACK for a 2xx to its leg.
func (a *Agent) serveAck(req *wire.Request) {
	l := a.legs.byDialog(req)
	if l == nil {
		return
	}
	l.box.post(func() {
		if l.stage != stageOver && l.matches(req) {
			l.acknowledged(req.CSeq().SeqNo, sdpOf(req))
			l.offerNow()
		}
	})
}

// serveOptions answers peers that we know; nobody else learns that we are here.
func (a *Agent) serveOptions(req *wire.Request, tx *wire.ServerTx) {
	from := sourceOf(req)
	if a.trunkFrom(req) == nil && !a.registrar.knows(from) {
		a.meter.reject(reasonStranger)
		tx.Terminate()
		return
	}
	if !outside(req) && a.legs.byDialog(req) == nil {
		a.respond(req, tx, 481)
		return
	}
	a.respond(req, tx, 200, header("Allow", allowValue), header("Accept", acceptValue), header("Supported", supportedValue))
}
