package peer

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const invite = "INVITE sip:ana@127.0.0.1:5060 SIP/2.0\r\n" +
	"v: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bK1, SIP/2.0/UDP 127.0.0.3;branch=z9hG4bK0\r\n" +
	"f: \"Garc\\\"ia, Ana\" <sip:+34600111222@carrier;user=phone>;tag=abc\r\n" +
	"t: <sip:ana@127.0.0.1>\r\n" +
	"i: one@carrier\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"Subject: folded\r\n  line\r\n" +
	"c: application/sdp\r\n" +
	"l: 4\r\n\r\nv=0\nand more"

func TestParseMessage(t *testing.T) {
	m, err := ParseMessage([]byte(invite))
	if err != nil {
		t.Fatal(err)
	}
	if m.Method != "INVITE" || m.URI != "sip:ana@127.0.0.1:5060" || string(m.Body) != "v=0\n" || m.SDP() == nil {
		t.Errorf("%s, body %q", m, m.Body)
	}
	if got := m.Values("Via"); len(got) != 2 || m.Branch() != "z9hG4bK1" {
		t.Errorf("Via %q, branch %q", got, m.Branch())
	}
	from := ParseAddress(m.Get("From"))
	want := Address{Display: `Garc"ia, Ana`, URI: "sip:+34600111222@carrier;user=phone", Tag: "abc"}
	if from != want || from.User() != "+34600111222" {
		t.Errorf("From %+v, user %q", from, from.User())
	}
	if ParseAddress(from.String()) != want {
		t.Errorf("From does not survive: %s", from)
	}
	if n, method := m.CSeq(); n != 7 || method != "INVITE" {
		t.Errorf("CSeq %d %s", n, method)
	}
	if got := m.Get("subject"); got != "folded line" {
		t.Errorf("Subject %q", got)
	}
	res := NewResponse(m, 486, "Busy Here")
	again, err := ParseMessage(res.Bytes())
	if err != nil || again.Code != 486 || again.Reason != "Busy Here" || len(again.Headers) != len(res.Headers)+1 {
		t.Errorf("response %v: %v", again, err)
	}
}

func TestParseMessageRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"keep-alive":       "\r\n\r\n",
		"no empty line":    "OPTIONS sip:a SIP/2.0\r\nVia: x\r\n",
		"other version":    "OPTIONS sip:a SIP/7.0\r\n\r\n",
		"status":           "SIP/2.0 99 Low\r\n\r\n",
		"no colon":         "OPTIONS sip:a SIP/2.0\r\nVia\r\n\r\n",
		"short body":       "OPTIONS sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nabc",
		"negative length":  "OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
		"too many headers": "OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("A: b\r\n", maxHeaders) + "\r\n",
		"too long":         "OPTIONS sip:a SIP/2.0\r\n\r\n" + strings.Repeat("x", maxMessage),
	} {
		if m, err := ParseMessage([]byte(text)); err == nil {
			t.Errorf("%s: parsed as %s", name, m)
		}
	}
}

func TestHeaders(t *testing.T) {
	m := NewRequest("OPTIONS", "sip:a").Add("Route", "<sip:1>").Add("X", "x").Add("route", "<sip:2>,<sip:3;a=\"b,c\">")
	if got := m.Values("Route"); !slices.Equal(got, []string{"<sip:1>", "<sip:2>", `<sip:3;a="b,c">`}) {
		t.Errorf("Route %q", got)
	}
	if m.Set("ROUTE", "<sip:9>"); len(m.Values("Route")) != 1 || m.Get("X") != "x" {
		t.Errorf("after Set: %v", m.Headers)
	}
	if m.Del("Route"); len(m.Headers) != 1 {
		t.Errorf("after Del: %v", m.Headers)
	}
	if got := string(m.Set("Content-Length", "99").Bytes()); !strings.HasSuffix(got, "Content-Length: 99\r\n\r\n") {
		t.Errorf("a wrong Content-Length must stay: %q", got)
	}
}

func TestHostPort(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:ana@127.0.0.1:5070;transport=tcp": "127.0.0.1:5070",
		"sip:127.0.0.1":                        "127.0.0.1:5060",
		"sip:ana@[::1]:5080":                   "[::1]:5080",
		"sip:ana@[::1]":                        "[::1]:5060",
		"sip:pbx.example;lr":                   "pbx.example:5060",
	} {
		if got := hostPort(uri); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
	if loopback("192.0.2.1:5060") || loopback("localhost:5060") || !loopback("127.0.0.3:1") || !loopback("[::1]:1") {
		t.Error("loopback is wrong")
	}
}

// A stream arrives in pieces of any size, two messages and keep-alives in a row.
func TestReadStream(t *testing.T) {
	first := NewRequest("OPTIONS", "sip:a").Add("Call-ID", "1")
	first.Body = []byte("body\r\n\r\n")
	stream := slices.Concat([]byte("\r\n\r\n"), first.Bytes(), []byte("\r\n\r\n"), NewRequest("BYE", "sip:b").Bytes())
	r := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(stream)))
	for _, want := range []string{"OPTIONS sip:a", "BYE sip:b"} {
		data, err := readStream(r)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := ParseMessage(data); err != nil || m.String() != want {
			t.Errorf("%v %v, want %s", m, err, want)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("SIP/2.0 200 OK\r\nContact: <sip:a;b=\"c\\\"\">;expires=3, *\r\n\r\n"))
	f.Add([]byte("BYE a SIP/2.0\r\n :\r\n\tx\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMessage(data)
		if err != nil {
			return
		}
		again, err := ParseMessage(m.Bytes())
		if err != nil {
			t.Fatalf("%q became %q: %v", data, m.Bytes(), err)
		}
		if !slices.Equal(again.Headers[:len(m.Headers)], m.Headers) || !bytes.Equal(again.Body, m.Body) {
			t.Fatalf("%q changed to %q", m.Bytes(), again.Bytes())
		}
		for _, h := range m.Headers {
			a := ParseAddress(h.Value)
			_, _ = a.User(), a.String()
			_ = hostPort(a.URI)
			_ = m.Values(h.Name)
		}
		_, _ = m.Branch(), m.SDP()
	})
}

func FuzzReadStream(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("\r\nA\nContent-Length: 70000\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		for range 100 {
			if m, err := readStream(r); err != nil || len(m) > 2*maxMessage {
				return
			}
		}
	})
}
