package peer

import (
	"context"
	"fmt"
	"time"
)

// allowed are the methods an agent understands.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY, MESSAGE"

// receive takes every message off the wire; what is not SIP (keep-alives, junk) is dropped.
func (a *Agent) receive(from string, data []byte) {
	m, err := ParseMessage(data)
	if err != nil {
		return
	}
	m.At, m.Source = time.Now(), from
	a.trace.add(Entry{At: m.At, Agent: a.options.Name, Other: from, Message: m})
	switch {
	case a.behave().Deaf:
	case m.IsRequest():
		a.request(m)
	default:
		a.response(m)
	}
}

// response goes to its call (INVITE) or to its transaction by branch (all others).
func (a *Agent) response(m *Message) {
	a.mu.Lock()
	call := a.calls[dialogKey(m.Get("Call-ID"), ParseAddress(m.Get("From")).Tag)]
	transaction := a.transactions[transactionKey(m)]
	a.mu.Unlock()
	if call != nil {
		call.response(m)
	}
	if transaction != nil {
		transaction(m)
	}
}

func (a *Agent) request(m *Message) {
	if call := a.callOf(m); call != nil {
		call.request(m)
		return
	}
	b := a.behave()
	inDialog := ParseAddress(m.Get("To")).Tag != ""
	switch {
	case m.Method == "ACK": // never answered
	case m.Method == "OPTIONS" && b.SilentOptions:
	case m.Method == "INVITE" && b.SilentInvites:
	case m.Method == "CANCEL", inDialog && m.Method != "NOTIFY":
		a.reply(m, a.bareResponse(m, 481, "Call/Transaction Does Not Exist"))
	case m.Method == "INVITE":
		a.invited(m)
	case m.Method == "REGISTER" && a.options.Accounts != nil:
		a.registered(m)
	case m.Method == "OPTIONS", m.Method == "NOTIFY", m.Method == "MESSAGE":
		a.reply(m, a.bareResponse(m, 200, "OK").Add("Allow", allowed))
	default:
		a.reply(m, a.bareResponse(m, 405, "Method Not Allowed").Add("Allow", allowed))
	}
}

// bareResponse is a response outside any call, with a To tag as RFC 3261 8.2.6.2 has it.
func (a *Agent) bareResponse(req *Message, code int, reason string) *Message {
	res := NewResponse(req, code, reason)
	if to := res.Get("To"); ParseAddress(to).Tag == "" {
		res.Set("To", to+";tag="+token())
	}
	return res
}

// callOf finds the call of a request: by its dialog, or, for CANCEL, a repeated INVITE and the ACK of a refusal, by branch.
func (a *Agent) callOf(m *Message) *Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	if tag := ParseAddress(m.Get("To")).Tag; tag != "" {
		return a.calls[dialogKey(m.Get("Call-ID"), tag)]
	}
	if m.Method == "INVITE" || m.Method == "CANCEL" || m.Method == "ACK" {
		return a.invites[m.Branch()]
	}
	return nil
}

// invited makes a Call of a new INVITE and hands it to OnCall or Accept.
func (a *Agent) invited(m *Message) {
	if a.options.Accounts != nil && !a.authenticated(m) {
		return
	}
	c := newIncoming(a, m)
	if a.admit(c) != nil {
		return
	}
	a.mu.Lock()
	onCall := a.onCall
	a.mu.Unlock()
	if onCall != nil {
		a.spawn(func(context.Context) { onCall(c) })
		return
	}
	select {
	case a.incoming <- c:
	default:
		_ = c.Reject(486)
	}
}

// admit makes a call known, unless the agent is off.
func (a *Agent) admit(c *Call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.power == nil {
		return fmt.Errorf("peer %s: %w", a.options.Name, ErrClosed)
	}
	a.calls[c.key] = c
	if c.Incoming {
		a.invites[c.invite.Branch()] = c
	}
	return nil
}

// retire forgets the oldest ended calls beyond maxEnded.
func (a *Agent) retire(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, c)
	if len(a.ended) <= maxEnded {
		return
	}
	old := a.ended[0]
	a.ended = a.ended[1:]
	delete(a.calls, old.key)
	if old.Incoming {
		delete(a.invites, old.invite.Branch())
	}
}
