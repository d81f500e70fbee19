package sip

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	enrolExpires = time.Hour
	enrolBackoff = 5 * time.Second
	enrolSlowest = 5 * time.Minute
	enrolWait    = 10 * time.Second
	noAnswer     = "no answer"
)

// enrolment is our own registration with one trunk: one Call-ID, CSeq numbers
// that grow (RFC 3261 section 10.2).
type enrolment struct {
	link    *link
	callID  wire.CallIDHeader
	seq     uint32
	expires time.Duration
}

// enrol keeps us registered with the trunk: anew at half time, so that several
// tries are left. The trunk is down while we are not.
func (l *link) enrol(ctx context.Context) {
	e := &enrolment{link: l, callID: wire.CallIDHeader(wire.GenerateTagN(24)), expires: l.trunk.Register.Expires}
	if e.expires <= 0 {
		e.expires = enrolExpires
	}
	backoff := enrolBackoff
	var until time.Time // the end of the registration that holds
	for {
		granted, why := e.register(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := jittered(backoff)
		if granted > 0 {
			backoff, until = enrolBackoff, time.Now().Add(granted)
			pause = max(granted/2, time.Second)
			l.note("registered", func() { l.registered = true })
		} else {
			backoff = min(2*backoff, enrolSlowest)
			// A registrar that is silent or ailing takes nothing back.
			holds := (why == noAnswer || why[0] == '5') && time.Now().Before(until)
			l.note("registration: "+why, func() { l.registered = holds })
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// jittered is a pause of three to five quarters: after a carrier's failure not
// all of its customers come back in one instant.
func jittered(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }

// register registers once, and returns for how long it holds, or why it failed:
// a status, or words.
func (e *enrolment) register(ctx context.Context) (time.Duration, string) {
	to, known := e.link.address()
	if !known {
		return 0, "no address"
	}
	req := e.request(to)
	for range 3 { // a challenge, a longer interval, and the answer to both
		res := e.link.a.exchange(ctx, req, to, enrolWait)
		switch {
		case res == nil:
			e.link.rotate(to.addr)
			return 0, noAnswer
		case res.StatusCode < 300:
			return e.granted(res), ""
		case challenge(res):
			again, ok := authorize(req, res, e.link.trunk.Register.Credentials)
			if !ok {
				return 0, "challenge not understood"
			}
			e.seq = again.CSeq().SeqNo
			req = again
		case res.StatusCode == 423 && e.longer(res):
			req = e.request(to)
		default:
			return 0, strconv.Itoa(res.StatusCode)
		}
	}
	return 0, "refused"
}

// request builds a REGISTER.
func (e *enrolment) request(to hop) *wire.Request {
	a := e.link.a
	host, _, _ := splitAddress(e.link.trunk.Address)
	user := userPart(e.link.trunk.Register.Username)
	aor := "<sip:" + user + "@" + bracket(host) + ">"
	req := a.start(wire.REGISTER, wire.Uri{Scheme: "sip", Host: bracket(host)}, aor, aor)
	req.RemoveHeader("Call-ID")
	req.AppendHeader(&e.callID)
	e.seq++
	req.CSeq().SeqNo = e.seq
	req.AppendHeader(a.contact(e.link.trunk.Register.Username, to))
	req.AppendHeader(header("Expires", seconds(e.expires)))
	req.AppendHeader(header("User-Agent", a.opt.UserAgent))
	return req
}

// granted reads for how long a registration holds.
func (e *enrolment) granted(res *wire.Response) time.Duration {
	granted, ok := expiresOf(headerValue(res, "Expires"), e.expires)
	if c := res.Contact(); c != nil {
		if own, given := param(c.Params, "expires"); given {
			granted, ok = expiresOf(own, granted)
		}
	}
	if !ok || granted <= 0 {
		return e.expires
	}
	return min(granted, 24*time.Hour)
}

// longer takes the interval that a registrar asks for; false when it asks for
// none that makes sense.
func (e *enrolment) longer(res *wire.Response) bool {
	least, ok := expiresOf(headerValue(res, "Min-Expires"), 0)
	if !ok || least <= e.expires || least > 24*time.Hour {
		return false
	}
	e.expires = least
	return true
}
