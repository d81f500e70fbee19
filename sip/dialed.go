package sip

import (
	"net/url"
	"strings"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// maxDialing is how many calls one user may be making at a time.
const maxDialing = 4

// serveDialed takes an INVITE of a user's phone that calls out. Every one has to
// carry digest credentials, from wherever it comes: an address can be shared.
func (a *Agent) serveDialed(req *wire.Request, tx *wire.ServerTx) {
	if !a.registrar.table.near(sourceOf(req).Addr()) && req.GetHeader("Authorization") == nil {
		a.meter.reject(reasonStranger)
		a.respond(req, tx, 403)
		return
	}
	user, ok := a.authenticated(req, tx)
	if !ok {
		return
	}
	if !speaksFor(req, user) {
		a.meter.reject(reasonIdentity)
		a.respond(req, tx, 403)
		return
	}
	dialed, ok := dialedOf(&req.Recipient)
	switch {
	case !ok:
		a.respond(req, tx, 400)
		return
	case dialed == "":
		a.respond(req, tx, 484)
		return
	}
	if a.originate(req, tx, user, dialed) {
		a.followAcks(tx)
	}
}

// originate begins a call of a user. It reports whether there is one now.
func (a *Agent) originate(req *wire.Request, tx *wire.ServerTx, user, dialed string) bool {
	if !a.dialing.enter(user) {
		a.full(req, tx)
		return false
	}
	id := call.NewID(time.Now())
	l := &leg{a: a, id: id.Leg(1), user: user, leave: sync.OnceFunc(func() { a.dialing.leave(user) })}
	begun := a.commence(req, tx, l, func() error {
		return a.opt.Lines.Originate(call.Origination{
			Call: id, User: user, Leg: id.Leg(1), SDP: sdpOf(req), Source: sourceOf(req).Addr().String(), Dialed: dialed,
		})
	})
	if !begun {
		l.leave()
	}
	return begun
}

// speaksFor reports whether an INVITE claims to be from nobody but the user.
func speaksFor(req *wire.Request, user string) bool {
	if unescaped(req.From().Address.User) != user {
		return false
	}
	for _, name := range []string{"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"} {
		for _, h := range req.GetHeaders(name) {
			for _, entry := range splitList(h.Value()) {
				if uri, _, ok := parseNameAddr(entry); !ok || unescaped(uri.User) != user {
					return false
				}
			}
		}
	}
	return true
}

// dialedOf returns the user part of a URI as it was dialed, without escapes and
// parameters; false when it is too long or not text.
func dialedOf(uri *wire.Uri) (string, bool) {
	user := uri.User
	if uri.Scheme == "tel" {
		user = uri.Raw()
	}
	user, _, _ = strings.Cut(user, ";")
	plain, err := url.PathUnescape(user)
	if err != nil || len(plain) > maxNumber {
		return "", false
	}
	plain, _, _ = strings.Cut(plain, ";")
	plain = strings.TrimSpace(plain)
	return plain, clean(plain, maxNumber) == plain
}

// dialing counts the calls that each user is making.
type dialing struct {
	mu    sync.Mutex
	users map[string]int
}

func newDialing() *dialing { return &dialing{users: map[string]int{}} }

// enter takes a place; false when the user has as many as a user may have.
func (d *dialing) enter(user string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[user] >= maxDialing {
		return false
	}
	d.users[user]++
	return true
}

// leave gives a place back: the call was answered or is over.
func (d *dialing) leave(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[user]--; d.users[user] <= 0 {
		delete(d.users, user)
	}
}
