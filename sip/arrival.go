package sip

import (
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// retryAfter is how many seconds a caller is asked to wait when we are full.
const retryAfter = "5"

// serveInvite takes an INVITE: into its dialog, or as a new call of a trunk or
// a user.
// It stays until the transaction is over, because an ACK that reuses the
// INVITE's branch comes to the transaction and not to serve.
func (a *Agent) serveInvite(req *wire.Request, tx *wire.ServerTx) {
	if !outside(req) {
		a.serveInDialog(req, tx)
		a.followAcks(tx)
		return
	}
	trunk := a.trunkFrom(req)
	if trunk == nil || a.fromPhone(req) {
		a.serveDialed(req, tx)
		return
	}
	if !a.arrive(req, tx, trunk) {
		return
	}
	a.followAcks(tx)
}

// fromPhone reports whether an INVITE that comes from a trunk's host is a phone's
// all the same: one registered from that very address and port, or it carries
// credentials. A phone may share its address with a carrier.
func (a *Agent) fromPhone(req *wire.Request) bool {
	return req.GetHeader("Authorization") != nil || a.registrar.table.at(sourceOf(req))
}

// followAcks serves the ACKs that come to an INVITE's transaction.
func (a *Agent) followAcks(tx *wire.ServerTx) {
	for {
		select {
		case ack := <-tx.Acks():
			if malformed(ack) == nil {
				a.serveAck(ack)
			}
		case <-tx.Done():
			return
		case <-a.life.Done():
			return
		}
	}
}

// arrive begins a call of a trunk. It reports whether there is one now.
func (a *Agent) arrive(req *wire.Request, tx *wire.ServerTx, trunk *Trunk) bool {
	id := call.NewID(time.Now())
	l := &leg{a: a, id: id.Leg(1), trunk: trunk.Name}
	return a.commence(req, tx, l, func() error { return a.opt.Lines.Arrive(arrivalOf(req, id, trunk)) })
}

// commence makes a leg of an INVITE outside a dialog and has its call begun. It
// reports whether the INVITE is being served now.
func (a *Agent) commence(req *wire.Request, tx *wire.ServerTx, l *leg, begin func() error) bool {
	if why := a.room(); why != nil {
		a.turned.note(time.Now(), l.trunk, why)
		a.full(req, tx)
		return false
	}
	if !a.legs.claim(mergeKey(req)) {
		a.respond(req, tx, 482)
		return false
	}
	// The dialog is in place before anybody hears of the call.
	l.receive(req, tx)
	l.promise(false, l.trying)
	// These come once, so that they are taken however much waits in the leg.
	watching := tx.OnCancel(func(cancel *wire.Request) {
		reason := reasonOf(cancel)
		l.box.command(func() { l.cancelled(reason) })
	})
	tx.OnTerminate(func(string, error) { l.box.command(l.transactionEnded) })
	if err := begin(); err != nil {
		a.turned.note(time.Now(), l.trunk, err)
		a.meter.reject(reasonFull)
		l.gate.shutNow()
		l.box.command(l.turnAway)
		return true
	}
	if !watching {
		l.box.command(func() { l.cancelled(0) })
	}
	return true
}

// arrivalOf reads an INVITE as the call machine wants it.
func arrivalOf(req *wire.Request, id call.ID, trunk *Trunk) call.Arrival {
	who := callerOf(req, trunk.TrustCallerID)
	return call.Arrival{
		Call:     id,
		Leg:      id.Leg(1),
		Trunk:    trunk.Name,
		Called:   calledOf(req),
		Caller:   who.number,
		Name:     who.name,
		Withheld: who.withheld,
		SDP:      sdpOf(req),
		Source:   sourceOf(req).Addr().String(),
		Diverted: who.diverted,
	}
}

// headerValue returns the value of a header, or nothing.
func headerValue(msg interface{ GetHeader(string) wire.Header }, name string) string {
	if h := msg.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}
