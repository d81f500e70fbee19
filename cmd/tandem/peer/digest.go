package peer

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/icholy/digest"
)

// authorize adds the credentials that a 401 or 407 asks for. count is the number of uses of the nonce, from 1.
func (a *Agent) authorize(req, challenge *Message, count int) error {
	asked, given := "WWW-Authenticate", "Authorization"
	if challenge.Code == 407 {
		asked, given = "Proxy-Authenticate", "Proxy-Authorization"
	}
	chosen, err := a.choose(challenge, asked)
	if err != nil {
		return err
	}
	credentials, err := a.credentials(req, chosen, count)
	if err != nil {
		return err
	}
	req.Set(given, credentials)
	return nil
}

// credentials computes the value of an Authorization header.
func (a *Agent) credentials(req *Message, challenge *digest.Challenge, count int) (string, error) {
	c, err := digest.Digest(challenge, digest.Options{
		Method: req.Method, URI: req.URI, Count: count,
		Username: a.options.AuthUser, Password: a.options.Password,
	})
	if err != nil {
		return "", fmt.Errorf("peer %s: digest: %w", a.options.Name, err)
	}
	return c.String(), nil
}

// choose picks among the challenges offered: the wanted algorithm, else SHA-256 before MD5 (RFC 8760 2.4).
func (a *Agent) choose(m *Message, header string) (*digest.Challenge, error) {
	order := []string{"SHA-256", "MD5"}
	if a.options.Algorithm != "" {
		order = []string{a.options.Algorithm}
	}
	for _, algorithm := range order {
		for _, h := range m.Headers {
			if !strings.EqualFold(h.Name, header) {
				continue
			}
			c, err := digest.ParseChallenge(h.Value)
			if err == nil && (strings.EqualFold(c.Algorithm, algorithm) || (c.Algorithm == "" && algorithm == "MD5")) {
				return c, nil
			}
		}
	}
	return nil, fmt.Errorf("peer %s: no challenge with %s", a.options.Name, strings.Join(order, " or "))
}

// isStale reports whether a challenge only replaces an old nonce (RFC 7616 3.3).
func isStale(m *Message) bool {
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		if c, err := digest.ParseChallenge(m.Get(name)); err == nil && c.Stale {
			return true
		}
	}
	return false
}

// maxNonces bounds the nonces that an agent with Accounts remembers.
const maxNonces = 4096

// authenticated checks a request against Accounts; one without good credentials is challenged with 401, SHA-256 and MD5.
func (a *Agent) authenticated(m *Message) bool {
	err := a.verify(m)
	if err == nil {
		return true
	}
	nonce := token()
	a.mu.Lock()
	if len(a.nonces) >= maxNonces {
		clear(a.nonces)
	}
	a.nonces[nonce] = struct{}{}
	a.mu.Unlock()
	res := a.bareResponse(m, 401, "Unauthorized")
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		challenge := digest.Challenge{
			Realm: a.options.Domain, Nonce: nonce, Algorithm: algorithm, QOP: []string{"auth"}, Stale: errors.Is(err, errStale),
		}
		res.Add("WWW-Authenticate", challenge.String())
	}
	a.reply(m, res)
	return false
}

var errStale = errors.New("unknown nonce")

func (a *Agent) verify(m *Message) error {
	given, err := digest.ParseCredentials(m.Get("Authorization"))
	if err != nil {
		return err
	}
	password, ok := a.options.Accounts[given.Username]
	if !ok {
		return fmt.Errorf("no account %q", given.Username)
	}
	want, err := digest.Digest(
		&digest.Challenge{Realm: a.options.Domain, Nonce: given.Nonce, Algorithm: given.Algorithm, QOP: []string{"auth"}},
		digest.Options{
			Method: m.Method, URI: given.URI, Count: given.Nc, Cnonce: given.Cnonce,
			Username: given.Username, Password: password,
		})
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(want.Response), []byte(given.Response)) != 1 {
		return errors.New("wrong response")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.nonces[given.Nonce]; !known {
		return errStale
	}
	return nil
}

// ForgetNonces makes every nonce given out so far stale.
func (a *Agent) ForgetNonces() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.nonces)
}

// registered is the registrar of an agent with Accounts, as carriers have one: it keeps one Contact per user.
func (a *Agent) registered(m *Message) {
	if !a.authenticated(m) {
		return
	}
	user := ParseAddress(m.Get("To")).User()
	contact := m.Get("Contact")
	a.mu.Lock()
	if m.Get("Expires") == "0" || parameter(contact, "expires") == "0" {
		delete(a.bindings, user)
	} else if contact != "" {
		a.bindings[user] = ParseAddress(contact).URI
	}
	a.mu.Unlock()
	res := a.bareResponse(m, 200, "OK")
	if contact != "" && contact != "*" {
		res.Add("Contact", contact)
	}
	if expires := m.Get("Expires"); expires != "" {
		res.Add("Expires", expires)
	}
	a.reply(m, res)
}

// Binding returns the Contact URI that user registered here, "" without one.
func (a *Agent) Binding(user string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bindings[user]
}
