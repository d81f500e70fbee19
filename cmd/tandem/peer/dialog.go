package peer

import (
	"slices"
	"strconv"
)

// dialog is one end's view of a SIP dialog (RFC 3261 12).
type dialog struct {
	callID        string
	local, remote Address  // with their tags
	target        string   // URI of the other side's Contact
	routes        []string // in the order of sending
	seq           int      // CSeq of our last request
	server        string   // host:port to send to when the target names no loopback address
}

// request returns the next request within the dialog; an ACK or CANCEL takes the CSeq of its INVITE instead, by Set.
func (d *dialog) request(a *Agent, method string) *Message {
	d.seq++
	req := NewRequest(method, d.target).
		Add("Via", a.via()).
		Add("Max-Forwards", "70").
		Add("From", d.local.String()).
		Add("To", d.remote.String()).
		Add("Call-ID", d.callID).
		Add("CSeq", strconv.Itoa(d.seq)+" "+method).
		Add("Contact", Address{URI: a.ContactURI()}.String())
	for _, route := range d.routes {
		req.Add("Route", route)
	}
	return req
}

// next is the host:port that a request goes to: the first route, else the target; the server when that is a name.
func (d *dialog) next() string {
	uri := d.target
	if len(d.routes) > 0 {
		uri = ParseAddress(d.routes[0]).URI
	}
	if to := hostPort(uri); loopback(to) {
		return to
	}
	return d.server
}

// learn takes tag, target and route set of the other side from a response of the dialog (RFC 3261 12.1.2).
func (d *dialog) learn(m *Message) {
	d.remote.Tag = ParseAddress(m.Get("To")).Tag
	d.refresh(m)
	d.routes = m.Values("Record-Route")
	slices.Reverse(d.routes)
}

// refresh takes a new remote target (RFC 3261 12.2.1.2).
func (d *dialog) refresh(m *Message) {
	if contact := m.Values("Contact"); len(contact) > 0 && contact[0] != "" {
		d.target = ParseAddress(contact[0]).URI
	}
}
