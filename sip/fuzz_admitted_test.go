package sip

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	wire "github.com/emiago/sipgo/sip"
)

// FuzzAdmitted: what the guard lets a trunk say, the parser reads; nothing that
// was read breaks a line that it is copied into; and a stranger gets past the
// guard only with a nonce that was made for them.
func FuzzAdmitted(f *testing.F) {
	for _, seed := range []string{
		sound, from("INVITE", ""), from("REGISTER", "Contact: *\r\nExpires: 0\r\n"), from("BYE", "Reason: Q.850;cause=16\r\n"),
		from("INVITE", "P-Asserted-Identity: \"A\" <sip:+34@c>, <tel:+34>\r\nDiversion: <sip:1@c>\r\nRecord-Route: <sip:p;lr>\r\nContact: <sip:a@c>\r\n"),
		"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a>;tag=1\r\nt: <sip:b>;tag=2\r\ni: x\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a,\r\n SIP/2.0/UDP b\r\nFrom: a <sip:a>;tag=1\r\nTo: sip:b\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(strings.Replace(sound, "sip:a SIP", "sip:* SIP", 1)))
	f.Add([]byte(strings.Replace(sound, "Length: 3", "Length: 3\r\nno field", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := testGuard(t)
		stranger := netip.MustParseAddrPort("192.0.2.9:5060")
		strangers(t, g, data, stranger)
		v := g.judge(data, netip.AddrPortFrom(trunkAddr, 5060), 0)
		if v.status != 0 {
			answers(t, g.answer(data, stranger, v), v.status)
		}
		if !v.pass {
			return
		}
		msg, err := lenientParser().ParseSIP(bytes.Clone(data))
		if isResponse(data) {
			return // nobody waits for an answer to it
		}
		if err != nil {
			t.Fatalf("admitted, and then dropped: %v", err)
		}
		if req, ok := msg.(*wire.Request); ok && validate(req) == nil {
			taken(t, req)
		}
	})
}

// strangers checks what a message of somebody unknown gets: nothing, or an
// answer that is well formed and no longer than what was sent.
func strangers(t *testing.T, g *guard, data []byte, from netip.AddrPort) {
	v := g.judge(data, from, 0)
	if v.pass {
		t.Fatal("a stranger is let in")
	}
	if v.status == 0 {
		return
	}
	out := g.answer(data, from, v)
	answers(t, out, v.status)
	if len(out) > len(data) {
		t.Fatalf("%d bytes in answer to %d", len(out), len(data))
	}
}

// answers checks an answer that was made without a parser.
func answers(t *testing.T, out []byte, status int) {
	t.Helper()
	if out == nil {
		return
	}
	if why := shape(out, 2*maxTrunkMessage); why == reasonGarbage || misframed(out) {
		t.Fatalf("a broken answer: %q", out)
	}
	if !statusLine(out) || !bytes.HasPrefix(out, fmt.Appendf(nil, "SIP/2.0 %d ", status)) {
		t.Fatalf("%d is answered as %q", status, out)
	}
}

// taken checks a request that the agent takes: what we read out of it, and the
// dialog that it makes.
func taken(t *testing.T, req *wire.Request) {
	c := callerOf(req, true)
	for _, shown := range []string{c.number, c.name, c.diverted, calledOf(req)} {
		if !utf8.ValidString(shown) || utf8.RuneCountInString(shown) > maxName || strings.ContainsFunc(shown, unicode.IsControl) {
			t.Fatalf("%q is shown", shown)
		}
	}
	if c.withheld && c.number+c.name != "" {
		t.Fatalf("a caller who wants to be unknown is %+v", c)
	}
	if strings.Count(mergeKey(req), "\x00") < 2 {
		t.Fatalf("merge key %q", mergeKey(req))
	}
	if !req.IsInvite() {
		return
	}
	if req.From() != nil && !req.From().Params.Has("tag") {
		req.From().Params.Add("tag", "1")
	}
	req.SetSource("192.0.2.9:5060")
	d := answering(req)
	bye := d.bye()
	text := bye.String()
	msg, err := lenientParser().ParseSIP([]byte(text))
	if err != nil {
		t.Fatalf("our BYE cannot be read: %v\n%s", err, text)
	}
	back, ok := msg.(*wire.Request)
	if !ok || back.From() == nil || back.To() == nil || back.CallID() == nil || back.CallID().Value() != req.CallID().Value() {
		t.Fatalf("our BYE to\n%s\nis read as\n%s", req, msg)
	}
	if tagOf(back.To().Params) != tagOf(req.From().Params) {
		t.Fatalf("our BYE to %q goes to %q", tagOf(req.From().Params), tagOf(back.To().Params))
	}
}
