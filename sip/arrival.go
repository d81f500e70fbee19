package sip

import (
	"log/slog"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// retryAfter is how many seconds a caller is asked to wait when we are full.
const retryAfter = "5"

// serveInvite takes an INVITE: into its dialog, or as a new call of a trunk.
// It stays until the transaction is over, because an ACK that reuses the
// INVITE's branch comes to the transaction and not to serve.
func (a *Agent) serveInvite(req *wire.Request, tx *wire.ServerTx) {
	if !outside(req) {
		a.serveInDialog(req, tx)
		a.followAcks(tx)
		return
	}
	trunk := a.trunkAt(sourceOf(req).Addr())
	if trunk == nil {
		a.meter.reject(reasonStranger)
		a.respond(req, tx, 403)
		return
	}
	if !a.arrive(req, tx, trunk) {
		return
	}
	a.followAcks(tx)
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

// arrive begins a call. It reports whether there is one now.
func (a *Agent) arrive(req *wire.Request, tx *wire.ServerTx, trunk *Trunk) bool {
	if !a.room() {
		a.full(req, tx)
		return false
	}
	if !a.legs.claim(mergeKey(req)) {
		a.respond(req, tx, 482)
		return false
	}
	a.respond(req, tx, 100)
	id := call.NewID(time.Now())
	// The dialog is in place before anybody hears of the call.
	l := a.newInbound(id.Leg(1), req, tx, trunk)
	watching := tx.OnCancel(func(cancel *wire.Request) {
		reason := headerValue(cancel, "Reason")
		l.box.post(func() { l.cancelled(reason) })
	})
	tx.OnTerminate(func(string, error) { l.box.post(l.transactionEnded) })
	err := a.opt.Lines.Arrive(arrivalOf(req, id, trunk))
	if err != nil {
		a.log.Info("call refused", slog.String("trunk", trunk.Name), slog.Any("err", err))
		a.meter.reject(reasonFull)
		l.gate.shutNow()
		l.box.post(l.turnAway)
		return true
	}
	if !watching {
		l.box.post(func() { l.cancelled("") })
	}
	l.box.post(func() { l.persist(false) })
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
