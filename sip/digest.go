package sip

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // most telephones know no other algorithm (RFC 7616)
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"net/netip"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	nonceLife        = 5 * time.Minute
	maxAuthorization = 2048       // bytes of one Authorization header
	nonceRaw         = 4 + 4 + 12 // short: a stranger is not to get more bytes than it sent
)

// secret is what a user's password becomes: H(user:realm:password), in hex.
type secret struct{ md5, sha256 string }

func newSecret(user, realm, password string) secret {
	a1 := user + ":" + realm + ":" + password
	return secret{md5: sum(md5.New, a1), sha256: sum(sha256.New, a1)}
}

func sum(h func() hash.Hash, s string) string {
	d := h()
	_, _ = d.Write([]byte(s)) // a hash cannot fail
	return hex.EncodeToString(d.Sum(nil))
}

// digestServer checks digest credentials (RFC 7616, RFC 8760). A nonce carries
// its time and is signed, so that none has to be stored until it was used well.
type digestServer struct {
	realm  string
	key    [32]byte
	nobody secret // stands in for users that do not exist
	used   *window
	names  func(*wire.Uri) bool // whether a URI's host is the switch
}

func newDigestServer(realm string, names func(*wire.Uri) bool) *digestServer {
	s := &digestServer{realm: realm, used: newWindow(), names: names}
	_, _ = rand.Read(s.key[:]) // never fails: the program ends instead
	s.nobody = newSecret("", realm, rand.Text())
	return s
}

// verdict is the outcome of a check.
type verdict uint8

const (
	verdictAsk   verdict = iota // no or wrong credentials: challenge
	verdictStale                // right credentials for an old or used nonce
	verdictBad                  // not to be parsed
	verdictOK
)

// check verifies a request's credentials and returns the user that they claim
// to be. It does the
// same work for a user that does not exist as for one that does.
func (s *digestServer) check(req *wire.Request, find func(string) (secret, bool), at time.Time) (string, verdict) {
	answer, claimed := verdictAsk, ""
	for i, h := range req.GetHeaders("Authorization") {
		if i == 4 || len(h.Value()) > maxAuthorization {
			return claimed, verdictBad
		}
		if scheme, _, _ := strings.Cut(h.Value(), " "); !strings.EqualFold(scheme, "Digest") {
			continue
		}
		c, ok := parseCredentials(h.Value())
		if !ok {
			return claimed, verdictBad
		}
		claimed = c.username
		if c.realm != s.realm || !c.fits(req, s.names) {
			continue
		}
		switch v := s.verify(c, req, find, at); v {
		case verdictOK:
			return c.username, v
		case verdictStale:
			answer = v
		case verdictAsk, verdictBad:
		}
	}
	return claimed, answer
}

// verify checks one set of credentials.
func (s *digestServer) verify(c credentials, req *wire.Request, find func(string) (secret, bool), at time.Time) verdict {
	known, exists := find(c.username)
	if !exists {
		known = s.nobody
	}
	ha1, h := known.md5, md5.New
	switch strings.ToUpper(c.algorithm) {
	case "", "MD5":
	case "SHA-256":
		ha1, h = known.sha256, sha256.New
	default:
		return verdictAsk
	}
	want := c.expected(ha1, string(req.Method), h)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.response))) == 1
	made, ours := s.opened(c.nonce, sourceOf(req).Addr())
	if !right || !exists {
		return verdictAsk
	}
	if !ours {
		return verdictStale // from before a restart, or before the phone moved
	}
	if age := at.Sub(made); age > nonceLife || age < -time.Minute {
		return verdictStale
	}
	if !s.used.take(c.nonce, c.count, made.Add(nonceLife), at) {
		return verdictStale
	}
	return verdictOK
}

// expected computes the response that the right password gives (RFC 7616
// section 3.4.1; RFC 2617 section 3.2.2.1 for clients that send no qop).
func (c credentials) expected(ha1, method string, h func() hash.Hash) string {
	ha2 := sum(h, method+":"+c.uri)
	if c.qop == "" {
		return sum(h, ha1+":"+c.nonce+":"+ha2)
	}
	return sum(h, strings.Join([]string{ha1, c.nonce, c.nc, c.cnonce, c.qop, ha2}, ":"))
}

// nonce makes a nonce for a host: time, random bytes, and a signature of both
// and the host. Only who receives at that address can have it.
func (s *digestServer) nonce(at time.Time, host netip.Addr) string {
	raw := make([]byte, 8, nonceRaw)
	binary.BigEndian.PutUint32(raw, uint32(at.Unix()))
	_, _ = rand.Read(raw[4:8])
	return base64.RawURLEncoding.EncodeToString(append(raw, s.sign(raw, host)...))
}

func (s *digestServer) sign(raw []byte, host netip.Addr) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	_, _ = mac.Write(raw) // a hash cannot fail
	_, _ = mac.Write(host.AsSlice())
	return mac.Sum(nil)[:nonceRaw-8]
}

// opened returns when a nonce was made, and whether we made it for that host.
func (s *digestServer) opened(nonce string, host netip.Addr) (time.Time, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != nonceRaw || !hmac.Equal(raw[8:], s.sign(raw[:8], host)) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(raw)), 0), true
}

// challenges returns the WWW-Authenticate headers of a 401. MD5 comes first:
// a client that knows SHA-256 looks through all of them, one that does not
// often looks at the first alone. To a client that fails as soon as it sees an
// algorithm that it does not know, only MD5 is offered.
func (s *digestServer) challenges(stale bool, userAgent string, at time.Time, host netip.Addr) []wire.Header {
	algorithms := []string{"MD5", "SHA-256"}
	if md5Only(userAgent) {
		algorithms = algorithms[:1]
	}
	nonce := s.nonce(at, host)
	headers := make([]wire.Header, len(algorithms))
	for i, algorithm := range algorithms {
		value := fmt.Sprintf(`Digest realm=%s,nonce="%s",algorithm=%s,qop="auth"`, quote(s.realm), nonce, algorithm)
		if stale {
			value += ",stale=true"
		}
		headers[i] = header("WWW-Authenticate", value)
	}
	return headers
}

// md5Only names the clients that refuse a 401 with any challenge other than
// MD5 in it: those on libre before version 2.
func md5Only(userAgent string) bool {
	version, found := strings.CutPrefix(strings.ToLower(userAgent), "baresip v")
	return found && (strings.HasPrefix(version, "0.") || strings.HasPrefix(version, "1."))
}
