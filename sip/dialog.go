package sip

import (
	"strings"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// dialog is one end of a dialog (RFC 3261 section 12): data and the requests
// that are built from it. Its leg's mailbox owns it.
type dialog struct {
	callID    string
	local     string // From value of our requests, with our tag
	remote    string // their To value, with the peer's tag once there is one
	localTag  string
	remoteTag string
	target    wire.Uri   // remote target
	routes    []wire.Uri // route set, in the order in which requests visit it
	localSeq  uint32     // last CSeq of ours
	remoteSeq uint32     // last CSeq of the peer's
	inviteSeq uint32     // CSeq of the INVITE that made the dialog
	hop       hop        // where requests are sent
}

// bye builds the BYE that ends the dialog (sections 12.2.1.1 and 15.1.1).
func (d *dialog) bye() *wire.Request {
	d.localSeq++
	return d.build(wire.BYE, d.localSeq)
}

// ack builds the ACK for a 2xx to an INVITE of ours; it has the INVITE's CSeq
// number whatever was sent since (section 13.2.2.4).
func (d *dialog) ack(inviteSeq uint32) *wire.Request { return d.build(wire.ACK, inviteSeq) }

// build makes a request to the remote target through the route set. A first
// hop without lr is a strict router: it gets its own URI as Request-URI and
// the target as last route (section 12.2.1.1).
func (d *dialog) build(method wire.RequestMethod, seq uint32) *wire.Request {
	recipient, routes := d.target, d.routes
	if len(routes) > 0 && !routes[0].UriParams.Has("lr") {
		recipient = routes[0]
		recipient.Headers = nil
		routes = append(append([]wire.Uri{}, routes[1:]...), d.target)
	}
	req := wire.NewRequest(method, recipient)
	for _, r := range routes {
		req.AppendHeader(&wire.RouteHeader{Address: r})
	}
	hops := wire.MaxForwardsHeader(70)
	callID := wire.CallIDHeader(d.callID)
	req.AppendHeader(&hops)
	req.AppendHeader(header("From", d.local))
	req.AppendHeader(header("To", d.remote))
	req.AppendHeader(&callID)
	req.AppendHeader(&wire.CSeqHeader{SeqNo: seq, MethodName: method})
	return req
}

// answering makes the dialog of an INVITE that came to us (section 12.1.1).
func answering(req *wire.Request) dialog {
	d := dialog{
		callID:    req.CallID().Value(),
		local:     req.To().Value(),
		remote:    req.From().Value(),
		localTag:  tagOf(req.To().Params),
		remoteTag: tagOf(req.From().Params),
		remoteSeq: req.CSeq().SeqNo,
		inviteSeq: req.CSeq().SeqNo,
		hop:       hopOf(req),
	}
	// Without a Contact the caller is at its From, or else where it sent from.
	d.target = wire.Uri{Scheme: "sip", Host: bracket(d.hop.addr.Addr().String()), Port: int(d.hop.addr.Port())}
	if from, ok := place(&req.From().Address); ok {
		d.target = from
	}
	d.refresh(req.Contact())
	d.routes = recordRoutes(req, false)
	return d
}

// answered completes the dialog with a 2xx that came to us (section 12.1.2).
func (d *dialog) answered(res *wire.Response) {
	d.remote = res.To().Value()
	d.remoteTag = tagOf(res.To().Params)
	d.routes = recordRoutes(res, true)
	d.refresh(res.Contact())
}

// refresh takes a new remote target (section 12.2).
func (d *dialog) refresh(c *wire.ContactHeader) {
	if c == nil {
		return
	}
	if target, ok := place(&c.Address); ok {
		d.target = target
	}
}

// place returns the place that a URI names, to be written into a request: the
// URI without its headers (RFC 3261 section 19.1.1). false when it names none,
// or would not be read as it was written.
func place(uri *wire.Uri) (to wire.Uri, ok bool) {
	if uri.Scheme != "sip" && uri.Scheme != "sips" || uri.Wildcard || uri.Port < 0 || uri.Port > 65535 {
		return to, false
	}
	text := uri.String()
	host := strings.LastIndexByte(text, '@') + 1
	tail, _, _ := strings.Cut(text[host:], "?")
	text = text[:host] + tail
	if strings.ContainsAny(text, " \t\"<>") || wire.ParseUri(text, &to) != nil || to.String() != text {
		return to, false
	}
	return to, to.Host != "" && to.Host == uri.Host && to.User == uri.User
}

// recordRoutes returns the Record-Route URIs that name a place; a caller has to
// visit them in reverse order (section 12.1.2).
func recordRoutes(msg wire.Message, reverse bool) []wire.Uri {
	var routes []wire.Uri
	for _, h := range msg.GetHeaders("Record-Route") {
		rr, ok := h.(*wire.RecordRouteHeader)
		if !ok {
			continue
		}
		hop, ok := place(&rr.Address)
		if !ok {
			continue
		}
		if reverse {
			routes = append([]wire.Uri{hop}, routes...)
			continue
		}
		routes = append(routes, hop)
	}
	return routes
}

// record is what has to survive a crash.
func (d *dialog) record(leg call.LegID) call.Dialog {
	routes := make([]string, len(d.routes))
	for i, r := range d.routes {
		routes[i] = r.String()
	}
	return call.Dialog{
		Leg: leg, CallID: d.callID, Local: d.local, Remote: d.remote, Target: d.target.String(),
		RouteSet: routes, LocalCSeq: d.localSeq, Transport: d.hop.transport, Source: d.hop.addr,
	}
}
