package sip

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	notifySpan = 60 * time.Second // a transfer takes no longer than it rings
	// partingLimit is how long a BYE waits for the NOTIFY before it.
	partingLimit = 2 * time.Second
)

// referral is a REFER that was accepted, and the subscription that it implies
// (RFC 3515 section 2.4.4).
type referral struct {
	event  string
	silent bool  // the phone wants no NOTIFY (RFC 4488)
	queue  []int // statuses to be told; NOTIFYs go out one after another
	busy   bool  // one is on its way
	over   bool  // how it ended was told, or is in the queue
}

// target is where a REFER sends a call.
type target struct {
	user     string
	replaces string // value of the Replaces header in the URI, or empty
	foreign  bool   // its host is not the switch
}

// Notify implements call.Transfers.
func (a *Agent) Notify(id call.LegID, status int) {
	a.command(id, func(l *leg) { l.notify(status) })
}

// serveRefer takes a REFER within a dialog; outside of one it would have us make
// calls on somebody's word.
func (a *Agent) serveRefer(req *wire.Request, tx *wire.ServerTx) {
	if outside(req) {
		a.meter.reject(reasonDialog)
		a.respond(req, tx, 403)
		return
	}
	a.serveInDialog(req, tx)
}

// referTo reads the Refer-To of a REFER.
func (a *Agent) referTo(req *wire.Request) (target, *refusalOf) {
	var t target
	bad := &refusalOf{status: 400}
	headers := append(req.GetHeaders("Refer-To"), req.GetHeaders("r")...)
	if len(headers) != 1 {
		return t, bad // exactly one (RFC 3515 section 2.4.1)
	}
	uri, _, ok := parseNameAddr(headers[0].Value())
	if !ok {
		return t, bad
	}
	switch uri.Scheme {
	case "sip", "sips":
		t.foreign = !a.names(&uri)
	case "tel":
	default:
		return t, &refusalOf{status: 416}
	}
	if method, given := param(uri.UriParams, "method"); given && !strings.EqualFold(method, "INVITE") {
		return t, bad
	}
	if value, given := param(uri.Headers, "Replaces"); given {
		plain, err := url.PathUnescape(value)
		if err != nil || plain == "" {
			return t, bad
		}
		t.replaces = plain
	}
	t.user, ok = dialedOf(&uri)
	if !ok || t.user == "" && t.replaces == "" {
		return t, bad
	}
	return t, nil
}

// replaced is the dialog that a Replaces header names (RFC 3891 section 3), as
// its addressee has it: to-tag is ours.
type replaced struct{ callID, ours, theirs string }

// parseReplaces reads a Replaces header value.
func parseReplaces(value string) (replaced, bool) {
	callID, params, _ := strings.Cut(value, ";")
	r := replaced{callID: strings.TrimSpace(callID)}
	for param := range strings.SplitSeq(params, ";") {
		key, tag, _ := strings.Cut(param, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "to-tag":
			r.ours = strings.TrimSpace(tag)
		case "from-tag":
			r.theirs = strings.TrimSpace(tag)
		}
	}
	return r, r.callID != "" && r.ours != "" && r.theirs != ""
}

// refers takes a REFER: a user's phone passes its call on. Whoever calls from
// outside may not; that would be calls at our expense.
func (l *leg) refers(req *wire.Request, tx *wire.ServerTx) {
	switch {
	case l.user == "":
		l.a.meter.reject(reasonIdentity)
		l.a.respond(req, tx, 403)
		return
	case l.stage == stageEarly || l.referral != nil || l.hangup != nil:
		l.a.respond(req, tx, 491)
		return
	}
	to, refused := l.a.referTo(req)
	if refused != nil {
		l.a.refuseWith(req, tx, refused)
		return
	}
	named, ok := parseReplaces(to.replaces)
	switch {
	case to.replaces != "" && !ok:
		l.a.respond(req, tx, 400)
		return
	case to.replaces == "" && to.foreign:
		l.a.respond(req, tx, 403)
		return
	}
	l.subscribe(req, tx)
	if to.replaces == "" {
		l.post(call.LegRefers{Leg: l.id, To: to.user})
		return
	}
	l.a.find(named, l.user, func(partner call.LegID) {
		l.box.command(func() { l.attended(to.user, partner) })
	})
}

// subscribe accepts a REFER and says whether NOTIFYs will follow.
func (l *leg) subscribe(req *wire.Request, tx *wire.ServerTx) {
	l.referrals++
	r := &referral{event: "refer"}
	if l.referrals > 1 {
		r.event += ";id=" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10) // RFC 3515 section 2.4.6
	}
	headers := []wire.Header{l.contact()}
	if wanted, _ := valueOf(req, "Refer-Sub", ""); strings.EqualFold(strings.TrimSpace(wanted), "false") {
		r.silent = true
		headers = append(headers, header("Refer-Sub", "false"))
	}
	l.referral = r
	l.a.respond(req, tx, 202, headers...)
}

// attended goes on with a REFER whose partner was looked for.
func (l *leg) attended(to string, partner call.LegID) {
	switch {
	case l.stage == stageOver:
	case partner == "":
		l.notify(481)
	default:
		l.post(call.LegRefers{Leg: l.id, To: to, Partner: partner})
	}
}

// find tells got which leg a Replaces names, or nothing: it has to be one of
// the same user's phones.
func (a *Agent) find(named replaced, user string, got func(call.LegID)) {
	l := a.legs.withTag(named.ours)
	if l == nil || l.user != user {
		got("")
		return
	}
	l.box.command(func() {
		d := &l.dlg
		if l.stage == stageEarly || l.stage == stageOver || d.callID != named.callID || d.localTag != named.ours || d.remoteTag != named.theirs {
			got("")
			return
		}
		got(l.id)
	})
}

// withTag finds a leg by our tag, or returns nil.
func (t *legs) withTag(tag string) *leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTag[tag]
}

// notify tells the phone how its REFER does.
func (l *leg) notify(status int) {
	r := l.referral
	if r == nil || r.over {
		return
	}
	r.over = status >= 200
	if !r.silent {
		r.queue = append(r.queue, status)
	}
	l.notifyNext()
}

// notifyNext sends the NOTIFY whose turn it is. After the last one the REFER is
// over, and a BYE may go that waited for it.
func (l *leg) notifyNext() {
	r := l.referral
	if r == nil || r.busy {
		return
	}
	if len(r.queue) == 0 {
		if r.over {
			l.referral = nil
			l.depart()
		}
		return
	}
	status := r.queue[0]
	r.queue = r.queue[1:]
	r.busy = true
	l.ask(l.notification(r.event, status), func(res *wire.Response) {
		r.busy = false
		if res == nil || res.StatusCode == 481 {
			r.queue, r.silent = nil, true // nobody listens
		}
		if l.stage != stageOver {
			l.notifyNext()
		}
	})
}

// notification builds a NOTIFY (RFC 3515 section 2.4.5).
func (l *leg) notification(event string, status int) *wire.Request {
	req := l.within(wire.NOTIFY)
	state := fmt.Sprintf("active;expires=%s", seconds(notifySpan))
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	req.AppendHeader(header("Event", event))
	req.AppendHeader(header("Subscription-State", state))
	req.AppendHeader(header("Content-Type", "message/sipfrag;version=2.0"))
	req.SetBody(fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, phrase(status)))
	return req
}

// telling reports whether the phone has yet to hear of its REFER.
func (l *leg) telling() bool {
	return l.stage == stageConfirmed && l.referral != nil && (l.referral.busy || len(l.referral.queue) > 0)
}

// depart sends the BYE that waited for a NOTIFY.
func (l *leg) depart() {
	if l.hangup != nil && l.stage == stageConfirmed {
		l.bye(*l.hangup)
	}
}
