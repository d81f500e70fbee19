package sip

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// The example of RFC 7616 section 3.9.1: user, password and nonce are its own,
// the responses are those that it gives.
func TestDigestVectors(t *testing.T) {
	c := credentials{
		username: "Mufasa", realm: "http-auth@example.org", uri: "/dir/index.html", qop: "auth", nc: "00000001",
		nonce:  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	s := newSecret("Mufasa", "http-auth@example.org", "Circle of Life")
	if got := c.expected(s.md5, "GET", md5.New); got != "8ca523f5e9506fed4657c9700eebdbec" {
		t.Errorf("MD5 %s", got)
	}
	if got := c.expected(s.sha256, "GET", sha256.New); got != "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" {
		t.Errorf("SHA-256 %s", got)
	}
	// A client without qop: the example of RFC 2069 section 2.4, as its erratum
	// corrects it.
	old := credentials{username: "Mufasa", realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", uri: "/dir/index.html"}
	o := newSecret("Mufasa", "testrealm@host.com", "CircleOfLife")
	if got := old.expected(o.md5, "GET", md5.New); got != "1949323746fe6a43ef61f9606e7febea" {
		t.Errorf("no qop: %s", got)
	}
}

// client is the other side of a digest, made by hand.
type client struct {
	user, password, realm, uri, method, nonce, algorithm string
	nc                                                   int
	legacy                                               bool
}

func (c client) header() string {
	h, s := md5.New, newSecret(c.user, c.realm, c.password)
	ha1 := s.md5
	if c.algorithm == "SHA-256" {
		h, ha1 = sha256.New, s.sha256
	}
	cr := credentials{nonce: c.nonce, uri: c.uri}
	tail := ""
	if !c.legacy {
		cr.qop, cr.nc, cr.cnonce = "auth", fmt.Sprintf("%08x", c.nc), "abc"
		tail = fmt.Sprintf(`, qop=auth, nc=%s, cnonce="abc"`, cr.nc)
	}
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s%s`,
		c.user, c.realm, c.nonce, c.uri, cr.expected(ha1, c.method, h), c.algorithm, tail)
}

func TestDigestServer(t *testing.T) {
	s := newDigestServer("pbx.test", here)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	find := func(user string) (secret, bool) {
		return newSecret("ana", "pbx.test", "secret"), user == "ana"
	}
	check := func(at time.Time, values ...string) verdict {
		req := wire.NewRequest(wire.REGISTER, wire.Uri{Scheme: "sip", Host: "pbx.test"})
		for _, v := range values {
			req.AppendHeader(wire.NewHeader("Authorization", v))
		}
		_, v := s.check(req, find, at)
		return v
	}
	good := func() client {
		return client{"ana", "secret", "pbx.test", "sip:pbx.test", "REGISTER", s.nonce(now, netip.Addr{}), "MD5", 1, false}
	}
	vary := func(f func(*client)) string {
		c := good()
		f(&c)
		return c.header()
	}
	for _, c := range []struct {
		name, header string
		at           time.Time
		want         verdict
	}{
		{"MD5", good().header(), now, verdictOK},
		{"SHA-256", vary(func(c *client) { c.algorithm = "SHA-256" }), now, verdictOK},
		{"no qop", vary(func(c *client) { c.legacy = true }), now, verdictOK},
		{"just in time", good().header(), now.Add(nonceLife), verdictOK},
		{"too late", good().header(), now.Add(nonceLife + time.Second), verdictStale},
		{"wrong password", vary(func(c *client) { c.password = "x" }), now, verdictAsk},
		{"wrong password, too late", vary(func(c *client) { c.password = "x" }), now.Add(time.Hour), verdictAsk},
		{"unknown user", vary(func(c *client) { c.user = "bob" }), now, verdictAsk},
		{"other realm", vary(func(c *client) { c.realm = "x" }), now, verdictAsk},
		{"other method", vary(func(c *client) { c.method = "INVITE" }), now, verdictAsk},
		{"other URI", vary(func(c *client) { c.uri = "sip:else.test" }), now, verdictAsk},
		{"other user", vary(func(c *client) { c.uri = "sip:luis@pbx.test" }), now, verdictAsk},
		{"our address for our domain", vary(func(c *client) { c.uri = "sip:192.0.2.1:5060" }), now, verdictOK},
		{"forged nonce", vary(func(c *client) { c.nonce = newDigestServer("pbx.test", here).nonce(now, netip.Addr{}) }), now, verdictStale},
		{"another host's nonce", vary(func(c *client) { c.nonce = s.nonce(now, netip.MustParseAddr("192.0.2.9")) }), now, verdictStale},
		{"another host's nonce, wrong password", vary(func(c *client) { c.nonce, c.password = s.nonce(now, netip.MustParseAddr("192.0.2.9")), "x" }), now, verdictAsk},
		{"no nonce of ours", vary(func(c *client) { c.nonce = "abc" }), now, verdictStale},
		{"algorithm not offered", vary(func(c *client) { c.algorithm = "SHA-512-256" }), now, verdictAsk},
		{"auth-int", strings.Replace(good().header(), "qop=auth", "qop=auth-int", 1), now, verdictBad},
		{"count 0", vary(func(c *client) { c.nc = 0 }), now, verdictBad},
		{"twice a field", good().header() + `, username="ana"`, now, verdictBad},
		{"no digest", "Basic YW5hOnNlY3JldA==", now, verdictAsk},
		{"8 kB", "Digest " + strings.Repeat("x", 8192), now, verdictBad},
		{"empty", "", now, verdictAsk},
	} {
		if got := check(c.at, c.header); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := check(now); got != verdictAsk {
		t.Errorf("no header: %d", got)
	}
	if got := check(now, vary(func(c *client) { c.realm = "other" }), good().header()); got != verdictOK {
		t.Errorf("second header: %d", got)
	}
}

// A count is good once, within the last 64; without qop a nonce is good once.
func TestReplay(t *testing.T) {
	now := time.Now()
	w := newWindow()
	for i, c := range []struct {
		count uint32
		want  bool
	}{{1, true}, {1, false}, {2, true}, {5, true}, {3, true}, {3, false}, {4, true}, {200, true}, {136, false}, {137, true}, {5, false}, {0, false}} {
		if got := w.take("n", c.count, now.Add(time.Minute), now); got != c.want {
			t.Errorf("step %d: count %d: %v", i, c.count, got)
		}
	}
	if !w.take("legacy", 0, now.Add(time.Minute), now) || w.take("legacy", 0, now.Add(time.Minute), now) {
		t.Error("a nonce without qop has to hold exactly once")
	}
	for i := range windowLimit {
		w.take(fmt.Sprint(i), 1, now.Add(time.Minute), now)
	}
	if len(w.uses) > windowLimit {
		t.Errorf("%d nonces remembered", len(w.uses))
	}
	if w.take("new", 1, now.Add(time.Hour), now) {
		t.Error("room in a full window")
	}
	if !w.take("new", 1, now.Add(time.Hour), now.Add(2*time.Minute)) {
		t.Error("no room after the old ones expired")
	}
}

func TestChallenges(t *testing.T) {
	s := newDigestServer("pbx.test", here)
	for agent, want := range map[string]string{"": "MD5 SHA-256", "Linphone/5": "MD5 SHA-256", "baresip v3.1.0": "MD5 SHA-256", "baresip v1.0.0 (x86_64/linux)": "MD5"} {
		var got []string
		for _, h := range s.challenges(false, agent, time.Now(), netip.Addr{}) {
			_, rest, _ := strings.Cut(h.Value(), "algorithm=")
			algorithm, _, _ := strings.Cut(rest, ",")
			got = append(got, algorithm)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is offered %q", agent, got)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="ana", realm="pbx.test", nonce="n", uri="sip:pbx.test", response="r", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`Digest username="a\"b", realm="", nonce=,,`)
	f.Add(`digest x="`)
	f.Fuzz(func(t *testing.T, value string) {
		c, ok := parseCredentials(value)
		if !ok {
			return
		}
		if c.username == "" || c.realm == "" || c.nonce == "" || c.uri == "" || c.response == "" {
			t.Errorf("incomplete: %+v", c)
		}
		if (c.qop == "") != (c.count == 0) {
			t.Errorf("count %d with qop %q", c.count, c.qop)
		}
	})
}

// here says that the switch is at pbx.test and 192.0.2.1.
func here(uri *wire.Uri) bool { return uri.Host == "pbx.test" || uri.Host == "192.0.2.1" }
