package sip

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const sound = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nContent-Length: 3\r\n\r\nabc"

func TestGuard(t *testing.T) {
	trunk := netip.MustParseAddr("192.0.2.1")
	g := &guard{trusted: func(a netip.Addr) bool { return a == trunk }}
	stranger := netip.MustParseAddr("192.0.2.2")
	big := strings.Replace(sound, "abc", strings.Repeat("x", maxMessage), 1)
	huge := strings.Replace(sound, "abc", strings.Repeat("x", maxTrunkMessage), 1)
	for _, c := range []struct {
		name, data string
		from       netip.Addr
		want       string
	}{
		{"sound", sound, stranger, ""},
		{"response", "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", stranger, ""},
		{"keepalive", "\r\n\r\n", stranger, ""},
		{"zeroes", "\x00\x00\x00\x00", stranger, ""},
		{"big", big, stranger, "size"},
		{"big of a trunk", big, trunk, ""},
		{"huge of a trunk", huge, trunk, "size"},
		{"RTP", "\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01xxxxxxxxxxxxx", stranger, "garbage"},
		{"no end", "OPTIONS sip:a SIP/2.0\r\nVia: x\r\n", stranger, "garbage"},
		{"NUL", strings.Replace(sound, "UDP a", "UDP \x00", 1), stranger, "garbage"},
		{"bare LF", strings.Replace(sound, "UDP a", "UDP a\nX: y", 1), stranger, "garbage"},
		{"bare CR", strings.Replace(sound, "UDP a", "UDP a\rX: y", 1), stranger, "garbage"},
	} {
		if got := g.fault([]byte(c.data), c.from); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFramer(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want bool
	}{
		"two messages":      {sound + "\r\n\r\n" + sound, true},
		"no length":         {"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n", false},
		"two lengths":       {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 4\r\n\r\nabc", false},
		"the same twice":    {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 3\r\n\r\nabc", true},
		"negative":          {"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", false},
		"too long":          {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 9000\r\n\r\n", false},
		"endless headers":   {"OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 2000), false},
		"HTTP":              {"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", false},
		"after the message": {sound + "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", false},
	} {
		var whole, octets framer
		if got := whole.feed([]byte(c.data), maxMessage); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		got := true
		for i := range len(c.data) {
			got = got && octets.feed([]byte{c.data[i]}, maxMessage)
		}
		if got != c.want {
			t.Errorf("%s octet by octet: %v", name, got)
		}
	}
}

// A stream is judged the same however TCP cuts it.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(sound+sound), uint8(7))
	f.Add([]byte("\r\n\r\n"+sound+"x"), uint8(1))
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 4\r\n\r\nabc"), uint8(40))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		var whole, parts framer
		want := whole.feed(data, maxMessage)
		got := true
		for rest := data; got && len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			got = parts.feed(rest[:n], maxMessage)
			rest = rest[n:]
		}
		if got != want {
			t.Errorf("whole %v, in parts of %d %v", want, int(size)+1, got)
		}
	})
}

// What the guard admits, the parser may refuse but never chokes on, and no
// admitted header section can break a line that it is copied into.
func FuzzGuard(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("INVITE sip:%00@a SIP/2.0\r\nFrom: \"\\\x7f\" <sip:a>;;;\r\nContact: *\r\n\r\n"))
	g := &guard{trusted: func(netip.Addr) bool { return false }}
	f.Fuzz(func(t *testing.T, data []byte) {
		if g.fault(data, netip.Addr{}) != "" || len(bytes.Trim(data, "\r\n\x00")) == 0 {
			return
		}
		msg, err := wire.ParseMessage(data)
		if err != nil {
			return
		}
		if req, ok := msg.(*wire.Request); ok && validate(req) == nil {
			_ = callerOf(req, true)
			_ = calledOf(req)
			if mergeKey(req) == "" {
				t.Error("no merge key")
			}
		}
	})
}

func TestPong(t *testing.T) {
	b := newBench(t)
	q, err := net.Dial("tcp4", b.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	if _, err := q.Write([]byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := q.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := q.Read(buf); err != nil || string(buf[:n]) != "\r\n" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}
