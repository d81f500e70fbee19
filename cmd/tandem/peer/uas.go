package peer

import (
	"fmt"
	"strings"
)

// newIncoming makes the call of a received INVITE.
func newIncoming(a *Agent, m *Message) *Call {
	d := dialog{
		callID: m.Get("Call-ID"),
		local:  ParseAddress(m.Get("To")),
		remote: ParseAddress(m.Get("From")),
		target: ParseAddress(m.Get("From")).URI,
		routes: m.Values("Record-Route"),
		server: m.Source,
	}
	d.local.Tag = token()
	d.refresh(m)
	c := newCall(a, d, true)
	c.invite = m
	c.events = append(c.events, Entry{At: m.At, Agent: a.options.Name, Other: m.Source, Message: m})
	return c
}

// UseMedia gives an incoming call other audio than Options.Media, before any SDP was sent.
func (c *Call) UseMedia(o MediaOptions) error {
	c.watch.Lock()
	defer c.watch.Unlock()
	if err := c.answerable(); err != nil {
		return err
	}
	if c.media != nil {
		return fmt.Errorf("call %s: media already open", c.ID())
	}
	return c.openMedia(&o)
}

// Trying sends 100. Nothing is answered to an INVITE before one of these methods is called.
func (c *Call) Trying() error { return c.progress(100, "Trying", false, nil) }

// Ring sends 180.
func (c *Call) Ring(headers ...Header) error { return c.progress(180, "Ringing", false, headers) }

// RingWithMedia sends 180 with SDP and starts the media, as phones do that play their own ringback.
func (c *Call) RingWithMedia(headers ...Header) error {
	return c.progress(180, "Ringing", true, headers)
}

// Progress sends 183 with SDP and starts the media: early media.
func (c *Call) Progress(headers ...Header) error {
	return c.progress(183, "Session Progress", true, headers)
}

func (c *Call) progress(code int, reason string, withSDP bool, headers []Header) error {
	c.watch.Lock()
	defer c.watch.Unlock()
	if err := c.answerable(); err != nil {
		return err
	}
	res := c.toInvite(code, reason, headers)
	if withSDP {
		if err := c.describe(res); err != nil {
			return err
		}
		c.media.start()
	}
	c.grow(Proceeding)
	if code > 100 {
		c.grow(Ringing)
	}
	c.reply(c.invite, res)
	return nil
}

// Answer sends 200 with SDP, repeats it until the ACK comes, and starts the media. Without ACK for 64*T1 the call ends
// with BYE (RFC 3261 13.3.1.4).
func (c *Call) Answer(headers ...Header) error {
	c.watch.Lock()
	defer c.watch.Unlock()
	if err := c.answerable(); err != nil {
		return err
	}
	return c.accept(headers)
}

func (c *Call) accept(headers []Header) error {
	res := c.toInvite(200, "OK", headers)
	if err := c.describe(res); err != nil {
		return err
	}
	c.media.start()
	c.answer = res
	c.grow(Answered)
	c.reply(c.invite, res)
	c.stopAnswer = c.agent.resend(c.agent.t2(), func() { _ = c.agent.Send(c.invite.Source, res) }, c.unacknowledged)
	return nil
}

// Reject refuses the call with a final response: 486, 603, 503, or 302 with a Contact header.
func (c *Call) Reject(code int, headers ...Header) error {
	c.watch.Lock()
	defer c.watch.Unlock()
	if err := c.answerable(); err != nil {
		return err
	}
	c.refuse(code, headers)
	c.finish(End{How: ByResponse, Code: code, Last: c.answer})
	return nil
}

// refuse sends a final response other than 2xx and repeats it on UDP until the ACK comes (timer G).
func (c *Call) refuse(code int, headers []Header) {
	res := c.toInvite(code, reasonPhrase(code), headers)
	c.answer = res
	c.reply(c.invite, res)
	c.stopAnswer = c.agent.resend(c.agent.t2(), c.agent.again(c.invite.Source, res), func() {})
}

// AutoAnswerAsked reports whether the INVITE asks the phone to answer by itself: Call-Info with answer-after, or
// Alert-Info with "Auto Answer" or alert-autoanswer, the forms that desk phones understand.
func (c *Call) AutoAnswerAsked() bool {
	info := strings.ToLower(strings.Join(c.invite.Values("Call-Info"), ",") + "," + strings.Join(c.invite.Values("Alert-Info"), ","))
	return strings.Contains(info, "answer-after=0") || strings.Contains(info, "auto answer") || strings.Contains(info, "autoanswer")
}

// AnswerAll is an OnCall that rings and answers every call.
func AnswerAll(c *Call) {
	_ = c.Trying()
	_ = c.Ring()
	_ = c.Answer()
}

// AnswerWhenAsked is an OnCall that rings, and answers what asks for it (AutoAnswerAsked).
func AnswerWhenAsked(c *Call) {
	_ = c.Trying()
	_ = c.Ring()
	if c.AutoAnswerAsked() {
		_ = c.Answer()
	}
}

// RejectAll returns an OnCall that refuses every call with that status.
func RejectAll(code int) func(*Call) {
	return func(c *Call) { _ = c.Reject(code) }
}

func (c *Call) answerable() error {
	if !c.Incoming || c.answer != nil || c.state >= Answered {
		return fmt.Errorf("call %s of %s: nothing to answer: %s", c.ID(), c.agent.options.Name, c.state)
	}
	return nil
}

// toInvite is a response to the first INVITE with tag, Contact and route set of the dialog.
func (c *Call) toInvite(code int, reason string, headers []Header) *Message {
	res := NewResponse(c.invite, code, reason)
	if code > 100 {
		res.Set("To", c.dialog.local.String())
		res.Add("Contact", Address{URI: c.agent.ContactURI()}.String())
		for _, route := range c.dialog.routes {
			res.Add("Record-Route", route)
		}
		res.Add("Allow", allowed)
	}
	for _, h := range headers {
		res.Set(h.Name, h.Value)
	}
	return res
}

// describe puts our SDP into a response: the answer to the INVITE's offer, or an offer when it had none.
func (c *Call) describe(res *Message) error {
	if err := c.openMedia(nil); err != nil {
		return err
	}
	if c.invite.SDP() == nil {
		setSDP(res, c.media.offer())
		return nil
	}
	body, err := c.media.answer(c.invite.SDP())
	if err != nil {
		return fmt.Errorf("call %s: %w", c.ID(), err)
	}
	setSDP(res, body)
	return nil
}

// reply sends a response within the call and keeps it for a repetition of its request.
func (c *Call) reply(req, res *Message) {
	key := transactionKey(req)
	if len(c.responses) > maxEvents {
		clear(c.responses)
	}
	c.responses[key] = res
	c.record(res, true, req.Source)
	c.agent.reply(req, res)
}

// unacknowledged ends a call whose 2xx got no ACK.
func (c *Call) unacknowledged() {
	c.watch.Lock()
	defer c.watch.Unlock()
	if c.state == Ended {
		return
	}
	c.releaseFork(c.dialog)
	c.finish(End{How: ByTimeout, Code: c.answer.Code})
}

// acknowledged takes an ACK: of the first INVITE's final response, or of a re-INVITE's.
func (c *Call) acknowledged(m *Message) {
	seq, _ := m.CSeq()
	first, _ := c.invite.CSeq()
	if !c.Incoming || seq != first {
		return
	}
	c.stopAnswer()
	if c.answer == nil || c.answer.Code >= 300 {
		return
	}
	c.acks++
	if c.acks == 1 && c.invite.SDP() == nil {
		c.applyAnswer(m.SDP())
	}
}

// cancelled takes a CANCEL: 200 to it, 487 to the INVITE unless that has a final response already (RFC 3261 9.2).
func (c *Call) cancelled(m *Message) {
	c.reply(m, c.agent.bareResponse(m, 200, "OK"))
	switch {
	case c.answer != nil || c.state == Ended:
	case c.agent.behave().AnswerAfterCancel:
		_ = c.accept(nil)
	default:
		c.refuse(487, nil)
		c.finish(End{How: ByCANCEL, Remote: true, Code: 487, Reason: m.Get("Reason"), Last: m})
	}
}

func reasonPhrase(code int) string {
	switch code {
	case 302:
		return "Moved Temporarily"
	case 404:
		return "Not Found"
	case 408:
		return "Request Timeout"
	case 480:
		return "Temporarily Unavailable"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 491:
		return "Request Pending"
	case 500:
		return "Server Internal Error"
	case 503:
		return "Service Unavailable"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	}
	return "Refused"
}
