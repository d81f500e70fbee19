package peer

import (
	"context"
	"fmt"
	"strconv"
)

// refused acknowledges a final response other than 2xx, answers a challenge once, and ends the call.
func (c *Call) refused(t *inviteTransaction, m *Message) {
	if len(t.acks) > 0 {
		return // the 2xx ended the transaction (RFC 3261 17.1.1.2)
	}
	ack := NewRequest("ACK", t.req.URI) // RFC 3261 17.1.1.3
	for _, h := range t.req.Headers {
		switch h.Name {
		case "Via", "From", "Call-ID", "Route", "Max-Forwards":
			ack.Add(h.Name, h.Value)
		}
	}
	seq, _ := t.req.CSeq()
	ack.Add("To", m.Get("To")).Add("CSeq", strconv.Itoa(seq)+" ACK")
	_ = c.send(t.to, ack)
	if c.state == Ended || t.refused {
		return
	}
	t.refused = true
	if (m.Code == 401 || m.Code == 407) && !c.cancel && c.retry(t, m) {
		return
	}
	if t.results != nil {
		t.deliver(m)
		return
	}
	c.final = m
	end := End{How: ByResponse, Remote: true, Code: m.Code, Reason: m.Get("Reason"), Last: m}
	if c.cancel && m.Code == 487 {
		end.How, end.Remote = ByCANCEL, false
	}
	c.finish(end)
}

// retry sends the INVITE again with credentials; false when there are none or they were refused.
func (c *Call) retry(t *inviteTransaction, challenge *Message) bool {
	if t.tries >= 2 || c.agent.options.Password == "" || (t.tries == 1 && !isStale(challenge)) {
		return false
	}
	req := t.req.Clone()
	c.dialog.seq++
	req.Set("Via", c.agent.via()).Set("CSeq", strconv.Itoa(c.dialog.seq)+" INVITE")
	if err := c.agent.authorize(req, challenge, 1); err != nil {
		return false
	}
	again := &inviteTransaction{req: req, to: t.to, tries: t.tries + 1, results: t.results}
	if t.results == nil {
		c.invite = req
	}
	return c.sendInvite(again) == nil
}

// Cancel gives up a call that is not answered. Before the first provisional response the CANCEL waits for it (RFC 3261
// 9.1). WaitEnded tells whether it was in time.
func (c *Call) Cancel(headers ...Header) error {
	c.watch.Lock()
	defer c.watch.Unlock()
	if c.Incoming || c.state >= Answered {
		return fmt.Errorf("call %s: nothing to cancel: %s", c.ID(), c.state)
	}
	c.reasons = headers
	c.cancel = true
	seq, _ := c.invite.CSeq()
	if c.state >= Proceeding {
		c.sendCancel(c.invites[seq])
	}
	return nil
}

// sendCancel repeats Via, From, To, Call-ID and CSeq number of the INVITE (RFC 3261 9.1).
func (c *Call) sendCancel(t *inviteTransaction) {
	if t.cancel {
		return
	}
	t.cancel = true
	cancel := NewRequest("CANCEL", t.req.URI)
	for _, h := range t.req.Headers {
		switch h.Name {
		case "Via", "From", "To", "Call-ID", "Route", "Max-Forwards":
			cancel.Add(h.Name, h.Value)
		}
	}
	seq, _ := t.req.CSeq()
	cancel.Add("CSeq", strconv.Itoa(seq)+" CANCEL")
	cancel.Headers = append(cancel.Headers, c.reasons...)
	c.record(cancel, true, t.to)
	c.agent.spawn(func(ctx context.Context) { _, _ = c.agent.Do(ctx, t.to, cancel) })
	t.stop = c.agent.resend(64*c.agent.options.T1, func() {}, func() { c.unanswered(t) }) // no 487 either
}
