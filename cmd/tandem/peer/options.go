package peer

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Options describe a user agent. The zero value of every field but Server has a meaning.
type Options struct {
	Name      string // in Ladder; default User, else "agent"
	Bind      string // loopback host:port, port 0 for any; default 127.0.0.1:0
	Transport string // "udp" (default) or "tcp"
	Server    string // loopback host:port that calls and registrations go to; may be empty for an agent that only answers
	Domain    string // host of its own address and of the numbers it calls; default the host of Server, else of Bind
	User      string // user part of its own address
	Display   string // display name in From
	Password  string // answers digest challenges
	AuthUser  string // digest user name; default User
	Algorithm string // digest to choose when several are offered: "MD5" or "SHA-256"; default the strongest

	Accounts map[string]string // user to password: REGISTER and INVITE of others are challenged; nil asks nobody

	T1        time.Duration // retransmission interval, RFC 3261 17.1.1.1; default 500ms
	Media     MediaOptions  // of every call that names no other
	Behaviour Behaviour
	OnCall    func(*Call) // runs in its own goroutine for each incoming call; nil: calls wait for Accept
}

// Behaviour is what an agent does wrong on purpose. The zero value follows the RFCs.
type Behaviour struct {
	WithholdACK        bool          // no ACK ever goes out for a 2xx
	DelayACK           time.Duration // the ACK for a 2xx leaves this much late
	AnswerAfterCancel  bool          // a CANCEL is confirmed, then the call is answered with 200 all the same
	DuplicateResponses int           // every response leaves this many times more
	SilentOptions      bool          // OPTIONS get no answer
	SilentInvites      bool          // INVITEs get no answer and make no Call
	Deaf               bool          // nothing received is looked at, but Trace shows it
	KeepCallOnBYE      bool          // BYE gets no answer and does not end the call
	ReinviteCode       int           // final answer to re-INVITE and UPDATE: 488, 491...; 0 accepts
}

func (o Options) complete() (Options, error) {
	if o.Transport == "" {
		o.Transport = "udp"
	}
	if o.Bind == "" {
		o.Bind = "127.0.0.1:0"
	}
	if o.T1 == 0 {
		o.T1 = 500 * time.Millisecond
	}
	if !loopback(o.Bind) {
		return o, fmt.Errorf("bind %q: want a loopback address and port", o.Bind)
	}
	if o.Server != "" && !loopback(o.Server) {
		return o, fmt.Errorf("server %q: want a loopback address and port", o.Server)
	}
	if o.Domain == "" {
		host := o.Bind
		if o.Server != "" {
			host = o.Server
		}
		o.Domain = netip.MustParseAddrPort(host).Addr().String()
	}
	if o.AuthUser == "" {
		o.AuthUser = o.User
	}
	if o.Name == "" {
		o.Name = o.User
	}
	if o.Name == "" {
		o.Name = "agent"
	}
	return o, nil
}

// uri makes a SIP URI of a user or number in the agent's domain; a value that is a URI already stays as it is.
func (o Options) uri(user string) string {
	lower := strings.ToLower(user)
	if strings.HasPrefix(lower, "sip:") || strings.HasPrefix(lower, "sips:") || strings.HasPrefix(lower, "tel:") {
		return user
	}
	return "sip:" + user + "@" + o.Domain
}
