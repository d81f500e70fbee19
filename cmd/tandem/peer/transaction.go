package peer

import (
	"context"
	"fmt"
	"time"
)

// StatusError is a final response other than 2xx to a request of ours.
type StatusError struct {
	Method   string
	Response *Message
}

// Error names the method and the status line.
func (e *StatusError) Error() string { return e.Method + " answered with " + e.Response.String() }

// Do sends a request outside any call to the agent's Server (or to another host:port) and returns its final response,
// whatever its status. The request is repeated on UDP (RFC 3261 17.1.2). Via is added when the request has none.
func (a *Agent) Do(ctx context.Context, to string, req *Message) (*Message, error) {
	if req.Get("Via") == "" {
		req.Headers = append([]Header{{"Via", a.via()}}, req.Headers...)
	}
	key := transactionKey(req)
	final := make(chan *Message, 1)
	a.mu.Lock()
	a.transactions[key] = func(m *Message) {
		if m.Code < 200 {
			return
		}
		select {
		case final <- m:
		default: // a repeated final response
		}
	}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.transactions, key)
	}()
	if err := a.Send(to, req); err != nil {
		return nil, err
	}
	dead := make(chan struct{})
	stop := a.resend(a.t2(), a.again(to, req), func() { close(dead) })
	defer stop()
	select {
	case m := <-final:
		return m, nil
	case <-dead:
		return nil, fmt.Errorf("peer %s: %s to %s: no answer", a.options.Name, req.Method, to)
	case <-ctx.Done():
		return nil, fmt.Errorf("peer %s: %s to %s: %w", a.options.Name, req.Method, to, context.Cause(ctx))
	}
}

// Options sends OPTIONS to the agent's Server and returns the answer.
func (a *Agent) Options(ctx context.Context) (*Message, error) {
	req := a.NewRequest("OPTIONS", "sip:"+a.options.Domain)
	return a.Do(ctx, a.options.Server, req)
}

// NewRequest returns a request outside any call with all headers that RFC 3261 8.1.1 demands, from the agent's own
// address to uri. A test may change it before Do or Send.
func (a *Agent) NewRequest(method, uri string) *Message {
	from := Address{Display: a.options.Display, URI: a.options.uri(a.options.User), Tag: token()}
	return NewRequest(method, uri).
		Add("Via", a.via()).
		Add("Max-Forwards", "70").
		Add("From", from.String()).
		Add("To", Address{URI: uri}.String()).
		Add("Call-ID", token()+"@"+a.options.Domain).
		Add("CSeq", "1 "+method).
		Add("Contact", Address{URI: a.ContactURI()}.String())
}

// via returns a Via with a branch of its own and rport (RFC 3581).
func (a *Agent) via() string {
	transport := "UDP"
	if a.options.Transport == "tcp" {
		transport = "TCP"
	}
	return "SIP/2.0/" + transport + " " + a.Addr() + ";rport;branch=z9hG4bK" + token()
}

// again repeats a request; over TCP there is nothing to repeat.
func (a *Agent) again(to string, m *Message) func() {
	if a.options.Transport == "tcp" {
		return func() {}
	}
	return func() { _ = a.Send(to, m) }
}

// t2 is the longest interval between repetitions, 8*T1 as in RFC 3261's defaults.
func (a *Agent) t2() time.Duration { return 8 * a.options.T1 }

// transactionKey matches responses to requests (RFC 3261 17.1.3): a CANCEL has the branch of its INVITE.
func transactionKey(m *Message) string {
	_, method := m.CSeq()
	return m.Branch() + " " + method
}
