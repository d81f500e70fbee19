package sip

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	wire "github.com/emiago/sipgo/sip"
)

// FuzzDigest: credentials open the door only when their response is the hash
// over the very fields that they carry, made with the user's password and a
// nonce of ours; and they open it once. NONCE and RESPONSE stand for a fresh
// nonce and for the right response to the other fields.
func FuzzDigest(f *testing.F) {
	for _, seed := range []string{
		`Digest username="ana",realm="pbx.test",nonce="NONCE",uri="sip:pbx.test",response="RESPONSE",qop=auth,nc=00000001,cnonce="c"`,
		`Digest username="ana",realm="pbx.test",nonce="NONCE",uri="sip:pbx.test",response="RESPONSE",algorithm=SHA-256,qop="auth",nc=ffffffff,cnonce="c"`,
		`digest username="ana", realm="pbx.test", nonce="NONCE", uri="sip:192.0.2.1", response="RESPONSE", opaque=""`,
		`Digest username="\a\n\a",realm="pbx.test",nonce="NONCE",uri="sip:pbx.test",response="0",qop=auth,nc=00000001,cnonce=","`,
	} {
		f.Add(seed, "secret")
		f.Add(seed, "guess")
	}
	source := netip.MustParseAddrPort("192.0.2.9:5060")
	users := func(user string) (secret, bool) { return newSecret("ana", "pbx.test", "secret"), user == "ana" }
	f.Fuzz(func(t *testing.T, value, password string) {
		if strings.ContainsAny(value, "\r\n\x00") {
			return
		}
		s, now := newDigestServer("pbx.test", here), time.Now()
		value = strings.ReplaceAll(value, "NONCE", s.nonce(now, source.Addr()))
		given, ok := parseCredentials(value)
		if ok {
			value = strings.Replace(value, "RESPONSE", response(given, password), 1)
			given, ok = parseCredentials(value)
		}
		req := wire.NewRequest(wire.REGISTER, parsedURI(t, "sip:pbx.test"))
		req.SetSource(source.String())
		req.AppendHeader(header("Authorization", value))
		user, outcome := s.check(req, users, now)
		if outcome == verdictBad {
			if ok && len(value) <= maxAuthorization && strings.EqualFold(strings.SplitN(value, " ", 2)[0], "digest") {
				t.Fatalf("%q is read as %+v and refused as unreadable", value, given)
			}
			return
		}
		if outcome != verdictOK {
			return
		}
		if user != "ana" || !ok || given.realm != "pbx.test" || !strings.EqualFold(given.response, response(given, "secret")) {
			t.Fatalf("%q is taken for %q", value, user)
		}
		if _, ours := s.opened(given.nonce, source.Addr()); !ours {
			t.Fatalf("%q is taken with a nonce that is not ours", value)
		}
		if _, again := s.check(req, users, now); again != verdictStale {
			t.Fatalf("%q is taken twice", value)
		}
	})
}

// response is the digest of RFC 7616 section 3.4.1, computed apart from the
// server's.
func response(c credentials, password string) string {
	hash := func(parts ...string) string {
		text := []byte(strings.Join(parts, ":"))
		if strings.EqualFold(c.algorithm, "SHA-256") {
			return fmt.Sprintf("%x", sha256.Sum256(text))
		}
		return fmt.Sprintf("%x", md5.Sum(text))
	}
	door := hash("REGISTER", c.uri)
	who := hash(c.username, "pbx.test", password)
	if c.qop == "" {
		return hash(who, c.nonce, door)
	}
	return hash(who, c.nonce, c.nc, c.cnonce, c.qop, door)
}

// FuzzForgery: a nonce of ours in which anything was changed, or that is shown
// from elsewhere, is not ours.
func FuzzForgery(f *testing.F) {
	f.Add(uint8(0), byte(1), uint8(9))
	f.Add(uint8(26), byte(6), uint8(9)) // bits that only fill the last letter
	f.Add(uint8(200), byte(0), uint8(8))
	s, now := newDigestServer("pbx.test", here), time.Now()
	f.Fuzz(func(t *testing.T, at uint8, flip byte, host uint8) {
		ours := netip.AddrFrom4([4]byte{192, 0, 2, 9})
		from := netip.AddrFrom4([4]byte{192, 0, 2, host})
		nonce := []byte(s.nonce(now, ours))
		nonce[int(at)%len(nonce)] ^= flip
		made, ok := s.opened(string(nonce), from)
		if ok != (flip == 0 && from == ours) {
			t.Fatalf("changed by %x at %d, shown by %s: ours %v", flip, at, from, ok)
		}
		if ok && made.Unix() != now.Unix() {
			t.Fatalf("made at %v, not %v", made, now)
		}
	})
}

// FuzzParameters: credentials are read as they were written, whatever a phone
// puts into them.
func FuzzParameters(f *testing.F) {
	f.Add("ana", `a"b\,=`, "sip:pbx.test", "", uint32(0), false)
	f.Add("ana garcía", "n", `sip:a@b;x="y"`, "SHA-256", uint32(255), true)
	f.Fuzz(func(t *testing.T, username, nonce, uri, algorithm string, count uint32, qop bool) {
		for _, text := range []string{username, nonce, uri, algorithm} {
			if !utf8.ValidString(text) {
				return
			}
		}
		want := credentials{username: username, realm: "pbx.test", nonce: nonce, uri: uri, response: "r", algorithm: algorithm}
		value := fmt.Sprintf("Digest username=%s, realm=\"pbx.test\",nonce=%s,\turi=%s, response=r, opaque=\"x,y\"", quoted(username), quoted(nonce), quoted(uri))
		if algorithm != "" {
			value += ", Algorithm = " + quoted(algorithm)
		}
		if qop {
			want.qop, want.cnonce, want.nc, want.count = "auth", "c", fmt.Sprintf("%08x", count), count
			value += fmt.Sprintf(", qop=auth, nc=%08x, cnonce=c", count)
		}
		got, ok := parseCredentials(value)
		if sound := username != "" && nonce != "" && uri != "" && (!qop || count > 0); ok != sound || ok && got != want {
			t.Fatalf("%q is read as %+v, %v; want %+v", value, got, ok, want)
		}
	})
}

// quoted writes a quoted string, whatever is in it.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
