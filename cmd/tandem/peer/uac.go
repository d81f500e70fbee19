package peer

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// CallOptions describe a call to make.
type CallOptions struct {
	To        string // number, extension or whole SIP URI
	From      string // number, user or URI; default the agent's own
	Display   string // display name in From; default the agent's own
	Asserted  string // P-Asserted-Identity: number, user or URI; empty: no such header
	Privacy   string // Privacy header: "id"
	Anonymous bool   // From becomes "Anonymous" <sip:anonymous@anonymous.invalid> (RFC 3323 4.1.1.3)
	LateOffer bool   // INVITE without SDP: the offer is in the 2xx, the answer in the ACK
	Server    string // loopback host:port to send it to; default Options.Server, else the host of To
	Offer     []byte // SDP to send instead of the agent's own
	Headers   []Header
	Media     *MediaOptions // default Options.Media
}

// inviteTransaction is one INVITE sent within a call.
type inviteTransaction struct {
	req     *Message
	to      string
	stop    func()              // ends its repetition
	acks    map[string]*Message // for a 2xx, by remote tag
	refused bool                // by a final response other than 2xx
	cancel  bool                // CANCEL was sent
	tries   int                 // answers to challenges
	results chan *Message       // of a re-INVITE: its final response
}

// Dial makes a call and returns once the INVITE is on the wire. A context that is over already
// is an error; its later end does not end the call.
func (a *Agent) Dial(ctx context.Context, o CallOptions) (*Call, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("peer %s: dial %q: %w", a.options.Name, o.To, context.Cause(ctx))
	}
	server, err := o.destination(a.options)
	if err != nil {
		return nil, err
	}
	d := dialog{
		callID: token() + "@" + a.options.Domain,
		local:  o.caller(a.options),
		remote: Address{URI: a.options.uri(o.To)},
		target: a.options.uri(o.To),
		server: server,
	}
	c := newCall(a, d, false)
	c.watch.Lock()
	defer c.watch.Unlock()
	req := c.dialog.request(a, "INVITE")
	o.identify(a.options, req)
	if err := c.openMedia(o.Media); err != nil {
		return nil, err
	}
	switch {
	case o.Offer != nil:
		setSDP(req, o.Offer)
	case !o.LateOffer:
		setSDP(req, c.media.offer())
	}
	c.invite = req
	err = a.admit(c)
	if err == nil {
		err = c.sendInvite(&inviteTransaction{req: req, to: server})
	}
	if err != nil {
		c.finish(End{How: ByTimeout})
		return nil, err
	}
	return c, nil
}

// destination is the host:port that the INVITE goes to.
func (o CallOptions) destination(own Options) (string, error) {
	server := o.Server
	if server == "" {
		server = own.Server
	}
	if server == "" {
		server = hostPort(own.uri(o.To))
	}
	if !loopback(server) {
		return "", fmt.Errorf("peer %s: call to %q: no loopback server", own.Name, o.To)
	}
	return server, nil
}

// caller returns the From of a call.
func (o CallOptions) caller(own Options) Address {
	from := Address{Display: own.Display, URI: own.uri(own.User), Tag: token()}
	if o.From != "" {
		from.URI, from.Display = own.uri(o.From), ""
	}
	if o.Display != "" {
		from.Display = o.Display
	}
	if o.Anonymous {
		from.Display, from.URI = "Anonymous", "sip:anonymous@anonymous.invalid"
	}
	return from
}

// identify adds the headers of a first INVITE.
func (o CallOptions) identify(own Options, req *Message) {
	req.Add("Allow", allowed)
	if o.Asserted != "" {
		req.Add("P-Asserted-Identity", Address{URI: own.uri(o.Asserted)}.String())
	}
	if o.Privacy != "" {
		req.Add("Privacy", o.Privacy)
	}
	req.Headers = append(req.Headers, o.Headers...)
}

// sendInvite starts a transaction. The lock is held, as in all of the lower-case methods of a call.
func (c *Call) sendInvite(t *inviteTransaction) error {
	seq, _ := t.req.CSeq()
	t.acks, t.stop = make(map[string]*Message), func() {}
	c.invites[seq] = t
	if err := c.send(t.to, t.req); err != nil {
		return err
	}
	t.stop = c.agent.resend(64*c.agent.options.T1, c.agent.again(t.to, t.req), func() { c.unanswered(t) })
	return nil
}

// unanswered ends a call whose INVITE got no response within 64*T1 (timer B).
func (c *Call) unanswered(t *inviteTransaction) {
	c.watch.Lock()
	defer c.watch.Unlock()
	if t.results != nil {
		t.deliver(&Message{Code: 408, Reason: "Request Timeout"})
		return
	}
	c.finish(End{How: ByTimeout, Code: 408})
}

// response takes every response with the call's Call-ID and tag.
func (c *Call) response(m *Message) {
	c.watch.Lock()
	defer c.watch.Unlock()
	c.record(m, false, m.Source)
	seq, method := m.CSeq()
	t := c.invites[seq]
	if method != "INVITE" || t == nil {
		return
	}
	t.stop()
	switch {
	case m.Code < 200:
		c.provisional(t, m)
	case m.Code < 300:
		c.accepted(t, m)
	default:
		c.refused(t, m)
	}
}

func (c *Call) provisional(t *inviteTransaction, m *Message) {
	if t.results != nil || c.state >= Answered {
		return
	}
	c.grow(Proceeding)
	if m.Code > 100 {
		c.grow(Ringing)
		if ParseAddress(m.Get("To")).Tag != "" {
			c.dialog.learn(m) // an early dialog
		}
		if m.SDP() != nil {
			c.applyAnswer(m.SDP())
		}
	}
	if c.cancel {
		c.sendCancel(t)
	}
}

// accepted acknowledges a 2xx. One from a second branch of a forked INVITE, or for a call given up, is acknowledged and
// released (RFC 3261 13.2.2.4).
func (c *Call) accepted(t *inviteTransaction, m *Message) {
	tag := ParseAddress(m.Get("To")).Tag
	if ack := t.acks[tag]; ack != nil {
		c.acknowledge(ack)
		return
	}
	first := len(t.acks) == 0
	fork := c.dialog
	fork.learn(m)
	if t.results != nil { // a re-INVITE keeps tag and routes
		fork = c.dialog
		fork.refresh(m)
	}
	body := c.answerLateOffer(t, m)
	ack := fork.ack(c.agent, t.req, body)
	t.acks[tag] = ack
	switch {
	case t.results != nil:
		c.dialog.target = fork.target
		c.applyAnswer(m.SDP())
		c.acknowledge(ack)
		t.deliver(m)
	case first && c.state < Answered && !c.cancel:
		c.dialog = fork
		c.final = m
		if body == nil {
			c.applyAnswer(m.SDP())
		}
		c.media.start()
		c.acknowledge(ack)
		c.grow(Answered)
	default:
		c.acknowledge(ack)
		c.releaseFork(fork)
		if first && c.state != Ended {
			c.final = m
			c.finish(End{How: ByCANCEL, Code: m.Code, Last: m})
		}
	}
}

// answerLateOffer makes the SDP answer for the ACK when the INVITE had no offer.
func (c *Call) answerLateOffer(t *inviteTransaction, m *Message) []byte {
	if t.req.SDP() != nil || m.SDP() == nil || c.state == Ended {
		return nil
	}
	body, err := c.media.answer(m.SDP())
	if err != nil {
		return nil
	}
	return body
}

// ack builds the ACK of a 2xx: the CSeq number of its INVITE, a branch of its own (RFC 3261 13.2.2.4).
func (d dialog) ack(a *Agent, invite *Message, body []byte) *Message {
	seq, _ := invite.CSeq()
	ack := d.request(a, "ACK").Set("CSeq", strconv.Itoa(seq)+" ACK")
	if body != nil {
		setSDP(ack, body)
	}
	return ack
}

// acknowledge sends an ACK as Behaviour has it.
func (c *Call) acknowledge(ack *Message) {
	to := c.dialog.next()
	b := c.agent.behave()
	switch {
	case b.WithholdACK:
	case b.DelayACK > 0:
		c.agent.spawn(func(ctx context.Context) {
			select {
			case <-time.After(b.DelayACK):
				c.watch.Lock()
				defer c.watch.Unlock()
				_ = c.send(to, ack)
			case <-ctx.Done():
			}
		})
	default:
		_ = c.send(to, ack)
	}
}

// releaseFork sends BYE in a dialog that the call does not keep.
func (c *Call) releaseFork(d dialog) {
	bye := d.request(c.agent, "BYE")
	c.record(bye, true, d.next())
	c.agent.spawn(func(ctx context.Context) { _, _ = c.agent.Do(ctx, d.next(), bye) })
}

// deliver hands a re-INVITE's final response to who waits for it.
func (t *inviteTransaction) deliver(m *Message) {
	select {
	case t.results <- m:
	default: // repeated
	}
}
