package sip

import (
	"fmt"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"
)

func TestInviteChecks(t *testing.T) {
	sdp := fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d", len(testSDP))
	for i, c := range []struct {
		from, to string // replaced in a sound INVITE
		status   int
		header   string
	}{
		{"SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505, ""},
		{"INVITE sip:", "INVITE http:", 416, ""},
		{"CSeq: 1 INVITE", "CSeq: 1 OPTIONS", 400, ""},
		{"Call-ID: ", "X-Call-ID: ", 400, ""},
		{"Max-Forwards: 70", "Max-Forwards: 0", 483, ""},
		{"Max-Forwards: 70", "Require: 100rel, foo", 420, "Unsupported: foo"},
		{"Content-Type: application/sdp", "Content-Type: text/plain", 415, "Accept: application/sdp"},
		{"Content-Type: application/sdp", "Content-Type: application/sdp\r\nContent-Encoding: gzip", 415, "Accept-Encoding: identity"},
		{sdp, "Content-Type: application/SDP;x=y\r\nContent-Length: 0", 100, ""},
		{";tag=from", ";x=", 100, ""}, // RFC 2543 (RFC 3261 section 12.1.1)
		{"To: <sip:+34910000001@pbx.test>", "To: <sip:a@b>\r\nTo: <sip:c@d>", 400, ""},
	} {
		t.Run(fmt.Sprintf("%d %s", i, c.to), func(t *testing.T) {
			p := udpPeer(t)
			b := newBench(t, carrierAt(p))
			p.dial(b)
			text := p.invite("check", "check")
			if !strings.Contains(text, c.from) {
				t.Fatalf("%q is not in the INVITE", c.from)
			}
			p.send(strings.Replace(text, c.from, c.to, 1))
			var res *wire.Response
			for res == nil {
				if got, ok := (<-p.inbox).(*wire.Response); ok && (got.StatusCode > 100 || c.status == 100) {
					res = got
				}
			}
			if res.StatusCode != c.status {
				t.Errorf("%d, want %d", res.StatusCode, c.status)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && headerValue(res, name) != value {
				t.Errorf("%s is %q", name, headerValue(res, name))
			}
		})
	}
}

func TestMethods(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	request := func(method string) string {
		return strings.Join([]string{method + " sip:pbx.test SIP/2.0", p.via(method), "From: <sip:a@b>;tag=1", "To: <sip:pbx.test>",
			"Call-ID: m" + method, "CSeq: 1 " + method, "Content-Length: 0", "", ""}, "\r\n")
	}
	for method, status := range map[string]int{
		"OPTIONS": 200, "BYE": 481, "CANCEL": 481, "UPDATE": 481, "INFO": 481, "PRACK": 481, "SUBSCRIBE": 405,
		"MESSAGE": 405, "REFER": 403, "PUBLISH": 405, "NOTIFY": 405, "DANCE": 501, "REGISTER": 401,
	} {
		p.send(request(method))
		res := p.final(wire.RequestMethod(method))
		if res.StatusCode != status {
			t.Errorf("%s: %d, want %d", method, res.StatusCode, status)
		}
		if (status == 405 || method == "OPTIONS") && headerValue(res, "Allow") != allowValue {
			t.Errorf("%s: Allow %q", method, headerValue(res, "Allow"))
		}
	}
}

// A stranger gets a challenge for REGISTER and a refusal for INVITE; to
// everything else nothing comes back.
func TestStrangers(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	for i, first := range []string{"OPTIONS sip:pbx.test SIP/2.0", "OPTIONS sip:pbx.test SIP/9.0", "SUBSCRIBE sip:pbx.test SIP/2.0"} {
		method, _, _ := strings.Cut(first, " ")
		p.send(strings.Join([]string{first, p.via(fmt.Sprint("s", i)), "From: <sip:a@b>;tag=1", "To: <sip:pbx.test>",
			fmt.Sprint("Call-ID: s", i), "CSeq: 1 " + method, "Content-Length: 0", "", ""}, "\r\n"))
	}
	p.send("garbage\r\n\r\n")
	p.send("\r\n\r\n")
	p.send(p.registration("ana", 1))
	for m := range p.inbox {
		res := m.(*wire.Response)
		if res.StatusCode == 401 {
			break
		}
		t.Errorf("a stranger got %s", res)
	}
	p.register("ana", "secret", 2)
	p.send(strings.Join([]string{"OPTIONS sip:pbx.test SIP/2.0", p.via("known"), "From: <sip:a@b>;tag=1", "To: <sip:pbx.test>",
		"Call-ID: known", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}, "\r\n"))
	if res := p.final(wire.OPTIONS); res.CallID().Value() != "known" || res.StatusCode != 200 {
		t.Errorf("%s", res)
	}
}
