package sip

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	sweepAtOnce = 64
	sweepWait   = 10 * time.Second
	// unstored is how many requests may have gone out in an early dialog that
	// nothing on disk tells of: PRACKs, each once more with credentials.
	unstored = 2 * maxReliable
)

// Sweep ends the dialogs that a crash left behind, so that no peer is left on a
// line that nobody holds: BYE for those that were answered, CANCEL for calls
// that we were making, 503 for calls that we had not answered. It returns when
// all of them were tried, and forgets them. It waits for Run to serve.
func (a *Agent) Sweep(ctx context.Context, left []call.Dialog) {
	if a.ready(ctx, nil) != nil {
		return
	}
	slots := make(chan struct{}, sweepAtOnce)
	var wg sync.WaitGroup
	for _, d := range left {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			wg.Wait()
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			a.sweep(ctx, d)
		})
	}
	wg.Wait()
}

// sweep ends one dialog.
func (a *Agent) sweep(ctx context.Context, d call.Dialog) {
	old, err := restored(d)
	if err != nil {
		a.log.Warn("stored dialog cannot be ended", slog.String("leg_id", string(d.Leg)), slog.Any("err", err))
		a.scribe.deleteDialog(d.Leg)
		return
	}
	if d.UAS && d.Via != "" {
		a.sweepUAS(d, old)
	}
	switch {
	case d.Confirmed:
		req := old.bye()
		req.AppendHeader(header("Reason", byeReason(call.Cause{Kind: call.CauseDrained, Text: "Switch restarted"})))
		a.exchange(ctx, req, old.hop, sweepWait)
	case !d.UAS:
		a.sweepUAC(ctx, d, old)
	}
	a.scribe.deleteDialog(d.Leg)
}

// restored makes a dialog of what was stored.
func restored(d call.Dialog) (*dialog, error) {
	old := &dialog{callID: d.CallID, local: d.Local, remote: d.Remote, localSeq: d.LocalCSeq, inviteSeq: d.LocalCSeq,
		hop: hop{d.Transport, d.Source}}
	if err := wire.ParseUri(d.Target, &old.target); err != nil {
		return nil, err
	}
	for _, r := range d.RouteSet {
		var uri wire.Uri
		if err := wire.ParseUri(r, &uri); err != nil {
			return nil, err
		}
		old.routes = append(old.routes, uri)
	}
	return old, nil
}

// sweepUAC cancels an INVITE of ours: a CANCEL belongs to it by its Via. A
// phone that had answered while its answer was not on disk yet takes no CANCEL
// any more: the tag in its 200 to the CANCEL is its dialog's (RFC 3261 section
// 9.2), so BYE follows, and means nothing to one that only rang. An answer that
// comes later is ended by strayResponse.
func (a *Agent) sweepUAC(ctx context.Context, d call.Dialog, old *dialog) {
	req := old.build(wire.CANCEL, d.LocalCSeq)
	req.PrependHeader(header("Via", d.Via))
	req.AppendHeader(header("Reason", cancelReason(call.Cause{Kind: call.CauseDrained, Text: "Switch restarted"})))
	a.route(req, old.hop, a.originFor(old.hop))
	ctx, cancel := context.WithTimeout(ctx, sweepWait)
	defer cancel()
	tx, err := a.transact(ctx, req)
	if err != nil {
		return
	}
	res := final(ctx, tx)
	if res == nil || res.To() == nil || tagOf(res.To().Params) == "" {
		return
	}
	answered := *old
	answered.remote = res.To().Value()
	answered.localSeq += unstored
	bye := answered.bye()
	bye.AppendHeader(header("Reason", byeReason(call.Cause{Kind: call.CauseDrained, Text: "Switch restarted"})))
	a.exchange(ctx, bye, old.hop, sweepWait)
}

// sweepUAS refuses an INVITE whose transaction died with the old process. The
// caller's transaction takes the response by its Vias; one that had our answer
// ignores it. A caller that had heard nothing repeats its INVITE: what came
// before this is a call like any other, what comes after is refused.
func (a *Agent) sweepUAS(d call.Dialog, old *dialog) {
	res := wire.NewResponse(503, phrase(503))
	for _, via := range splitList(d.Via) {
		res.AppendHeader(header("Via", via))
	}
	callID := wire.CallIDHeader(d.CallID)
	res.AppendHeader(header("From", d.Remote))
	res.AppendHeader(header("To", d.Local))
	res.AppendHeader(&callID)
	res.AppendHeader(&wire.CSeqHeader{SeqNo: d.LocalCSeq, MethodName: wire.INVITE})
	res.AppendHeader(header("Retry-After", retryAfter))
	res.SetBody(nil)
	key := mergeKeyOf(d.CallID, tagOf(res.From().Params), d.LocalCSeq)
	if !a.legs.claim(key) {
		return
	}
	time.AfterFunc(timerAbsent, func() { a.legs.unclaim(key) })
	res.SetTransport(strings.ToUpper(d.Transport))
	to := hop{old.hop.transport, backTo(res.Via(), old.hop.addr)}
	res.SetDestination(to.addr.String())
	if err := a.emit(res, to); err != nil {
		a.log.Debug("stored call not refused", slog.String("leg_id", string(d.Leg)), slog.Any("err", err))
	}
}

// backTo is where a response goes by its topmost Via, as we completed it when
// the request came (RFC 3261 section 18.2.2, RFC 3581 section 4).
func backTo(via *wire.ViaHeader, otherwise netip.AddrPort) netip.AddrPort {
	if via == nil {
		return otherwise
	}
	host, port := via.Host, strconv.Itoa(via.Port)
	if from, ok := via.Params.Get("received"); ok {
		host = from
	}
	if from, ok := via.Params.Get("rport"); ok {
		port = from
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(strings.Trim(host, "[]"), port))
	if err != nil || at.Port() == 0 {
		return otherwise
	}
	return at
}

// emit sends a response outside any transaction.
func (a *Agent) emit(res *wire.Response, to hop) error {
	o := a.originFor(to)
	at := to.addr.String()
	if to.transport == "udp" {
		at = o.listen.String()
	}
	conn, err := a.tpl.GetConnection(to.transport, at)
	if err != nil {
		return err
	}
	defer func() { _, _ = conn.TryClose() }() // gives our reference back
	return conn.WriteMsg(res)
}

// sentByUs reports whether a Via is one that we could have written; a response
// with another one is not ours (RFC 3261 section 18.1.2).
func (a *Agent) sentByUs(via *wire.ViaHeader, from hop) bool {
	if via == nil {
		return false
	}
	ip, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	if err != nil || via.Port <= 0 || via.Port > 65535 {
		return false
	}
	at := netip.AddrPortFrom(ip.Unmap(), uint16(via.Port))
	if end, open := a.ownEnd(from); open && a.unlistened(from.transport) && end.Port() == at.Port() {
		return true
	}
	return a.ours(at)
}

// strayResponse takes responses to no transaction of ours. A 2xx to an INVITE
// from before a crash, or from after its transaction ended, is acknowledged and
// its dialog ended; without that the callee would wait for us on an open line.
func (a *Agent) strayResponse(res *wire.Response) {
	cseq := res.CSeq()
	if cseq == nil || cseq.MethodName != wire.INVITE || !res.IsSuccess() {
		return
	}
	to := hop{transport: strings.ToLower(res.Transport()), addr: parseSource(res.Source())}
	if !a.sentByUs(res.Via(), to) || res.From() == nil || res.To() == nil || res.CallID() == nil || res.Contact() == nil {
		return
	}
	if !to.addr.IsValid() || a.trunkOf(to.transport, to.addr) == nil && !a.registrar.knows(to.addr) {
		a.meter.reject(reasonStranger)
		return
	}
	if a.legs.tagged(tagOf(res.From().Params)) {
		return // of a live dialog: its ACK is on the way
	}
	d := dialog{callID: res.CallID().Value(), local: res.From().Value(), localTag: tagOf(res.From().Params),
		localSeq: cseq.SeqNo + unstored, inviteSeq: cseq.SeqNo, hop: to}
	d.answered(res)
	ack := d.ack(cseq.SeqNo)
	a.address(ack, to)
	a.write(ack)
	req := d.bye()
	a.address(req, to)
	a.ask(req, func(*wire.Response) {})
}
