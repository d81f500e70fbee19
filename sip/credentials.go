package sip

import (
	"strconv"
	"strings"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// credentials are the parts of an Authorization header.
type credentials struct {
	username, realm, nonce, uri, response, algorithm, cnonce, qop, nc string
	count                                                             uint32 // nc as a number; 0 without qop
}

// parseCredentials reads an Authorization header value (RFC 7616 section 3.4).
func parseCredentials(value string) (credentials, bool) {
	var c credentials
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return c, false
	}
	for _, pair := range splitList(rest) {
		key, raw, found := strings.Cut(pair, "=")
		if !found {
			return c, false
		}
		text, ok := unquote(strings.TrimSpace(raw))
		if !ok || !c.set(strings.ToLower(strings.TrimSpace(key)), text) {
			return c, false
		}
	}
	return c, c.complete()
}

// set takes one parameter; false when it comes twice. Unknown ones are ignored.
func (c *credentials) set(key, value string) bool {
	fields := map[string]*string{
		"username": &c.username, "realm": &c.realm, "nonce": &c.nonce, "uri": &c.uri, "response": &c.response,
		"algorithm": &c.algorithm, "cnonce": &c.cnonce, "qop": &c.qop, "nc": &c.nc,
	}
	field, known := fields[key]
	if !known {
		return true
	}
	if *field != "" {
		return false
	}
	*field = value
	return true
}

// complete checks what has to be there and reads the count.
func (c *credentials) complete() bool {
	if c.username == "" || c.realm == "" || c.nonce == "" || c.uri == "" || c.response == "" {
		return false
	}
	switch c.qop {
	case "":
		return true
	case "auth":
	default:
		return false // auth-int was not offered
	}
	n, err := strconv.ParseUint(c.nc, 16, 32)
	if err != nil || n == 0 || len(c.nc) != 8 || c.cnonce == "" {
		return false
	}
	c.count = uint32(n)
	return true
}

// fits reports whether the credentials were made for this Request-URI. names
// reports whether a URI's host is the switch: clients write its domain in one
// place and its address in the other, and mean the same.
func (c *credentials) fits(req *wire.Request, names func(*wire.Uri) bool) bool {
	if c.uri == req.Recipient.String() {
		return true
	}
	var uri wire.Uri
	if wire.ParseUri(c.uri, &uri) != nil {
		return false
	}
	r := &req.Recipient
	if uri.User != r.User || uri.Scheme != r.Scheme {
		return false
	}
	return uri.Port == r.Port && strings.EqualFold(uri.Host, r.Host) || names(&uri) && names(r)
}

// unquote reads a token or a quoted string.
func unquote(s string) (string, bool) {
	if len(s) == 0 || s[0] != '"' {
		return s, !strings.ContainsAny(s, "\"\\ ")
	}
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", false
	}
	return unescape(s[1 : len(s)-1]), true
}

// windowLimit bounds the nonces that are remembered; only those that a right
// password was sent with are.
const windowLimit = 8192

// window remembers which counts of a nonce were used (RFC 7616 section 3.4):
// each at most once, within the last 64.
type window struct {
	mu   sync.Mutex
	uses map[string]*use
}

type use struct {
	top     uint32
	seen    uint64 // bit n: top-n was used
	expires time.Time
}

func newWindow() *window { return &window{uses: map[string]*use{}} }

// take uses a count of a nonce; false when it was used before or is too old.
// Count 0 stands for a client without qop: its nonces hold once.
func (w *window) take(nonce string, count uint32, expires, at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, known := w.uses[nonce]
	if !known {
		if len(w.uses) >= windowLimit && !w.prune(at) {
			return false
		}
		w.uses[nonce] = &use{top: count, seen: 1, expires: expires}
		return true
	}
	return count > 0 && u.take(count)
}

// take marks a count as used.
func (u *use) take(count uint32) bool {
	if count > u.top {
		u.seen = u.seen<<min(count-u.top, 64) | 1
		u.top = count
		return true
	}
	back := u.top - count
	if back >= 64 || u.seen&(1<<back) != 0 {
		return false
	}
	u.seen |= 1 << back
	return true
}

// prune forgets nonces that are too old to be used; it reports whether there
// is room now.
func (w *window) prune(at time.Time) bool {
	for nonce, u := range w.uses {
		if at.After(u.expires) {
			delete(w.uses, nonce)
		}
	}
	return len(w.uses) < windowLimit
}
