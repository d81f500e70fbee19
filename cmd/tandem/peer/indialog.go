package peer

import (
	"context"
	"fmt"
	"strings"
)

// request takes every request of the call. A repeated one gets the answer that the first one got.
func (c *Call) request(m *Message) {
	c.watch.Lock()
	defer c.watch.Unlock()
	c.record(m, false, m.Source)
	if m.Method == "ACK" {
		c.acknowledged(m)
		return
	}
	if res := c.responses[transactionKey(m)]; res != nil {
		c.agent.reply(m, res)
		return
	}
	switch m.Method {
	case "CANCEL":
		c.cancelled(m)
	case "BYE":
		c.released(m)
	case "INVITE", "UPDATE":
		c.reoffered(m)
	case "INFO", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK":
		c.reply(m, NewResponse(m, 200, "OK"))
	default:
		c.reply(m, NewResponse(m, 405, "Method Not Allowed").Add("Allow", allowed))
	}
}

func (c *Call) released(m *Message) {
	if c.agent.behave().KeepCallOnBYE {
		return
	}
	c.reply(m, NewResponse(m, 200, "OK"))
	c.stopAnswer()
	c.finish(End{How: ByBYE, Remote: true, Code: c.finalCode(), Reason: m.Get("Reason"), Last: m})
}

func (c *Call) finalCode() int {
	switch {
	case c.Incoming && c.answer != nil:
		return c.answer.Code
	case !c.Incoming && c.final != nil:
		return c.final.Code
	}
	return 0
}

// reoffered answers a re-INVITE or UPDATE. A repeated first INVITE that nothing was answered to is left alone.
func (c *Call) reoffered(m *Message) {
	if m.Method == "INVITE" && c.Incoming && m.Branch() == c.invite.Branch() {
		return
	}
	if c.state == Ended {
		c.reply(m, NewResponse(m, 481, "Call/Transaction Does Not Exist"))
		return
	}
	code := c.agent.behave().ReinviteCode
	if code == 0 && c.offering {
		code = 491 // RFC 3261 14.2
	}
	if code != 0 {
		c.reply(m, NewResponse(m, code, reasonPhrase(code)))
		return
	}
	c.dialog.refresh(m)
	res := NewResponse(m, 200, "OK").
		Add("Contact", Address{URI: c.agent.ContactURI()}.String()).
		Add("Allow", allowed)
	switch {
	case m.SDP() != nil && c.media != nil:
		body, err := c.media.answer(m.SDP())
		if err != nil {
			c.reply(m, NewResponse(m, 488, "Not Acceptable Here"))
			return
		}
		setSDP(res, body)
	case m.Method == "INVITE" && c.media != nil:
		setSDP(res, c.media.offer())
	}
	c.reply(m, res)
}

// Hangup ends the call as its state demands: BYE after the answer, CANCEL or 603 before. Of BYE it waits for the answer.
func (c *Call) Hangup(ctx context.Context, headers ...Header) error {
	c.watch.Lock()
	state := c.state
	c.watch.Unlock()
	switch {
	case state == Ended:
		return nil
	case state < Answered && c.Incoming:
		return c.Reject(603, headers...)
	case state < Answered:
		return c.Cancel(headers...)
	}
	c.watch.Lock()
	bye := c.prepare("BYE")
	bye.Headers = append(bye.Headers, headers...)
	to := c.dialog.next()
	c.stopAnswer()
	c.finish(End{How: ByBYE, Code: c.finalCode(), Last: bye})
	c.watch.Unlock()
	_, err := c.agent.Do(ctx, to, bye)
	return err
}

// Request sends any non-INVITE request within the call and returns its final response.
func (c *Call) Request(ctx context.Context, method string, body []byte, headers ...Header) (*Message, error) {
	c.watch.Lock()
	req := c.prepare(method)
	req.Headers = append(req.Headers, headers...)
	req.Body = body
	to := c.dialog.next()
	c.watch.Unlock()
	return c.agent.Do(ctx, to, req)
}

// prepare makes and records the next request of the dialog.
func (c *Call) prepare(method string) *Message {
	req := c.dialog.request(c.agent, method)
	c.record(req, true, c.dialog.next())
	return req
}

// Info sends a DTMF digit as INFO with application/dtmf-relay, the old way of phones.
func (c *Call) Info(ctx context.Context, digit byte) error {
	body := fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", digit)
	return c.expectOK(c.Request(ctx, "INFO", []byte(body), Header{"Content-Type", "application/dtmf-relay"}))
}

// Refer asks the other side to call to, a number, user or URI (RFC 3515): a blind transfer, or an attended one when
// replacing is not nil. The NOTIFYs that follow are seen with WaitRequest.
func (c *Call) Refer(ctx context.Context, to string, replacing *Call) error {
	target := c.agent.options.uri(to)
	if replacing != nil {
		target += "?Replaces=" + replacing.replaces()
	}
	own := Address{URI: c.agent.options.uri(c.agent.options.User)}.String()
	return c.expectOK(c.Request(ctx, "REFER", nil, Header{"Refer-To", "<" + target + ">"}, Header{"Referred-By", own}))
}

// replaces names the call's dialog as a URI header does (RFC 3891 6.1), from the other side's point of view.
func (c *Call) replaces() string {
	c.watch.Lock()
	defer c.watch.Unlock()
	value := c.dialog.callID + ";to-tag=" + c.dialog.remote.Tag + ";from-tag=" + c.dialog.local.Tag
	return strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(value)
}

// Hold puts the other side on hold by re-INVITE: a=sendonly, as phones do that leave the music to the switch.
func (c *Call) Hold(ctx context.Context) error { return c.Reinvite(ctx, "sendonly") }

// Resume ends the hold: a=sendrecv.
func (c *Call) Resume(ctx context.Context) error { return c.Reinvite(ctx, "sendrecv") }

// HoldByAddress puts the other side on hold as old phones do: the offer's address is 0.0.0.0 (RFC 3264 8.4).
func (c *Call) HoldByAddress(ctx context.Context) error {
	return c.reoffer(ctx, "sendrecv", (*Media).offerNowhere)
}

// Reinvite offers the media again with a direction (sendrecv, sendonly, recvonly, inactive) and waits for the final
// response, an error when that is not 2xx.
func (c *Call) Reinvite(ctx context.Context, direction string) error {
	return c.reoffer(ctx, direction, (*Media).offer)
}

// reoffer sends a re-INVITE with an offer of the media and waits for its final response.
func (c *Call) reoffer(ctx context.Context, direction string, offer func(*Media) []byte) error {
	c.watch.Lock()
	if c.state != Answered || c.media == nil || c.offering {
		defer c.watch.Unlock()
		return fmt.Errorf("call %s: no conversation to change, or a change under way: %s", c.ID(), c.state)
	}
	before := c.media.setDirection(direction)
	req := c.dialog.request(c.agent, "INVITE")
	setSDP(req, offer(c.media))
	t := &inviteTransaction{req: req, to: c.dialog.next(), results: make(chan *Message, 1)}
	c.offering = true
	err := c.sendInvite(t)
	c.watch.Unlock()
	if err == nil {
		err = c.await(ctx, t)
	}
	c.watch.Lock()
	defer c.watch.Unlock()
	c.offering = false
	if err != nil {
		c.media.setDirection(before)
	}
	return err
}

// await waits for the final response to a re-INVITE.
func (c *Call) await(ctx context.Context, t *inviteTransaction) error {
	select {
	case m := <-t.results:
		return c.expectOK(m, nil)
	case <-ctx.Done():
		return fmt.Errorf("call %s: re-INVITE: %w", c.ID(), context.Cause(ctx))
	}
}

// Update offers the media again by UPDATE (RFC 3311).
func (c *Call) Update(ctx context.Context, direction string) error {
	c.watch.Lock()
	if c.media == nil {
		c.watch.Unlock()
		return fmt.Errorf("call %s: no media to offer", c.ID())
	}
	before := c.media.setDirection(direction)
	req := c.prepare("UPDATE")
	setSDP(req, c.media.offer())
	to := c.dialog.next()
	c.watch.Unlock()
	m, err := c.agent.Do(ctx, to, req)
	if err := c.expectOK(m, err); err != nil {
		c.media.setDirection(before)
		return err
	}
	c.watch.Lock()
	defer c.watch.Unlock()
	c.applyAnswer(m.SDP())
	return nil
}

// expectOK makes an error of a final response other than 2xx.
func (c *Call) expectOK(m *Message, err error) error {
	if err == nil && m.Code >= 300 {
		_, method := m.CSeq()
		err = &StatusError{Method: method, Response: m}
	}
	if err != nil {
		return fmt.Errorf("call %s: %w", c.ID(), err)
	}
	return nil
}

// openMedia opens the call's RTP sockets once; o nil takes the agent's options.
func (c *Call) openMedia(o *MediaOptions) error {
	if c.media != nil {
		return nil
	}
	if o == nil {
		o = &c.agent.options.Media
	}
	m, err := openMedia(*o, c.agent.Addr(), c.agent.spawn)
	if err != nil {
		return fmt.Errorf("call %s: %w", c.ID(), err)
	}
	c.media = m
	return nil
}

// applyAnswer takes the other side's SDP answer. One that cannot be used leaves the media as it is; the test sees that it
// hears nothing, and the SDP in the trace.
func (c *Call) applyAnswer(body []byte) {
	if body != nil && c.media != nil {
		_ = c.media.accept(body)
	}
}

func setSDP(m *Message, body []byte) {
	m.Set("Content-Type", "application/sdp")
	m.Body = body
}
