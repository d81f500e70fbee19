package sip

import (
	"strings"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// anonymousURI is who calls when nobody may know (RFC 3323 section 4.1.1.3).
const anonymousURI = `"Anonymous" <sip:anonymous@anonymous.invalid>`

// toPhone builds the INVITE for one registered phone. What the display shows is
// rebuilt from our own data, never copied from the other leg.
func (l *leg) toPhone(b call.Binding, to hop) *wire.Request {
	o := l.out
	var contact wire.Uri
	if err := wire.ParseUri(b.ContactURI, &contact); err != nil {
		contact = wire.Uri{Scheme: "sip", User: userPart(b.User), Host: b.Source.Addr().String(), Port: int(b.Source.Port())}
	}
	from := anonymousURI
	if number := o.to.Show.Number; number != "" {
		from = nameAddr(o.to.Show.Name, "sip:"+userPart(number)+"@"+l.a.opt.Domain)
	} else if name := o.to.Show.Name; name != "" {
		from = nameAddr(name, "sip:anonymous@anonymous.invalid")
	}
	req := l.a.invite(contact, from, "<sip:"+userPart(b.User)+"@"+l.a.opt.Domain+">", o.sdp)
	if o.to.Show.Number != "" {
		req.AppendHeader(header("P-Asserted-Identity", from))
	}
	if o.to.AutoAnswer {
		// No standard header is understood by all phones, so they all go out.
		req.AppendHeader(header("Call-Info", "<sip:"+l.a.opt.Domain+">;answer-after=0"))
		req.AppendHeader(header("Alert-Info", "<http://127.0.0.1>;info=alert-autoanswer"))
		req.AppendHeader(header("Answer-Mode", "Auto")) // RFC 5373
	}
	req.AppendHeader(l.a.contact("", to))
	return req
}

// toTrunk builds the INVITE for a number outside.
func (l *leg) toTrunk(t *Trunk, to hop) *wire.Request {
	o := l.out
	format := func(number string) string {
		if t.Format == nil {
			return number
		}
		return t.Format(number)
	}
	host, _, _ := splitAddress(t.Address)
	host = bracket(host)
	recipient := wire.Uri{Scheme: "sip", User: userPart(format(o.to.Number)), Host: host}
	if to.addr.Port() != defaultPort(to.transport) {
		recipient.Port = int(to.addr.Port())
	}
	ours := "<sip:" + userPart(format(o.to.CallerID)) + "@" + l.a.opt.Domain + ">"
	req := l.a.invite(recipient, ours, "<"+recipient.String()+">", o.sdp)
	switch t.CallerID {
	case CallerIDAsserted:
		req.AppendHeader(header("P-Asserted-Identity", ours))
	case CallerIDRemote:
		req.AppendHeader(header("Remote-Party-ID", ours+";party=calling;screen=yes;privacy=off"))
	case CallerIDFrom:
	}
	if o.to.Diverted != "" {
		req.AppendHeader(header("Diversion", "<sip:"+userPart(format(o.to.Diverted))+"@"+l.a.opt.Domain+">;reason=unconditional"))
	}
	req.AppendHeader(l.a.contact(format(o.to.CallerID), to))
	return req
}

// invite builds an INVITE outside a dialog, all but its Via and Contact.
func (a *Agent) invite(recipient wire.Uri, from, to string, sdp []byte) *wire.Request {
	req := a.start(wire.INVITE, recipient, from, to)
	req.AppendHeader(header("Allow", allowValue))
	req.AppendHeader(header("User-Agent", a.opt.UserAgent))
	a.wish(req)
	if sdp != nil {
		req.AppendHeader(header("Content-Type", acceptValue))
		req.SetBody(sdp)
	}
	return req
}

// start builds a request outside a dialog, all but its Via. from and to are
// header values without tags.
func (a *Agent) start(method wire.RequestMethod, recipient wire.Uri, from, to string) *wire.Request {
	req := wire.NewRequest(method, recipient)
	hops := wire.MaxForwardsHeader(70)
	callID := wire.CallIDHeader(wire.GenerateTagN(24))
	req.AppendHeader(&hops)
	req.AppendHeader(header("From", from+";tag="+wire.GenerateTagN(16)))
	req.AppendHeader(header("To", to))
	req.AppendHeader(&callID)
	req.AppendHeader(&wire.CSeqHeader{SeqNo: 1, MethodName: method})
	req.From() // parsed here, so that nobody parses them at the same time later
	req.To()
	return req
}

// nameAddr writes a name-addr; a name with nothing to show is left out.
func nameAddr(name, uri string) string {
	if name = clean(name, maxName); name == "" {
		return "<" + uri + ">"
	}
	return quote(name) + " <" + uri + ">"
}

// bracket writes a host for a URI.
func bracket(host string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}
