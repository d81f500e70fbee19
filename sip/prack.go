package sip

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// reliably is the extension of RFC 3262: provisional responses that come until
// they are acknowledged.
const reliably = "100rel"

// maxReliable is how many reliable responses of one callee are acknowledged. A
// callee needs a handful.
const maxReliable = 64

// reliable reports whether a provisional response wants to be acknowledged.
func reliable(res *wire.Response) bool { return lists(res, "Require", "", reliably) }

// rseqOf reads RSeq; 0 when it cannot be read (RFC 3262 section 7.1).
func rseqOf(res *wire.Response) uint32 {
	n, err := strconv.ParseUint(strings.TrimSpace(headerValue(res, "RSeq")), 10, 32)
	if err != nil || n > math.MaxInt32 {
		return 0
	}
	return uint32(n)
}

// acknowledge sends the PRACK for a reliable response; false when the response
// is a repetition, or one before it is still to come: the callee sends it again
// (RFC 3262 section 4).
func (f *fork) acknowledge(e *early, res *wire.Response) bool {
	rseq := rseqOf(res)
	if rseq == 0 || e.rseq != 0 && rseq != e.rseq+1 || e.pracks >= maxReliable || e.dlg.remoteTag == "" {
		return false
	}
	e.rseq = rseq
	e.pracks++
	e.dlg.localSeq++
	req := e.dlg.build(wire.PRACK, e.dlg.localSeq)
	req.AppendHeader(header("RAck", fmt.Sprintf("%d %d INVITE", rseq, e.dlg.inviteSeq)))
	req.AppendHeader(header("User-Agent", f.leg.a.opt.UserAgent))
	f.prack(e, req)
	return true
}

// prack sends a PRACK. Its CSeq number is not stored: whoever ends the dialog
// after a crash leaves room for it.
func (f *fork) prack(e *early, req *wire.Request) {
	l := f.leg
	l.a.address(req, l.a.nextHop(&e.dlg, l.trunk))
	l.a.ask(req, func(res *wire.Response) { l.box.command(func() { f.pracked(e, req, res) }) })
}

// pracked takes the final response to a PRACK. A trunk's challenge is answered
// once; what else goes wrong is the callee's to follow up, by failing the INVITE.
func (f *fork) pracked(e *early, req *wire.Request, res *wire.Response) {
	l := f.leg
	if res != nil && res.IsSuccess() {
		return
	}
	t := l.a.trunkNamed(l.trunk)
	fresh := req.GetHeader("Authorization") == nil && req.GetHeader("Proxy-Authorization") == nil
	if t != nil && !f.over && fresh && challenge(res) {
		if again, ok := authorize(req, res, t.Auth); ok {
			e.dlg.localSeq++
			again.CSeq().SeqNo = e.dlg.localSeq
			f.prack(e, again)
			return
		}
	}
	l.a.log.Debug("PRACK not accepted", l.attrs(), slog.Bool("answered", res != nil))
}
