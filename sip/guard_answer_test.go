package sip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// yealink is a telephone's REGISTER as it comes from the factory.
const yealink = "Contact: <sip:ana@192.0.2.9:5062;transport=udp>\r\nExpires: 300\r\nUser-Agent: Yealink SIP-T46S 66.86.0.15\r\n" +
	"Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE\r\n" +
	"Supported: path, gruu\r\nAllow-Events: talk,hold,conference,refer,check-sync\r\n"

// A stranger's answer says nothing about us, carries as many challenges as its
// REGISTER has room for, and is never longer than what it answers.
func TestAnswersToStrangers(t *testing.T) {
	g, at := testGuard(t), netip.MustParseAddrPort("192.0.2.9:5062")
	for _, c := range []struct {
		name, data string
		status     int
		challenges int // -1: no answer
	}{
		{"a telephone", from("REGISTER", yealink), 401, 2},
		{"a sparing telephone", from("REGISTER", "Contact: <sip:ana@192.0.2.9:5062>\r\nExpires: 300\r\nUser-Agent: Linphone/5.2 (belle-sip)\r\n"), 401, 1},
		{"the barest telephone", from("REGISTER", "Contact: <sip:ana@192.0.2.9:5062>\r\nExpires: 300\r\n"), 401, 1},
		{"a scanner", from("REGISTER", ""), 401, -1},
		{"a short INVITE", "INVITE sip:a SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1;rport\r\nf: <sip:a>\r\nt: <sip:a>\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n", 403, -1},
		{"an INVITE", from("INVITE", "Contact: <sip:192.0.2.9>\r\nUser-Agent: "+strings.Repeat("x", 100)+"\r\n"), 403, 0},
	} {
		out := g.answer([]byte(c.data), at, verdictOn{status: c.status})
		if c.challenges < 0 {
			if out != nil {
				t.Errorf("%s: %d bytes get %d: %s", c.name, len(c.data), len(out), out)
			}
			continue
		}
		if out == nil || len(out) > len(c.data) {
			t.Errorf("%s: %d bytes get %d", c.name, len(c.data), len(out))
			continue
		}
		msg, err := wire.ParseMessage(out)
		if err != nil {
			t.Fatal(err)
		}
		res := msg.(*wire.Response)
		if n := len(res.GetHeaders("WWW-Authenticate")); n != c.challenges || res.StatusCode != c.status {
			t.Errorf("%s: %d challenges in %s", c.name, n, out)
		}
		if port, _ := res.Via().Params.Get("rport"); port != "5062" || tagOf(res.To().Params) == "" || res.GetHeader("Server") != nil {
			t.Errorf("%s: %s", c.name, out)
		}
	}
}

// registrationOf is a REGISTER with headers of random lengths, as phones and
// others send them.
func registrationOf(random *rand.Rand) string {
	text := func(most int) string { return strings.Repeat("x", random.IntN(most)) }
	user, domain := "u"+text(20), "pbx"+text(20)+".test"
	lines := []string{
		"REGISTER sip:" + domain + " SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK" + text(40) + []string{"", ";rport"}[random.IntN(2)],
		"From: <sip:" + user + "@" + domain + ">;tag=" + text(20),
		"To: <sip:" + user + "@" + domain + ">",
		"Call-ID: c" + text(50),
		fmt.Sprintf("CSeq: %d REGISTER", random.Uint32N(100_000)),
	}
	for _, more := range []string{
		"Max-Forwards: 70", "Contact: <sip:" + user + "@192.0.2.9:5060;transport=udp>", "Expires: 300",
		"User-Agent: " + text(40), "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS", "Supported: path, outbound", "X: " + text(400),
		`Authorization: Digest username="x",realm="pbx.test",nonce="` + text(40) + `",uri="sip:pbx.test",response="` + text(32) + `"`,
	} {
		if random.IntN(2) == 0 {
			lines = append(lines, more)
		}
	}
	return strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")
}

// Whatever a stranger sends, it never gets more bytes than that; a REGISTER as
// long as a telephone's gets a challenge.
func TestStrangersGetNoMoreThanTheySent(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	g := testGuard(t)
	none, some, all := 0, 0, 0
	for n := range 20_000 {
		text := registrationOf(random)
		if random.IntN(5) == 0 {
			text = strings.ReplaceAll(text, "REGISTER", "INVITE")
		}
		data, peer := []byte(text), netip.AddrPortFrom(host(n), uint16(1024+random.IntN(60_000)))
		v := g.judge(data, peer, time.Duration(n)*time.Second)
		if v.pass {
			t.Fatalf("seed %d: passed: %s", seed, text)
		}
		out := g.answer(data, peer, v)
		if len(out) > len(data) {
			t.Fatalf("seed %d: %d bytes for %d:\n%s\n%s", seed, len(out), len(data), text, out)
		}
		switch strings.Count(string(out), "WWW-Authenticate") {
		case 0:
			none++
		case 1:
			some++
		default:
			all++
		}
	}
	if none == 0 || some == 0 || all == 0 {
		t.Errorf("%d without a challenge, %d with one, %d with both: not everything was tried", none, some, all)
	}
}

// A telephone's REGISTER of 350 bytes and more gets at least one challenge, with
// either kind of address.
func TestTelephonesAreChallenged(t *testing.T) {
	g := testGuard(t)
	for _, at := range []string{"192.0.2.9:5062", "203.0.113.250:61234", "[2001:db8:1234:5678:9abc:def0:1234:5678]:61234"} {
		peer := netip.MustParseAddrPort(at)
		for extra := range 60 {
			text := strings.Join([]string{
				"REGISTER sip:pbx.example.com SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK-1234567;rport", "Max-Forwards: 70",
				"From: <sip:ana@pbx.example.com>;tag=12345678", "To: <sip:ana@pbx.example.com>", "Call-ID: 0123456789abcdef",
				"CSeq: 1 REGISTER", "Contact: <sip:ana@10.0.0.5:5060>", "Expires: 3600", "User-Agent: T" + strings.Repeat("x", extra),
				"Content-Length: 0", "", ""}, "\r\n")
			out := g.answer([]byte(text), peer, answered(401, reasonNone))
			if len(text) >= 350 && !strings.Contains(string(out), "WWW-Authenticate: Digest realm=") {
				t.Errorf("%s: %d bytes get %q", at, len(text), out)
			}
		}
	}
}

// The same holds for a REGISTER that answers a challenge and goes on to the
// registrar.
func TestWrongPasswordsGetNoMoreThanTheySent(t *testing.T) {
	b := newBench(t)
	for i, algorithm := range []string{"MD5", "SHA-256"} {
		p := udpPeerAt(t, fmt.Sprintf("127.0.7.%d", i+1)).dial(b)
		p.send(p.registration("ana", 1, "User-Agent: "+strings.Repeat("x", 200)))
		challenge := p.response(401, wire.REGISTER)
		text := p.registration("ana", 2, p.authorize(challenge, algorithm, "ana", "wrong", "REGISTER", "sip:pbx.test"), "")
		p.send(text)
		res := p.response(401, wire.REGISTER)
		if n := len(res.String()); n > len(text) {
			t.Errorf("%s: %d bytes get %d:\n%s\n%s", algorithm, len(text), n, text, res)
		}
	}
}
