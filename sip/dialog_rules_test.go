package sip

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// early is the text of a request of a phone that an INVITE went to, within the
// early dialog of its tag.
func (p *peer) early(invite *wire.Request, method string, seq int, tag string) string {
	return strings.Join([]string{
		method + " " + invite.Contact().Address.String() + " SIP/2.0", p.via(fmt.Sprint(tag, seq)), "Max-Forwards: 70",
		"From: " + invite.To().Value() + ";tag=" + tag, "To: " + invite.From().Value(), "Call-ID: " + invite.CallID().Value(),
		fmt.Sprintf("CSeq: %d %s", seq, method), "Contact: <sip:ana@" + p.addr.String() + ">",
		"Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(testSDP)), "", testSDP,
	}, "\r\n")
}

// An offer that crosses one of ours is refused with 491 (RFC 3261 section 14.2,
// RFC 3311 section 5.2), in each phone's own dialog, and costs nothing.
func TestOfferCrossesOurs(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		q, hangToo := b.hub.peer(t, b, "10.0.0.4:5060")
		defer hangToo()
		_, invites := ring(t, b, p, q)
		p.reply(invites[0], 180, "p")
		next[call.LegProgress](t, b.lines)
		p.send(p.early(invites[0], "UPDATE", 50, "p"))
		p.response(491, wire.UPDATE)
		q.send(q.early(invites[1], "UPDATE", 7, "q")) // another dialog counts for itself
		q.response(491, wire.UPDATE)
		p.send(p.early(invites[0], "UPDATE", 49, "p"))
		p.response(500, wire.UPDATE)
		p.reply(invites[0], 200, "p", testSDP)
		next[call.LegAnswered](t, b.lines)
		p.request(wire.ACK)
		p.send(p.early(invites[0], "UPDATE", 48, "p"))
		p.response(500, wire.UPDATE)
		p.send(p.early(invites[0], "UPDATE", 51, "p"))
		next[call.LegOffered](t, b.lines)
	}, Trunk{Name: "carrier", Address: "10.0.0.2"})
}

// While our offer in a 200 waits for its answer, the caller's own offer is
// refused with 491; the answer in the ACK is taken all the same.
func TestOfferCrossesLateOffer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		head, _, _ := strings.Cut(p.invite("late", "late"), "Content-Type")
		p.send(head + "Content-Length: 0\r\n\r\n")
		in := <-b.lines.arrivals
		b.Answer(in.Leg, []byte("our offer"))
		ok := p.response(200, wire.INVITE)
		for i, method := range []string{"INVITE", "UPDATE"} {
			p.send(p.within(ok, method, 2+i, method, testSDP))
			p.response(491, wire.RequestMethod(method))
		}
		p.send(p.within(ok, "ACK", 1, "ack", testSDP))
		if got := next[call.LegAccepted](t, b.lines); string(got.SDP) != testSDP {
			t.Errorf("%+v", got)
		}
		p.send(p.within(ok, "INVITE", 4, "again", testSDP))
		next[call.LegOffered](t, b.lines)
	}, hubCarrier())
}

// A callee that answers our own INVITE with 491 has it acknowledged, and the
// call hears why.
func TestCalleeHasGlare(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, invites := ring(t, b, p)
		p.reply(invites[0], 491, "x")
		p.request(wire.ACK)
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseFailed || gone.Cause.Code != 491 {
			t.Errorf("gone %+v", gone)
		}
	})
}

// On the wire, a count that goes back too far or was used is asked for anew, one
// that was merely overtaken is good, and what was made for another method is not.
func TestCountsAndMethodsOnTheWire(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.send(p.registration("ana", 1))
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(headerValue(p.response(401, wire.REGISTER), "WWW-Authenticate"))[1]
	for i, c := range []struct {
		name   string
		nc     int
		method string
		status int
		stale  bool
	}{
		{"first", 70, "REGISTER", 200, false},
		{"used", 70, "REGISTER", 401, true},
		{"overtaken", 69, "REGISTER", 200, false},
		{"too far back", 3, "REGISTER", 401, true},
		{"another method's", 71, "INVITE", 401, false},
		{"the right method's", 71, "REGISTER", 200, false},
		{"another method's, used", 70, "OPTIONS", 401, false},
	} {
		auth := client{"ana", "secret", "pbx.test", "sip:pbx.test", c.method, nonce, "MD5", c.nc, false}.header()
		p.send(p.registration("ana", 2+i, "Authorization: "+auth))
		res := p.final(wire.REGISTER)
		if stale := contains(headerValue(res, "WWW-Authenticate"), "stale=true"); res.StatusCode != c.status || stale != c.stale {
			t.Errorf("%s: %d, stale %v", c.name, res.StatusCode, stale)
		}
	}
}

// evil calls with names and URIs that would add headers, were they copied or
// unescaped into those of another leg.
func (p *peer) evil(id, name string) string {
	const inject = "%0d%0aX-Evil:%201%0D%0A%00"
	text := p.invite(id, id, `P-Asserted-Identity: "`+name+inject+`" <sip:+34600`+inject+`@carrier.test>`,
		"Diversion: <sip:+34911"+inject+"@carrier.test>;reason=unconditional")
	text = strings.Replace(text, `"María" <sip:+34600111222@`, `"`+name+inject+`" <sip:+34600`+inject+`@`, 1)
	return strings.Replace(text, "sip:+34910000001@"+p.server.String(), "sip:+34910000001"+inject+"@"+p.server.String(), 1)
}

// What a caller writes into names and URIs, 4 kB of it or escaped line ends,
// reaches no header of the other leg but as a short name in quotes.
func TestNothingReachesTheOtherLeg(t *testing.T) {
	for _, name := range []string{"x", strings.Repeat("ñ", 2048), `a\"b\\`} {
		p, q := udpPeer(t), udpPeerAt(t, "127.0.0.2")
		trunk := carrierAt(q)
		trunk.Name = "away"
		b := newBench(t, carrierAt(p), trunk)
		p.dial(b)
		q.dial(b)
		phone := udpPeerAt(t, "127.0.0.3").dial(b)
		phone.register("ana", "secret", 1)
		p.send(p.evil("evil", name))
		in := <-b.lines.arrivals
		if n := utf8.RuneCountInString(in.Name); n > maxName || n == 0 {
			t.Errorf("a name of %d characters", n)
		}
		b.Invite(in.Call.Leg(2), call.Target{User: "ana", Show: call.Party{Name: in.Name, Number: in.Caller}}, []byte(testSDP))
		plain(t, phone.request(wire.INVITE))
		b.Invite(in.Call.Leg(3), call.Target{Trunk: "away", Number: in.Called, CallerID: in.Caller, Diverted: in.Diverted}, []byte(testSDP))
		plain(t, q.request(wire.INVITE))
	}
}

var inQuotes = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// plain fails unless an INVITE has only the headers that ours have, none of
// them long, and no trace of an escaped line end outside quotes.
func plain(t *testing.T, invite *wire.Request) {
	t.Helper()
	const ours = "Via Max-Forwards From To Call-ID CSeq Allow User-Agent Content-Type Contact Content-Length P-Asserted-Identity Diversion " +
		"Supported Session-Expires"
	head, _, _ := strings.Cut(invite.String(), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains(" "+ours+" ", " "+name+" ") {
			t.Errorf("a header of the caller's: %q", line)
		}
	}
	for _, line := range lines {
		bare := strings.ToLower(inQuotes.ReplaceAllString(line, ""))
		if len(line) > 600 || strings.ContainsAny(line, "\r\n\x00") || strings.Contains(bare, "%0") {
			t.Errorf("%q", line)
		}
	}
}

// A password is checked with the same work whether or not its user exists.
func TestSameWorkForNobody(t *testing.T) {
	s := newDigestServer("pbx.test", here)
	now := time.Now()
	ana := newSecret("ana", "pbx.test", "secret")
	find := func(user string) (secret, bool) {
		if user == "ana" {
			return ana, true
		}
		return secret{}, false
	}
	for _, algorithm := range []string{"MD5", "SHA-256", "SHA-512-256"} {
		for _, legacy := range []bool{false, true} {
			work := map[string]float64{}
			for _, user := range []string{"ana", "abc"} {
				req := parsed(t, "sip:pbx.test", "<sip:"+user+"@pbx.test>;tag=1")
				nonce := s.nonce(now, sourceOf(req).Addr())
				auth := client{user, "wrong", "pbx.test", "sip:pbx.test", "INVITE", nonce, algorithm, 1, legacy}.header()
				req.AppendHeader(wire.NewHeader("Authorization", auth))
				// Every hash allocates its state and its text.
				work[user] = testing.AllocsPerRun(100, func() {
					if _, v := s.check(req, find, now); v != verdictAsk {
						t.Fatalf("%s: %d", user, v)
					}
				})
			}
			if work["ana"] != work["abc"] {
				t.Errorf("%s, legacy %v: %v", algorithm, legacy, work)
			}
		}
	}
}

// Whoever guesses hears the same of a user that exists and of one that does not,
// word for word, until and after the ban.
func TestSameAnswersForNobody(t *testing.T) {
	secrets := regexp.MustCompile(`nonce="[^"]+"|;tag=[\w-]+|branch=\S+`)
	heard := map[string]string{}
	for _, user := range []string{"ana", "abc"} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			text := ""
			for guess := range 12 {
				time.Sleep(time.Second) // strangers have only so many answers
				p.send(p.registration(user, 2*guess+1))
				res := p.response(401, wire.REGISTER)
				auth := p.authorize(res, "MD5", user, "wrong", "REGISTER", "sip:pbx.test")
				if guess == 5 {
					auth = strings.Replace(auth, "nc=00000001", "nc=00000000", 1)
				}
				p.send(p.registration(user, 2*guess+2, auth))
				text += res.String() + p.final(wire.REGISTER).String()
			}
			heard[user] = strings.ReplaceAll(secrets.ReplaceAllString(text, ""), user, "USER")
		})
	}
	if heard["ana"] != heard["abc"] || !contains(heard["ana"], "403 Forbidden") || !contains(heard["ana"], "400 Bad Request") {
		t.Errorf("ana: %s\nabc: %s", heard["ana"], heard["abc"])
	}
}
