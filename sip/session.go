package sip

import (
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	minSession     = 90 * time.Second // the least that we refresh at (RFC 4028 section 4)
	maxSession     = 24 * time.Hour
	sessionMargin  = 32 * time.Second // before its end a session is given up (section 10)
	supportedValue = "100rel, timer, norefersub"
	renewalValue   = "timer, norefersub" // of our re-INVITEs, whose provisional responses say nothing
)

// session is the timer of a dialog (RFC 4028): one side refreshes it at half
// time, the other hangs up when nothing came.
type session struct {
	every     time.Duration
	ours      bool // we refresh
	next, end *time.Timer
}

// stop ends the session's timers.
func (s *session) stop() {
	for _, timer := range []*time.Timer{s.next, s.end} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// sessionOf reads Session-Expires: the interval, 0 when there is none that can
// be read, and who is to refresh: uac, uas or nobody yet.
func sessionOf(msg wire.Message) (every time.Duration, refresher string) {
	value, _ := valueOf(msg, "Session-Expires", "x")
	first, params, _ := strings.Cut(value, ";")
	every = spanOf(first)
	for param := range strings.SplitSeq(params, ";") {
		key, who, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(who))
		}
	}
	return every, refresher
}

// minSessionOf reads Min-SE, never less than what we want ourselves.
func minSessionOf(msg wire.Message) time.Duration {
	value, _ := valueOf(msg, "Min-SE", "")
	value, _, _ = strings.Cut(value, ";")
	return max(minSession, spanOf(value))
}

// spanOf reads a number of seconds, 0 when there is none and a day at most.
func spanOf(value string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxSession)
}

// valueOf returns the first value of a header, by its name or its short form.
func valueOf(msg wire.Message, name, short string) (string, bool) {
	headers := msg.GetHeaders(name)
	if short != "" {
		headers = append(headers, msg.GetHeaders(short)...)
	}
	if len(headers) == 0 {
		return "", false
	}
	return headers[0].Value(), true
}

// lists reports whether a header that is a list of tokens has one.
func lists(msg wire.Message, name, short, token string) bool {
	headers := msg.GetHeaders(name)
	if short != "" {
		headers = append(headers, msg.GetHeaders(short)...)
	}
	for _, h := range headers {
		for _, entry := range splitList(h.Value()) {
			if strings.EqualFold(entry, token) {
				return true
			}
		}
	}
	return false
}

// brief refuses a session that would have to be refreshed all the time. Whoever
// does not know the extension would not understand (RFC 4028 section 9).
func brief(req *wire.Request) *refusalOf {
	every, _ := sessionOf(req)
	if every > 0 && every < minSession && lists(req, "Supported", "k", "timer") {
		return &refusalOf{422, header("Min-SE", seconds(minSession))}
	}
	return nil
}

// wish are the headers by which an INVITE of ours asks for a session timer; who
// refreshes is the callee's to say (RFC 4028 section 7.1).
func (a *Agent) wish(req *wire.Request) {
	req.AppendHeader(header("Supported", supportedValue))
	req.AppendHeader(header("Session-Expires", seconds(a.opt.SessionExpires)))
}

// grant settles the session timer with a request of the peer that we accept,
// and returns the headers of our 2xx that say so (RFC 4028 section 9).
func (l *leg) grant(req *wire.Request) []wire.Header {
	l.updates = l.updates || lists(req, "Allow", "", string(wire.UPDATE))
	headers := []wire.Header{header("Allow", allowValue), header("Supported", supportedValue)}
	asked, refresher := sessionOf(req)
	knows := lists(req, "Supported", "k", "timer")
	every := l.a.opt.SessionExpires
	switch {
	case asked >= minSession:
		every = min(asked, max(every, minSessionOf(req)))
	case !knows:
		l.renew(0, false)
		return headers
	}
	theirs := knows && asked > 0 && refresher != "uas"
	if theirs {
		headers = append(headers, header("Require", "timer"))
	}
	l.renew(every, !theirs)
	return append(headers, header("Session-Expires", seconds(every)+";refresher="+role(theirs)))
}

// role names who refreshes, by whether the sender of the request does.
func role(sender bool) string {
	if sender {
		return "uac"
	}
	return "uas"
}

// agree settles the session timer with the 2xx to a request of ours (RFC 4028
// section 7.2).
func (l *leg) agree(res *wire.Response) {
	if res.GetHeader("Allow") != nil {
		l.updates = lists(res, "Allow", "", string(wire.UPDATE))
	}
	every, refresher := sessionOf(res)
	if every > 0 && every < minSession {
		every = minSession // we asked for no less
	}
	l.renew(every, refresher != "uas")
}

// renew starts the session timer anew; 0 means that there is none.
func (l *leg) renew(every time.Duration, ours bool) {
	if l.session != nil {
		l.session.stop()
	}
	s := &session{every: every, ours: ours}
	l.session = s
	if every == 0 {
		return
	}
	s.end = l.after(every-min(sessionMargin, every/3), func() {
		if l.session == s {
			l.expired()
		}
	})
	if ours {
		l.refreshIn(every / 2)
	}
}

// refreshIn refreshes the session after a while, unless it was renewed by then.
func (l *leg) refreshIn(d time.Duration) {
	s := l.session
	s.next = l.after(d, func() {
		if l.session == s {
			l.refresh()
		}
	})
}

// expired ends a session that nobody refreshed: the peer is gone.
func (l *leg) expired() {
	if l.stage == stageConfirmed || l.stage == stageAnswered {
		l.lost(call.Cause{Kind: call.CauseFailed, Code: 408, Q850: 102, Text: "Session expired"})
	}
}

// lost hangs up and tells the call.
func (l *leg) lost(why call.Cause) {
	l.bye(why)
	l.gate.post(l.a.opt.Lines, call.LegGone{Leg: l.id, Cause: why}, l.id, true)
}

// refresh keeps the session alive: by UPDATE when the peer takes it, else by a
// re-INVITE that offers what was agreed (RFC 4028 section 7.4).
func (l *leg) refresh() {
	switch {
	case l.stage != stageConfirmed:
	case l.offering != nil || l.renewal != nil:
		l.refreshIn(time.Second) // that may refresh it as well
	case l.updates || l.sdp == nil:
		req := l.within(wire.UPDATE)
		l.prolong(req, l.session.every)
		s := l.session
		l.ask(req, func(res *wire.Response) {
			if l.session == s && l.stage == stageConfirmed {
				l.refreshed(res)
			}
		})
	default:
		l.offer(&offering{sdp: l.sdp, refresh: true})
	}
}

// prolong adds to a request of ours what keeps the session as it is.
func (l *leg) prolong(req *wire.Request, every time.Duration) {
	value := seconds(every)
	if s := l.session; s != nil && s.every > 0 {
		value += ";refresher=" + role(s.ours)
	}
	req.AppendHeader(header("Supported", renewalValue))
	req.AppendHeader(header("Session-Expires", value))
	if every > minSession && l.least > minSession {
		req.AppendHeader(header("Min-SE", seconds(l.least)))
	}
}

// refreshed takes the answer to an UPDATE of ours; nil when there was none.
func (l *leg) refreshed(res *wire.Response) {
	switch {
	case res == nil || res.StatusCode == 408 || res.StatusCode == 481:
		l.lost(call.Cause{Kind: call.CauseFailed, Code: 408, Q850: 102, Text: "Session not refreshed"})
	case res.IsSuccess():
		l.dlg.refresh(res.Contact())
		l.agree(res)
	default:
		l.notRefreshed(res)
	}
}

// notRefreshed tries again after a refusal that does not end the session: with
// a longer interval, or without UPDATE, or a while later.
func (l *leg) notRefreshed(res *wire.Response) {
	switch res.StatusCode {
	case 422:
		l.least = minSessionOf(res)
		if l.least > l.session.every {
			l.session.every = l.least
			l.refreshIn(time.Second) // whoever raises it for ever gets no storm
			return
		}
	case 405, 501:
		if l.updates {
			l.updates = false
			l.refresh()
			return
		}
	}
	l.refreshIn(max(l.session.every/8, time.Second))
}
