package sip

import (
	"strings"

	"github.com/icholy/digest"

	wire "github.com/emiago/sipgo/sip"
)

// askTrunk sends a request within a dialog; a trunk's challenge is answered
// once. trunk is empty for phones.
func (a *Agent) askTrunk(trunk string, req *wire.Request, to hop, got func(*wire.Response)) {
	a.address(req, to)
	a.ask(req, func(res *wire.Response) {
		t := a.trunkNamed(trunk)
		if t == nil || !challenge(res) {
			got(res)
			return
		}
		again, ok := authorize(req, res, t.Auth)
		if !ok {
			got(res)
			return
		}
		a.address(again, to)
		a.ask(again, got)
	})
}

// challenge reports whether a response asks for credentials.
func challenge(res *wire.Response) bool {
	return res != nil && (res.StatusCode == 401 || res.StatusCode == 407)
}

// challenged answers a trunk's challenge of our INVITE, once; true when the
// INVITE goes out again.
func (f *fork) challenged(res *wire.Response) bool {
	l := f.leg
	t := l.a.trunkNamed(l.trunk)
	if t == nil || f.tried || f.over || !challenge(res) {
		return false
	}
	req, ok := authorize(f.req, res, t.Auth)
	if !ok {
		return false
	}
	f.tried = true
	f.again(req)
	return true
}

// lengthened sends our INVITE again with the longer session interval that a
// callee wants (RFC 4028 section 7.3), once; false when it does not.
func (f *fork) lengthened(res *wire.Response) bool {
	if res.StatusCode != 422 || f.longer || f.over {
		return false
	}
	f.longer = true
	l := f.leg
	l.least = minSessionOf(res)
	req := f.req.Clone()
	for _, name := range []string{"Via", "Session-Expires", "Min-SE"} {
		req.RemoveHeader(name)
	}
	req.AppendHeader(header("Session-Expires", seconds(max(l.least, l.a.opt.SessionExpires))))
	req.AppendHeader(header("Min-SE", seconds(l.least)))
	req.CSeq().SeqNo++
	req.From()
	req.To()
	f.again(req)
	return true
}

// again sends the INVITE in another form, in a transaction of its own.
func (f *fork) again(req *wire.Request) {
	f.req = req
	f.dlg.localSeq = req.CSeq().SeqNo
	f.dlg.inviteSeq = req.CSeq().SeqNo
	f.heard, f.begun, f.tx = false, false, nil
	f.send()
}

// authorize returns the request again, with credentials for the strongest
// challenge that we can answer (RFC 8760), the next CSeq number and no Via.
// Only a trunk's own credentials ever get here, and only in answer to what its
// own address sent.
func authorize(req *wire.Request, res *wire.Response, who Credentials) (*wire.Request, bool) {
	ask, reply := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		ask, reply = "Proxy-Authenticate", "Proxy-Authorization"
	}
	chal := strongest(res.GetHeaders(ask))
	if chal == nil || who.Username == "" {
		return nil, false
	}
	creds, err := digest.Digest(chal, digest.Options{
		Method: string(req.Method), URI: req.Recipient.String(), Username: who.Username, Password: who.Password,
	})
	if err != nil {
		return nil, false
	}
	again := req.Clone()
	again.RemoveHeader("Via")
	again.RemoveHeader(reply)
	again.CSeq().SeqNo++
	again.AppendHeader(header(reply, creds.String()))
	again.From()
	again.To()
	return again, true
}

// strongest picks the challenge to answer: SHA-256 before MD5; nil when there
// is none that we understand.
func strongest(headers []wire.Header) *digest.Challenge {
	var top *digest.Challenge
	for _, h := range headers {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || c.Nonce == "" {
			continue
		}
		for i, q := range c.QOP {
			c.QOP[i] = strings.TrimSpace(q)
		}
		c.Algorithm = strings.ToUpper(c.Algorithm)
		if digest.CanDigest(c) && (top == nil || strength(c) > strength(top)) {
			top = c
		}
	}
	return top
}

func strength(c *digest.Challenge) int {
	switch c.Algorithm {
	case "SHA-512-256", "SHA-512":
		return 2
	case "SHA-256":
		return 1
	}
	return 0
}
