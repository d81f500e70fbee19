package peer

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/icholy/digest"
)

// Phone is a salesperson's softphone: an Agent that registers with the switch.
type Phone struct {
	*Agent

	mu        sync.Mutex // one registration at a time
	callID    string
	tag       string
	seq       int
	challenge *digest.Challenge // of the last 401, used again until it is stale
	uses      int               // of its nonce
}

// NewPhone opens a softphone. Server is the switch; User and Password are the salesperson's.
func NewPhone(o Options) (*Phone, error) {
	if o.User == "" || o.Server == "" {
		return nil, fmt.Errorf("phone %q: needs a user and a server", o.User)
	}
	a, err := NewAgent(o)
	if err != nil {
		return nil, err
	}
	return &Phone{Agent: a, callID: token() + "@" + a.options.Domain, tag: token()}, nil
}

// Register registers the phone's address, or refreshes it, and returns the 200. It answers one challenge, a stale one
// again, and raises the time to what a 423 asks for. Any other answer is a *StatusError.
func (p *Phone) Register(ctx context.Context, expires time.Duration) (*Message, error) {
	seconds := strconv.Itoa(int(expires.Seconds()))
	return p.register(ctx, Address{URI: p.ContactURI()}.String(), seconds)
}

// Unregister removes the phone's own binding.
func (p *Phone) Unregister(ctx context.Context) error {
	_, err := p.register(ctx, Address{URI: p.ContactURI()}.String(), "0")
	return err
}

// UnregisterAll removes every binding of the user (Contact: *).
func (p *Phone) UnregisterAll(ctx context.Context) error {
	_, err := p.register(ctx, "*", "0")
	return err
}

// StayRegistered registers and refreshes at half the time granted until the phone is switched off. Failures of a refresh
// are seen in the trace only; the next one tries again.
func (p *Phone) StayRegistered(ctx context.Context, expires time.Duration) error {
	res, err := p.Register(ctx, expires)
	if err != nil {
		return err
	}
	p.spawn(func(ctx context.Context) {
		for wait := p.granted(res, expires) / 2; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if res, err := p.Register(ctx, expires); err == nil {
				wait = p.granted(res, expires) / 2
			}
		}
	})
	return nil
}

// granted is the time that the registrar gave our Contact (RFC 3261 10.2.4), what was asked for when it does not say.
func (p *Phone) granted(res *Message, asked time.Duration) time.Duration {
	given := res.Get("Expires")
	for _, contact := range res.Values("Contact") {
		if expires := parameter(contact, "expires"); expires != "" && ParseAddress(contact).URI == p.ContactURI() {
			given = expires
		}
	}
	if seconds, err := strconv.Atoi(given); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return asked
}

func (p *Phone) register(ctx context.Context, contact, expires string) (*Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for try := 0; ; try++ {
		req, err := p.registration(contact, expires)
		if err != nil {
			return nil, err
		}
		res, err := p.Do(ctx, p.options.Server, req)
		switch {
		case err != nil:
			return nil, err
		case res.Code < 300:
			return res, nil
		case try < 3 && res.Code == 423 && res.Get("Min-Expires") != "":
			expires = res.Get("Min-Expires")
		case try < 3 && p.challenged(req, res):
		default:
			return nil, fmt.Errorf("phone %s: %w", p.options.Name, &StatusError{Method: "REGISTER", Response: res})
		}
	}
}

// challenged takes the nonce of a 401 or 407; false when credentials with a fresh nonce were refused.
func (p *Phone) challenged(req, res *Message) bool {
	if (res.Code != 401 && res.Code != 407) || p.options.Password == "" {
		return false
	}
	if req.Get("Authorization") != "" && !isStale(res) {
		return false
	}
	header := "WWW-Authenticate"
	if res.Code == 407 {
		header = "Proxy-Authenticate"
	}
	c, err := p.choose(res, header)
	p.challenge, p.uses = c, 0
	return err == nil
}

// registration is the next REGISTER, with credentials once a challenge is known (RFC 3261 10.2).
func (p *Phone) registration(contact, expires string) (*Message, error) {
	p.seq++
	own := Address{Display: p.options.Display, URI: p.options.uri(p.options.User)}
	from := own
	from.Tag = p.tag
	req := NewRequest("REGISTER", "sip:"+p.options.Domain).
		Add("Via", p.via()).
		Add("Max-Forwards", "70").
		Add("From", from.String()).
		Add("To", own.String()).
		Add("Call-ID", p.callID).
		Add("CSeq", strconv.Itoa(p.seq)+" REGISTER").
		Add("Contact", contact).
		Add("Expires", expires)
	if p.challenge == nil {
		return req, nil
	}
	p.uses++
	credentials, err := p.credentials(req, p.challenge, p.uses)
	if err != nil {
		return nil, err
	}
	return req.Add("Authorization", credentials), nil
}
