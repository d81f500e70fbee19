package sip

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const sound = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nContent-Length: 3\r\n\r\nabc"

// testGuard is a guard with one trunk, one phone and defaults for the rest.
func testGuard(t testing.TB) *guard {
	t.Helper()
	var limits Limits
	limits.fill()
	m, err := newMeter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &guard{
		rates: newRates(limits.RequestsPerSecond), bans: newBans(limits.FailedAuthPerMinute, limits.Ban), doors: newPlaces(),
		log: slog.New(slog.DiscardHandler), said: newSamples(), meter: m, began: time.Now(), digest: newDigestServer("pbx.test", here),
		trusted: func(a netip.Addr) bool { return a == trunkAddr }, phone: func(a netip.AddrPort) bool { return a == phoneAddr },
		home:     func(a netip.Addr) bool { return a == phoneAddr.Addr() },
		familiar: func(a netip.Addr) bool { return a == phoneAddr.Addr() }, closed: func(netip.AddrPort) {},
	}
}

var (
	trunkAddr = netip.MustParseAddr("192.0.2.1")
	phoneAddr = netip.MustParseAddrPort("192.0.2.2:5062")
)

// from is what a stranger sends: a request without more than it needs.
func from(method, extra string) string {
	return method + " sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:ana@pbx.test>;tag=1\r\nTo: <sip:ana@pbx.test>\r\nCall-ID: x\r\nCSeq: 1 " + method + "\r\n" + extra + "Content-Length: 0\r\n\r\n"
}

func TestGuard(t *testing.T) {
	g := testGuard(t)
	stranger := netip.MustParseAddr("192.0.2.9")
	big := strings.Replace(sound, "abc", strings.Repeat("x", maxMessage), 1)
	huge := strings.Replace(sound, "abc", strings.Repeat("x", maxTrunkMessage), 1)
	many := func(s string, n int) string { return strings.Replace(sound, "UDP a", "UDP a"+strings.Repeat(s, n), 1) }
	body := strings.Replace(sound, "abc", strings.Repeat(";,\r\n\x00", 500), 1)
	auth := func(nonce string) string {
		return from("REGISTER", "Authorization: Digest username=\"ana\",\r\n nonce=\""+nonce+"\"\r\n")
	}
	pass := verdictOn{pass: true}
	for _, c := range []struct {
		name, data string
		from       netip.Addr
		want       verdictOn
	}{
		{"trunk", sound, trunkAddr, pass},
		{"phone", sound, phoneAddr.Addr(), pass},
		{"stranger", sound, stranger, dropped(reasonStranger)},
		{"response of a trunk", "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", trunkAddr, pass},
		{"response of a phone", "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", phoneAddr.Addr(), pass},
		{"response of a stranger", "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", stranger, dropped(reasonResponse)},
		{"big", big, phoneAddr.Addr(), dropped(reasonSize)},
		{"big of a trunk", big, trunkAddr, pass},
		{"huge of a trunk", huge, trunkAddr, dropped(reasonSize)},
		{"RTP", "\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01xxxxxxxxxxxxx", trunkAddr, dropped(reasonGarbage)},
		{"no end", "OPTIONS sip:a SIP/2.0\r\nVia: x\r\n", trunkAddr, dropped(reasonGarbage)},
		{"NUL", many("\x00", 1), trunkAddr, dropped(reasonGarbage)},
		{"escaped NUL", many("\\\x00", 1), trunkAddr, pass},
		{"bare LF", many("\nX: y", 1), trunkAddr, dropped(reasonGarbage)},
		{"bare CR", many("\rX: y", 1), trunkAddr, dropped(reasonGarbage)},
		{"300 parameters", many(";a", 300), trunkAddr, pass},
		{"301 parameters", many(";a", 301), trunkAddr, dropped(reasonParameters)},
		{"201 items", many(",a", 201), trunkAddr, dropped(reasonParameters)},
		{"200 lines", many("\r\nX: y", 197), trunkAddr, pass},
		{"201 lines", many("\r\nX: y", 198), trunkAddr, dropped(reasonParameters)},
		{"body", body, trunkAddr, pass},
		{"framing of a trunk", strings.Replace(sound, "Length: 3", "Length: 9", 1), trunkAddr, answered(400, reasonFraming)},
		{"REGISTER", from("REGISTER", ""), stranger, answered(401, reasonNone)},
		{"REGISTER with our nonce", auth(g.digest.nonce(time.Now(), stranger)), stranger, pass},
		{"REGISTER with another's nonce", auth(g.digest.nonce(time.Now(), trunkAddr)), stranger, answered(401, reasonNone)},
		{"REGISTER with an old nonce", auth(g.digest.nonce(time.Now().Add(-nonceLife-2*time.Second), stranger)), stranger, answered(401, reasonNone)},
		{"REGISTER with a made-up nonce", auth("abc"), stranger, answered(401, reasonNone)},
		{"REGISTER, badly framed", strings.Replace(from("REGISTER", ""), "Length: 0", "Length: 9", 1), stranger, dropped(reasonFraming)},
		{"INVITE", from("INVITE", ""), stranger, answered(403, reasonStranger)},
		{"BYE", from("BYE", ""), stranger, dropped(reasonStranger)},
		{"ACK", from("ACK", ""), stranger, dropped(reasonStranger)},
		{"unknown method", from("REGISTERX", ""), stranger, dropped(reasonStranger)},
	} {
		if got := g.judge([]byte(c.data), netip.AddrPortFrom(c.from, 5062), 0); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Of a message that costs a parser milliseconds none gets to it, whoever sends
// it: twenty such messages a second held up all others.
func TestQuadraticMessages(t *testing.T) {
	g := testGuard(t)
	text := strings.Replace(sound, "UDP a", "UDP a"+strings.Repeat(";", 32<<10), 1)
	short := strings.Replace(sound, "UDP a", "UDP a"+strings.Repeat(";", 7<<10), 1)
	for _, from := range []netip.Addr{trunkAddr, phoneAddr.Addr(), netip.MustParseAddr("192.0.2.9")} {
		if got := g.judge([]byte(text), netip.AddrPortFrom(from, 5060), 0); got != dropped(reasonSize) {
			t.Errorf("%s: %+v", from, got)
		}
		if got := g.judge([]byte(short), netip.AddrPortFrom(from, 5060), 0); got != dropped(reasonParameters) {
			t.Errorf("%s: %+v", from, got)
		}
	}
}

// streamOf cuts a stream into messages; ok is false when it cannot be SIP.
func streamOf(data []byte, size, limit int) (messages []string, ok bool) {
	var f framer
	for rest := data; len(rest) > 0; {
		n := min(size, len(rest))
		if f.read(bytes.NewReader(rest[:n])) != nil {
			return messages, false
		}
		rest = rest[n:]
		for {
			msg, _, err := f.next(limit)
			if err != nil {
				return messages, false
			}
			if msg == nil {
				break
			}
			messages = append(messages, string(msg))
		}
	}
	return messages, true
}

func TestFramer(t *testing.T) {
	folded := strings.Replace(sound, "UDP a", "UDP a\r\n ;b", 1)
	for name, c := range map[string]struct {
		data string
		want int // messages
		ok   bool
	}{
		"two messages":      {sound + "\r\n\r\n" + sound, 2, true},
		"folded":            {folded, 1, true},
		"part":              {sound[:len(sound)-1], 0, true},
		"no length":         {"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n", 0, false},
		"two lengths":       {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 4\r\n\r\nabc", 0, false},
		"the same twice":    {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 3\r\n\r\nabc", 1, true},
		"negative":          {"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", 0, false},
		"too long":          {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 9000\r\n\r\n", 0, false},
		"overflow":          {"OPTIONS sip:a SIP/2.0\r\nContent-Length: 9223372036854775807\r\n\r\n", 0, false},
		"endless headers":   {"OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 2000), 0, false},
		"HTTP":              {"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0, false},
		"after the message": {sound + "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 1, false},
	} {
		for _, size := range []int{1, 7, readSize} {
			got, ok := streamOf([]byte(c.data), size, maxMessage)
			if len(got) != c.want || ok != c.ok {
				t.Errorf("%s by %d: %d messages, %v", name, size, len(got), ok)
			}
		}
	}
}

// A stream is judged the same however TCP cuts it.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(sound+sound), uint8(7))
	f.Add([]byte("\r\n\r\n"+sound+"x"), uint8(1))
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\nl: 4\r\n\r\nabc"), uint8(40))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, ok := streamOf(data, readSize, maxMessage)
		parts, same := streamOf(data, int(size)+1, maxMessage)
		if ok != same || !slices.Equal(whole, parts) {
			t.Errorf("whole %d %v, in parts of %d %d %v", len(whole), ok, int(size)+1, len(parts), same)
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
