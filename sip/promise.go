package sip

import (
	"strconv"
	"strings"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// promise stores the leg's dialog, answered or not, and runs then once that is
// durable, before everything else that happens to the leg: a message that puts
// a peer on the line never leaves before a restart would know of it. A slow
// disk delays it by durableLimit at most.
func (l *leg) promise(confirmed bool, then func()) {
	l.box.hold()
	l.a.scribe.saveDialog(l.record(confirmed), func() { l.box.resume(then) })
}

// record is the leg's dialog as it is stored. While the caller's ACK is not
// here, its INVITE may have to be refused as well as its dialog be ended.
func (l *leg) record(confirmed bool) call.Dialog {
	d := l.dlg.record(l.key)
	to := l.a.nextHop(&l.dlg, l.trunk)
	d.Confirmed, d.UAS, d.Transport, d.Source = confirmed, l.in != nil, to.transport, to.addr
	if l.in != nil && l.stage != stageConfirmed {
		d.Via = viasOf(l.in.req)
		d.LocalCSeq = l.dlg.inviteSeq
	}
	return d
}

// promise stores an INVITE of ours and runs then in the leg's mailbox once that
// is durable.
func (f *fork) promise(then func()) {
	d := f.dlg.record(f.key)
	d.Via = f.req.Via().Value()
	f.leg.a.scribe.saveDialog(d, func() { f.leg.box.command(then) })
}

// forget deletes what is stored of an INVITE of ours that is over.
func (f *fork) forget() { f.leg.a.scribe.deleteDialog(f.key) }

// viasOf returns all Via values of a request, topmost first and with the port
// that it came from (RFC 3581 section 4); stamp has noted the address.
func viasOf(req *wire.Request) string {
	all := req.GetHeaders("Via")
	values := make([]string, len(all))
	for i, v := range all {
		values[i] = v.Value()
	}
	top := req.Via().Clone()
	if port, asks := top.Params.Get("rport"); asks && port == "" {
		top.Params.Add("rport", strconv.Itoa(int(sourceOf(req).Port())))
	}
	values[0] = top.Value()
	return strings.Join(values, ", ")
}
