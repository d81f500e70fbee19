package sip

import (
	"net/netip"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"
)

func TestFaultOf(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"", "", 0},
		{"sip:a SIP", "tel:+34600 SIP", 0},
		{"sip:a SIP", "mailto:a@b SIP", 0}, // left to validate
		{"sip:a SIP", "soap.beep://a SIP", 416},
		{"sip:a SIP", "<sip:a> SIP", 400},
		{"sip:a SIP", "sip:* SIP", 400},
		{"sip:a SIP", "sip:a; x SIP", 400},
		{"sip:a SIP", "sip:a:port SIP", 400},
		{"sip:a SIP", " sip:a SIP", 400},
		{"Length: 3", "Length: 3\r\nno field", 400},
		{"Length: 3", "Length: 3\r\nX:\r\n folded", 0},
		{"Length: 3", "Length: 4", 400},
		{"Length: 3", "Length: -3", 400},
		{"Length: 3", "Length: 2", 0},
		{"Length: 3", "Length: 3\r\nl: 2", 400},
		{"OPTIONS sip:a SIP/2.0", "SIP/2.0 200 OK", 0},
	} {
		if got := faultOf([]byte(strings.Replace(sound, c.from, c.to, 1))); got != c.want {
			t.Errorf("%q: %d, want %d", c.to, got, c.want)
		}
	}
}

func TestStatelessAnswer(t *testing.T) {
	caller := netip.MustParseAddrPort("192.0.2.9:5070")
	const bad = "OPTIONS <sip:a> SIP/2.0\r\nv: SIP/2.0/UDP one;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP two,\r\n  SIP/2.0/UDP three\r\n" +
		"f: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nTo: <sip:e@f>\r\ni: x\r\nCSeq: 1 OPTIONS\r\nSubject: y\r\n\r\n"
	msg, err := wire.ParseMessage(statelessAnswer([]byte(bad), 400, caller, false))
	if err != nil {
		t.Fatal(err)
	}
	res := msg.(*wire.Response)
	if res.StatusCode != 400 || len(res.GetHeaders("Via")) != 2 || res.CallID().Value() != "x" || tagOf(res.To().Params) == "" {
		t.Errorf("%s", res)
	}
	if res.GetHeader("Subject") != nil || len(res.GetHeaders("To")) != 1 || tagOf(res.From().Params) != "1" {
		t.Errorf("%s", res)
	}
	for _, silent := range []string{"SIP/2.0 200 OK\r\nVia: a\r\n\r\n", strings.Replace(bad, "OPTIONS <", "ACK <", 1), "OPTIONS <sip:a> SIP/2.0\r\nTo: x\r\n\r\n"} {
		if got := statelessAnswer([]byte(silent), 400, caller, false); got != nil {
			t.Errorf("%q is answered with %q", silent, got)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("A < SIP/2.0\r\nVia: a\r\n b\r\nv:c\r\ni:x\r\nCSeq\t:1 A\r\n\r\n"))
	caller := netip.MustParseAddrPort("192.0.2.9:5070")
	f.Fuzz(func(t *testing.T, data []byte) {
		answer := statelessAnswer(data, 400, caller, false)
		if len(answer) > len(data)+128 {
			t.Errorf("%d bytes in answer to %d", len(answer), len(data))
		}
		_ = faultOf(data)
	})
}
