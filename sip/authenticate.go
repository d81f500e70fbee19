package sip

import (
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// authenticated returns the user whose digest credentials a request carries. It
// answers a request that has none, or wrong ones, and counts guesses.
func (a *Agent) authenticated(req *wire.Request, tx *wire.ServerTx) (string, bool) {
	now, from := time.Now(), sourceOf(req)
	user, outcome := a.digest.check(req, a.directory.Load().secret, now)
	if a.registrar.banned(req, user, outcome) {
		a.meter.reject(reasonBanned)
		a.respond(req, tx, 403)
		return "", false
	}
	switch outcome {
	case verdictOK:
		return user, true
	case verdictBad:
		a.meter.reject(reasonAuth)
		a.guard.bans.fail(user, from.Addr(), a.guard.now())
		a.respond(req, tx, 400)
	case verdictAsk, verdictStale:
		if req.GetHeader("Authorization") != nil && outcome == verdictAsk {
			a.meter.reject(reasonAuth)
			a.guard.bans.fail(user, from.Addr(), a.guard.now())
		}
		a.challenge(req, tx, outcome == verdictStale, now)
	}
	return "", false
}

// challenge asks for credentials. A stranger gets no more bytes than it sent.
func (a *Agent) challenge(req *wire.Request, tx *wire.ServerTx, stale bool, now time.Time) {
	from := sourceOf(req).Addr()
	all := a.digest.challenges(stale, headerValue(req, "User-Agent"), now, from)
	res := a.response(req, 401, nil, all...)
	if !a.isTrunk(from) && !a.familiar(from) && len(res.String()) > len(req.String()) {
		res = a.response(req, 401, nil, all[0])
	}
	_ = a.send(tx, res) // who gets no answer asks again
}
