package sip

import (
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// A redirection names a number: the one that it prefers, as it would be dialed.
func TestMovedTo(t *testing.T) {
	for contact, want := range map[string]string{
		"<sip:+34600777888@elsewhere.test>":                                        "+34600777888",
		"<sip:0034600777888;phone-context=x@10.9.9.9:5070>;expires=60":             "0034600777888",
		"<tel:+34-600-777-888>":                                                    "+34-600-777-888",
		"<sip:600777888@a>;q=0.2, <sip:600777889@b>;q=0.9, <sip:600777890@c>;q=x2": "600777890",
		"<sip:600777888@a>;q=0.2, <sip:600777889@b>;q=0.9":                         "600777889",
		"<mailto:ana@test>, <sip:600777888@a>;q=0.1":                               "600777888",
		"<sip:6%0d%0a7@a>":                                                         "", "<sip:a.test>": "", "*": "", "": "",
		"<sip:" + strings.Repeat("6", 2000) + "@a>": "",
	} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			leg, invite := calledOut(t, b, p)
			reply := []string{"Subject: moved"}
			if contact != "" {
				reply = []string{"Contact: " + contact}
			}
			p.redirects(invite, 302, reply...)
			p.request(wire.ACK)
			gone := next[call.LegGone](t, b.lines)
			if gone.Leg != leg || gone.Cause.Moved != want || gone.Cause.Code != 302 || gone.Cause.Kind != call.CauseFailed {
				t.Errorf("%q: %+v", contact, gone)
			}
		}, hubCarrier())
	}
}

// redirects answers a request with the given headers alone.
func (p *peer) redirects(req *wire.Request, status int, headers ...string) {
	p.t.Helper()
	res := wire.NewResponseFromRequest(req, status, phrase(status), nil)
	res.To().Params.Add("tag", "moved")
	head, _, _ := strings.Cut(res.String(), "\r\n\r\n")
	p.send(strings.Join(append([]string{head}, append(headers, "", "")...), "\r\n"))
}

// Only those that name another place are redirections.
func TestNotMoved(t *testing.T) {
	for _, status := range []int{305, 380, 486, 404} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			_, invite := calledOut(t, b, p)
			p.redirects(invite, status, "Contact: <sip:+34600777888@elsewhere.test>")
			p.request(wire.ACK)
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Moved != "" || gone.Cause.Code != status {
				t.Errorf("%d: %+v", status, gone)
			}
		}, hubCarrier())
	}
}
