package sip

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// attempt sends a REGISTER with credentials for a challenge that is made
// afresh, changed as given, and returns the answer.
func attempt(p *peer, seq int, user, password string, change func(auth string) string, extra ...string) *wire.Response {
	p.t.Helper()
	p.send(p.registration("ana", seq))
	auth := p.authorize(p.response(401, wire.REGISTER), "MD5", user, password, "REGISTER", "sip:pbx.test")
	p.send(p.registration("ana", seq+1, append([]string{change(auth)}, extra...)...))
	return p.final(wire.REGISTER)
}

// Credentials that are wrong in any way get in nobody, and are answered alike.
func TestHostileCredentials(t *testing.T) {
	same := func(auth string) string { return auth }
	replace := func(from, to string) func(string) string {
		return func(auth string) string {
			if !strings.Contains(auth, from) {
				t.Fatalf("%q is not in %q", from, auth)
			}
			return strings.Replace(auth, from, to, 1)
		}
	}
	for i, c := range []struct {
		name, user, password string
		change               func(string) string
		status               int
	}{
		{"right", "ana", "secret", same, 200},
		{"wrong password", "ana", "x", same, 401},
		{"unknown user", "nobody", "secret", same, 401},
		{"of somebody else", "eva", "geheim", same, 403},
		{"other realm", "ana", "secret", replace(`realm="pbx.test"`, `realm="else.test"`), 401},
		{"other URI", "ana", "secret", replace(`uri="sip:pbx.test"`, `uri="sip:else.test"`), 401},
		{"other response", "ana", "secret", replace(`response="`, `response="0`), 401},
		{"count 0", "ana", "secret", replace("nc=00000001", "nc=00000000"), 400},
		{"8 kB", "ana", "secret", replace(`cnonce="`, `cnonce="`+strings.Repeat("x", 7000)), 400},
		{"half a field", "ana", "secret", replace(`username="`, `username=`), 400},
		{"twice a field", "ana", "secret", replace("Digest ", `Digest realm="x", `), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			p := udpPeerAt(t, fmt.Sprintf("127.0.1.%d", i+1)).dial(b)
			res := attempt(p, 1, c.user, c.password, c.change)
			if res.StatusCode != c.status {
				t.Errorf("%d, want %d", res.StatusCode, c.status)
			}
			want := 0
			if c.status == 200 {
				want = 1
			}
			if n := len(b.Registrations()); n != want {
				t.Errorf("%d phones", n)
			}
			if stale := strings.Contains(headerValue(res, "WWW-Authenticate"), "stale"); stale {
				t.Errorf("stale in %s", res)
			}
		})
	}
}

// The same credentials a second time, and a count that goes back, are asked
// for anew; whoever listened in on them gets nothing.
func TestReplayedCredentials(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.send(p.registration("ana", 1))
	challenge := p.response(401, wire.REGISTER)
	auth := p.authorize(challenge, "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")
	p.send(p.registration("ana", 2, auth))
	p.response(200, wire.REGISTER)
	p.send(p.registration("ana", 3, auth))
	if res := p.response(401, wire.REGISTER); !strings.Contains(headerValue(res, "WWW-Authenticate"), "stale=true") {
		t.Errorf("%s", res)
	}
	thief := udpPeerAt(t, "127.0.0.2").dial(b)
	thief.send(thief.registration("ana", 4, auth))
	thief.response(401, wire.REGISTER)
	if all := b.Registrations(); len(all) != 1 || all[0].Source != p.addr {
		t.Errorf("bindings %+v", all)
	}
}

// A user that exists and one that does not get the same answers, apart from
// the nonce and our tag.
func TestUsersAreNotToldApart(t *testing.T) {
	b := newBench(t)
	var texts []string
	for i, user := range []string{"ana", "abc"} {
		p := udpPeerAt(t, fmt.Sprintf("127.0.2.%d", i+1)).dial(b)
		text := ""
		for _, password := range []string{"", "wrong"} {
			res := attempt(p, 1, user, password+"x", func(auth string) string { return auth })
			var names []string
			for _, h := range res.Headers() {
				names = append(names, h.Name())
			}
			text += fmt.Sprint(res.StatusCode, names, len(headerValue(res, "WWW-Authenticate")), "\n")
			p = udpPeerAt(t, fmt.Sprintf("127.0.2.%d", i+11)).dial(b)
		}
		texts = append(texts, text)
	}
	if texts[0] != texts[1] {
		t.Errorf("ana: %s\nabc: %s", texts[0], texts[1])
	}
}

// Requests that belong to a dialog in part, or come in the wrong order, change
// nothing in it.
func TestHostileInDialog(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	in := arrived(t, b, p, "hostile")
	b.Answer(in.Leg, []byte(testSDP))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	tag := tagOf(ok.To().Params)
	for i, c := range []struct {
		name, method, from, to string
		seq, status            int
	}{
		{"other To tag", "BYE", ";tag=" + tag, ";tag=x" + tag, 5, 481},
		{"other From tag", "BYE", ";tag=fromhostile", ";tag=x", 5, 481},
		{"other Call-ID", "BYE", "Call-ID: hostile", "Call-ID: else", 5, 481},
		{"too few hops", "INVITE", "Max-Forwards: 70", "Max-Forwards: 0", 6, 483},
		{"lower CSeq", "INFO", "", "", 1, 500},
		{"lower CSeq of a BYE", "BYE", "", "", 0, 500},
		{"CANCEL after 200", "CANCEL", "", "", 1, 481},
	} {
		text := strings.Replace(p.within(ok, c.method, c.seq, fmt.Sprint("h", i)), c.from, c.to, 1)
		p.send(text)
		if res := p.final(wire.RequestMethod(c.method)); res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, res.StatusCode, c.status)
		}
	}
	p.send(p.within(ok, "BYE", 9, "bye"))
	p.response(200, wire.BYE)
	next[call.LegGone](t, b.lines)
	p.send(p.within(ok, "INVITE", 10, "afterbye", testSDP))
	p.response(481, wire.INVITE)
	if n := testutil.ToFloat64(b.meter.refused[reasonDialog]); n < 4 {
		t.Errorf("%v refused", n)
	}
}
