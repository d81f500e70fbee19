package sip

import (
	"fmt"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// dialing is the text of an INVITE by which a user's phone calls out. A line
// among the extra ones takes the place of that header; without testSDP there is
// no body.
func (p *peer) dialing(user, callID string, seq int, uri string, extra ...string) string {
	body := ""
	lines := []string{"INVITE " + uri + " SIP/2.0", p.via(fmt.Sprintf("%s%d", callID, seq)), "Max-Forwards: 70"}
	given := map[string]bool{}
	for _, line := range extra {
		if line == testSDP {
			body, line = line, "Content-Type: application/sdp"
		}
		name, _, _ := strings.Cut(line, ":")
		given[name] = true
		lines = append(lines, line)
	}
	for _, line := range []string{"From: <sip:" + user + "@pbx.test>;tag=from" + callID, "To: <" + uri + ">", "Call-ID: " + callID,
		fmt.Sprintf("CSeq: %d INVITE", seq), "Contact: <sip:" + user + "@" + p.addr.String() + ">"} {
		if name, _, _ := strings.Cut(line, ":"); !given[name] {
			lines = append(lines, line)
		}
	}
	return strings.Join(append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body), "\r\n")
}

// ackDialing is the ACK of a refusal of such an INVITE.
func (p *peer) ackDialing(callID string, seq int, uri string, res *wire.Response) {
	p.send(strings.Join([]string{"ACK " + uri + " SIP/2.0", p.via(fmt.Sprintf("%s%d", callID, seq)), "Max-Forwards: 70",
		"From: " + res.From().Value(), "To: " + res.To().Value(), "Call-ID: " + callID, fmt.Sprintf("CSeq: %d ACK", seq),
		"Content-Length: 0", "", ""}, "\r\n"))
}

// challenged sends an INVITE without credentials and returns what it has to
// carry the next time.
func (p *peer) challenged(user, password, callID, uri string, extra ...string) string {
	p.t.Helper()
	p.send(p.dialing(user, callID, 1, uri, extra...))
	res := p.final(wire.INVITE)
	if res.StatusCode != 401 {
		p.t.Fatalf("got %d, want 401", res.StatusCode)
	}
	p.ackDialing(callID, 1, uri, res)
	return p.authorize(res, "SHA-256", user, password, "INVITE", uri)
}

const somebody = "sip:0034600111222@pbx.test"

// dials has a user's phone call out, with credentials.
func dials(t *testing.T, b *bench, p *peer, user, password, callID string, extra ...string) call.Origination {
	t.Helper()
	extra = append([]string{testSDP}, extra...)
	auth := p.challenged(user, password, callID, somebody, extra...)
	p.send(p.dialing(user, callID, 2, somebody, append(extra, auth)...))
	p.response(100, wire.INVITE)
	return <-b.lines.dialed
}

func TestDialedCall(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			b := newBench(t)
			p := udpPeer(t).dial(b)
			if network == "tcp" {
				p = tcpPeer(t, b)
			}
			p.register("ana", "secret", 1)
			in := dials(t, b, p, "ana", "secret", "out")
			if in.User != "ana" || in.Dialed != "0034600111222" || string(in.SDP) != testSDP || in.Source != "127.0.0.1" || in.Leg != in.Call.Leg(1) {
				t.Fatalf("origination %+v", in)
			}
			// Early media, then the same SDP in the answer.
			b.Progress(in.Leg, 180, []byte("ours"))
			ringing := p.response(180, wire.INVITE)
			b.Answer(in.Leg, []byte("ours"))
			ok := p.response(200, wire.INVITE)
			if string(ringing.Body()) != "ours" || string(ok.Body()) != "ours" || tagOf(ringing.To().Params) != tagOf(ok.To().Params) {
				t.Fatalf("180 %s\n200 %s", ringing, ok)
			}
			p.send(p.within(ok, "ACK", 2, "ack"))
			p.send(p.within(ok, "INVITE", 3, "hold", testSDP))
			next[call.LegOffered](t, b.lines)
			b.Reanswer(in.Leg, []byte("held"))
			p.response(200, wire.INVITE)
			p.send(p.within(ok, "ACK", 3, "ack3"))
			b.Release(in.Leg, call.Cause{Kind: call.CauseNormal})
			p.reply(p.request(wire.BYE), 200, "")
		})
	}
}

func TestDialedCancel(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	in := dials(t, b, p, "ana", "secret", "gaveup")
	p.send(strings.Replace(strings.Replace(p.dialing("ana", "gaveup", 2, somebody), "INVITE sip", "CANCEL sip", 1), "2 INVITE", "2 CANCEL", 1))
	p.response(200, wire.CANCEL)
	p.response(487, wire.INVITE)
	if gone := next[call.LegGone](t, b.lines); gone.Leg != in.Leg || gone.Cause.Kind != call.CauseCancelled {
		t.Errorf("gone %+v", gone)
	}
}

// What a user calls is text, and never more than a number.
func TestDialedNumber(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	for i, c := range []struct {
		uri, dialed string
		status      int
	}{
		{"sip:%2B34600111222@pbx.test", "+34600111222", 100},
		{"sip:102;phone-context=x@pbx.test", "102", 100},
		{"sip:*9102%23@pbx.test", "*9102#", 100},
		{"tel:+34-600-111-222;x=y", "+34-600-111-222", 100},
		{"sip:jos%C3%A9@pbx.test", "josé", 100},
		{"sip:" + strings.Repeat("1", 64) + "@pbx.test", strings.Repeat("1", 64), 100},
		{"sip:" + strings.Repeat("1", 65) + "@pbx.test", "", 400},
		{"sip:1%0d%0aX:%20y@pbx.test", "", 400},
		{"sip:1%00@pbx.test", "", 400},
		{"sip:1%E2%80%AE@pbx.test", "", 400},
		{"sip:1%FF@pbx.test", "", 400},
		{"sip:pbx.test", "", 484},
	} {
		id := fmt.Sprintf("n%d", i)
		auth := p.challenged("ana", "secret", id, c.uri, testSDP)
		p.send(p.dialing("ana", id, 2, c.uri, testSDP, auth))
		res := p.response(c.status, wire.INVITE)
		if c.status != 100 {
			p.ackDialing(id, 2, c.uri, res)
			continue
		}
		in := <-b.lines.dialed
		if in.Dialed != c.dialed {
			t.Errorf("%s: %q, want %q", c.uri, in.Dialed, c.dialed)
		}
		b.Release(in.Leg, call.Cause{Kind: call.CauseFailed, Code: 404})
		p.ackDialing(id, 2, c.uri, p.response(404, wire.INVITE))
	}
}

// Whoever authenticates as ana is ana and nobody else.
func TestDialedIdentity(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	for i, line := range []string{
		"From: <sip:eva@pbx.test>;tag=1", "From: <sip:pbx.test>;tag=1",
		"P-Asserted-Identity: <sip:eva@pbx.test>", "P-Asserted-Identity: <sip:ana@pbx.test>, <tel:+34911111111>",
		"Remote-Party-ID: <sip:eva@pbx.test>;party=calling", "P-Preferred-Identity: garbage<",
	} {
		id := fmt.Sprintf("i%d", i)
		auth := p.challenged("ana", "secret", id, somebody, testSDP, line)
		p.send(p.dialing("ana", id, 2, somebody, testSDP, line, auth))
		p.ackDialing(id, 2, somebody, p.response(403, wire.INVITE))
	}
	in := dials(t, b, p, "ana", "secret", "herself", "P-Asserted-Identity: <sip:ana@pbx.test>")
	if in.User != "ana" {
		t.Errorf("%+v", in)
	}
	if n := len(b.lines.dialed); n != 0 {
		t.Errorf("%d more calls", n)
	}
}

// A wrong password, a user that does not exist and one that does get the same.
func TestDialedWithoutCredentials(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	for _, user := range []string{"ana", "eva", "nobody"} {
		auth := p.challenged(user, "guess", "guess"+user, somebody, testSDP)
		p.send(p.dialing(user, "guess"+user, 2, somebody, testSDP, auth))
		p.ackDialing("guess"+user, 2, somebody, p.response(401, wire.INVITE))
	}
	// Replayed credentials are stale.
	dials(t, b, p, "ana", "secret", "first")
	auth := p.challenged("ana", "secret", "second", somebody, testSDP)
	p.send(p.dialing("ana", "second", 2, somebody, testSDP, auth))
	p.response(100, wire.INVITE)
	p.send(p.dialing("ana", "third", 2, somebody, testSDP, auth))
	if res := p.response(401, wire.INVITE); !contains(headerValue(res, "WWW-Authenticate"), "stale=true") {
		t.Errorf("%s", res)
	}
	if n := len(b.lines.dialed); n != 1 {
		t.Errorf("%d calls, want the second alone", n)
	}
}

// A user without a registration may call out with credentials for a challenge
// that went to the same address; without them a stranger is refused.
func TestDialedUnregistered(t *testing.T) {
	b := newBench(t)
	p := udpPeerAt(t, "127.0.0.9").dial(b)
	p.send(p.dialing("ana", "cold", 1, somebody, testSDP))
	p.ackDialing("cold", 1, somebody, p.response(403, wire.INVITE))
	p.send(p.registration("ana", 1))
	challenge := p.response(401, wire.REGISTER)
	auth := p.authorize(challenge, "MD5", "ana", "secret", "INVITE", somebody)
	p.send(p.dialing("ana", "warm", 1, somebody, testSDP, auth))
	p.response(100, wire.INVITE)
	if in := <-b.lines.dialed; in.User != "ana" || in.Source != "127.0.0.9" {
		t.Errorf("%+v", in)
	}
	thief := udpPeerAt(t, "127.0.0.10").dial(b)
	thief.send(thief.dialing("ana", "stolen", 1, somebody, testSDP, auth))
	thief.response(403, wire.INVITE)
}

// One user makes four calls at a time; each that is answered or over makes room.
func TestDialingLimit(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	var calls []call.Origination
	for i := range maxDialing {
		calls = append(calls, dials(t, b, p, "ana", "secret", fmt.Sprintf("c%d", i)))
	}
	refused := func(id string) {
		t.Helper()
		auth := p.challenged("ana", "secret", id, somebody, testSDP)
		p.send(p.dialing("ana", id, 2, somebody, testSDP, auth))
		res := p.response(503, wire.INVITE)
		if res.GetHeader("Retry-After") == nil {
			t.Errorf("%s", res)
		}
		p.ackDialing(id, 2, somebody, res)
	}
	refused("five")
	b.Answer(calls[0].Leg, []byte("answer"))
	p.send(p.within(p.response(200, wire.INVITE), "ACK", 2, "ack"))
	dials(t, b, p, "ana", "secret", "six")
	refused("seven")
	b.Release(calls[1].Leg, call.Cause{Kind: call.CauseBusy})
	p.ackDialing("c1", 2, somebody, p.response(486, wire.INVITE))
	dials(t, b, p, "ana", "secret", "eight")
}

func TestDialedLoops(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	p.send(strings.Replace(p.dialing("ana", "hops", 1, somebody, testSDP), "Max-Forwards: 70", "Max-Forwards: 0", 1))
	p.response(483, wire.INVITE)
	auth := p.challenged("ana", "secret", "merged", somebody, testSDP)
	p.send(p.dialing("ana", "merged", 2, somebody, testSDP, auth))
	p.response(100, wire.INVITE)
	again := p.dialing("ana", "merged", 2, somebody, testSDP, p.challenged("ana", "secret", "other", somebody, testSDP))
	p.send(strings.Replace(again, "z9hG4bKmerged2", "z9hG4bKother", 1))
	p.response(482, wire.INVITE)
}

// A call of a user that needs what we do not have.
func TestDialedExtension(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 1)
	p.send(p.dialing("ana", "replaces", 1, somebody, testSDP, "Require: replaces", "Replaces: x;to-tag=a;from-tag=b"))
	if res := p.response(420, wire.INVITE); headerValue(res, "Unsupported") != "replaces" {
		t.Errorf("%s", res)
	}
}

// TestDialedBesideATrunk: a phone and a carrier at one address, behind one NAT
// or on one machine, are told apart by what registered from where.
func TestDialedBesideATrunk(t *testing.T) {
	carrier := udpPeer(t)
	b := newBench(t, carrierAt(carrier))
	carrier.dial(b)
	phone := udpPeer(t).dial(b)
	phone.register("ana", "secret", 1)
	if got := dials(t, b, phone, "ana", "secret", "out"); got.User != "ana" || got.Dialed != "0034600111222" {
		t.Errorf("dialed %+v", got)
	}
	carrier.send(carrier.invite("in", "in"))
	if got := <-b.lines.arrivals; got.Trunk != "carrier" {
		t.Errorf("arrived %+v", got)
	}
	// A carrier that knows nothing of our users stays one.
	stranger := udpPeer(t).dial(b)
	stranger.send(stranger.invite("else", "else"))
	if got := <-b.lines.arrivals; got.Trunk != "carrier" {
		t.Errorf("arrived %+v", got)
	}
}
