package sip

import (
	"bytes"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// maxEarly is how many early dialogs an INVITE of ours may have: a carrier that
// forks it reaches a handful of telephones.
const maxEarly = 8

// early is an early dialog of an INVITE of ours (RFC 3261 section 12.1.2). A
// carrier may fork the INVITE: every callee that says anything before the answer
// has its own, with its route set and its CSeq numbers.
type early struct {
	dlg    dialog
	rseq   uint32 // RSeq of the last response that we acknowledged, or 0
	pracks int    // how many were

	sdp     []byte      // the last SDP that came from there
	agreed  bool        // sdp binds: nothing that comes with another response counts
	updated bool        // sdp is an offer that we answered
	bye     *call.Cause // it hung up before we have its 2xx
}

// met returns the early dialog of a callee that sent a response or a request,
// nil when there are too many.
func (f *fork) met(tag string, begin func(*dialog)) *early {
	if e := f.known(tag); e != nil {
		return e
	}
	if len(f.callees) >= maxEarly {
		return nil
	}
	e := &early{dlg: f.dlg}
	begin(&e.dlg)
	f.callees = append(f.callees, e)
	return e
}

// known returns the early dialog of a callee, or nil.
func (f *fork) known(tag string) *early {
	for _, e := range f.callees {
		if e.dlg.remoteTag == tag {
			return e
		}
	}
	return nil
}

// dialogWith returns the dialog that a 2xx confirms, and the early one that it
// was, if any.
func (f *fork) dialogWith(res *wire.Response) (dialog, *early) {
	d, e := f.dlg, f.known(tagOf(res.To().Params))
	if e != nil {
		d = e.dlg
	}
	d.answered(res)
	return d, e
}

// provisional takes a 1xx above 100.
func (l *leg) provisional(f *fork, res *wire.Response) {
	e := f.met(tagOf(res.To().Params), func(d *dialog) { d.answered(res) })
	if e != nil && len(e.dlg.routes) == 0 { // a request that overtook the response has no route set
		e.dlg.routes = recordRoutes(res, true)
	}
	if reliable(res) && (e == nil || !f.acknowledge(e, res)) {
		return
	}
	if l.stage != stageEarly || f.over {
		return
	}
	var sdp []byte
	if e != nil {
		sdp = l.preview(e, res)
	}
	if sdp == nil && res.StatusCode == l.out.status {
		return
	}
	l.out.status = res.StatusCode
	l.post(call.LegProgress{Leg: l.id, Status: res.StatusCode, SDP: sdp, Source: parseSource(res.Source()).Addr().String()})
}

// preview returns the early media that a provisional response brings, nil when
// there is none, or nothing new. What came last is heard, whichever callee it is
// of; that of several phones would be a babel. SDP in a reliable response is the
// answer to our offer, and the only one (RFC 6337 section 3.1.1).
func (l *leg) preview(e *early, res *wire.Response) []byte {
	sdp := sdpOf(res)
	if sdp == nil || e.agreed {
		return nil
	}
	e.agreed = reliable(res)
	if bytes.Equal(sdp, e.sdp) {
		return nil
	}
	e.sdp = sdp
	if len(l.out.forks) > 1 {
		return nil
	}
	l.out.heard = e
	return sdp
}

// answerOf returns the SDP answer of the callee whose 2xx came. agreed: none is
// needed, an UPDATE has settled the media since and that callee is the one that
// is heard.
func (l *leg) answerOf(e *early, res *wire.Response) (sdp []byte, agreed bool) {
	sdp = sdpOf(res)
	switch {
	case e == nil:
		return sdp, false
	case e.agreed && l.out.heard == e && (e.updated || l.renewal != nil):
		return nil, true
	case e.agreed || sdp == nil:
		return e.sdp, false
	}
	return sdp, false
}

// forkOf returns the INVITE of ours that a callee's request belongs to, nil when
// the leg's dialog stands, or there is none.
func (l *leg) forkOf(req *wire.Request) *fork {
	if l.out == nil || l.stage != stageEarly {
		return nil
	}
	tag := tagOf(req.To().Params)
	for _, f := range l.out.forks {
		if f.dlg.localTag == tag {
			return f
		}
	}
	return nil
}

// earlyOf returns the early dialog that a callee's request belongs to; nil when
// the leg's dialog stands, or there are too many. The request may come before
// the response that makes the dialog.
func (l *leg) earlyOf(req *wire.Request) *early {
	f := l.forkOf(req)
	if f == nil {
		return nil
	}
	tag := tagOf(req.From().Params)
	return f.met(tag, func(d *dialog) {
		d.remote, d.remoteTag = req.From().Value(), tag
		d.refresh(req.Contact())
	})
}

// wins makes an early dialog's affairs the leg's: an UPDATE of another callee
// that waits for us is over.
func (l *leg) wins(e *early) {
	if r := l.renewal; r != nil && r.early != e {
		l.renewal = nil
		l.a.respond(r.req, r.tx, 487)
	}
}
