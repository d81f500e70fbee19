package peer

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// State is how far a call has come; it only ever grows.
type State int

// The states of a call, the same for both directions.
const (
	Calling    State = iota // INVITE sent or received, nothing answered
	Proceeding              // 100
	Ringing                 // 180 to 189
	Answered                // 2xx
	Ended
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"calling", "proceeding", "ringing", "answered", "ended"}[s]
}

// Ending is the way a call ended.
type Ending string

// The endings of a call.
const (
	ByBYE      Ending = "BYE"      // after the answer
	ByCANCEL   Ending = "CANCEL"   // by the caller, before the answer
	ByResponse Ending = "response" // a final response other than 2xx
	ByTimeout  Ending = "timeout"  // no answer to INVITE, or no ACK
	ByVanish   Ending = "vanish"   // this agent was switched off
)

// End says who ended a call, how and why.
type End struct {
	How    Ending
	Remote bool     // the other side ended it
	Code   int      // final response to INVITE, 0 when there was none
	Reason string   // Reason header of the BYE or CANCEL (RFC 3326)
	Last   *Message // the message that ended it, nil for timeout and vanish
	At     time.Time
}

// String tells the end in one line, for error texts.
func (e End) String() string {
	who := "by us"
	if e.Remote {
		who = "by them"
	}
	return fmt.Sprintf("ended %s by %s, code %d, reason %q", who, e.How, e.Code, e.Reason)
}

// maxEvents bounds the messages kept per call; later ones are only counted by the agent's trace.
const maxEvents = 256

// Call is one side of a conversation. All methods may be used from any goroutine.
type Call struct {
	// Incoming tells calls received from calls made.
	Incoming bool

	agent *Agent
	id    string // Call-ID
	key   string // dialogKey
	watch watch  // guards all below

	dialog    dialog
	invite    *Message // the first INVITE
	state     State
	peak      State // reached before the end
	end       End
	events    []Entry
	media     *Media
	offering  bool                // a re-INVITE of ours has no final response yet
	responses map[string]*Message // last answer to each request received, by branch and method

	// of calls made
	invites map[int]*inviteTransaction // by CSeq: the first INVITE and re-INVITEs
	cancel  bool                       // wanted, or already sent
	reasons []Header                   // of the CANCEL
	final   *Message

	// of calls received
	answer     *Message // final response to the first INVITE
	stopAnswer func()   // ends its repetition
	acks       int      // received for the 2xx, repetitions included
}

// newCall returns the part common to both directions; the dialog has Call-ID and local tag.
func newCall(a *Agent, d dialog, incoming bool) *Call {
	return &Call{
		Incoming:   incoming,
		agent:      a,
		id:         d.callID,
		key:        dialogKey(d.callID, d.local.Tag),
		dialog:     d,
		responses:  make(map[string]*Message),
		invites:    make(map[int]*inviteTransaction),
		stopAnswer: func() {},
	}
}

// ID returns the Call-ID.
func (c *Call) ID() string { return c.id }

// Invite returns the first INVITE, the one with credentials after a challenge: its From is the display shown to the person, its headers tell whether to answer at once.
func (c *Call) Invite() *Message {
	c.watch.Lock()
	defer c.watch.Unlock()
	return c.invite
}

// From returns the caller as the INVITE names it.
func (c *Call) From() Address { return ParseAddress(c.Invite().Get("From")) }

// To returns the callee as the INVITE names it.
func (c *Call) To() Address { return ParseAddress(c.Invite().Get("To")) }

// Media returns the call's audio, nil before there is any: until the first SDP is sent or received.
func (c *Call) Media() *Media {
	c.watch.Lock()
	defer c.watch.Unlock()
	return c.media
}

// State returns how far the call has come.
func (c *Call) State() State {
	c.watch.Lock()
	defer c.watch.Unlock()
	return c.state
}

// Messages returns those of the call in order, with their times, at most 256.
func (c *Call) Messages() []Entry {
	c.watch.Lock()
	defer c.watch.Unlock()
	return slices.Clone(c.events)
}

// Codes returns the status of every response received to the first INVITE, in order, repetitions included. Challenges
// (401, 407) count.
func (c *Call) Codes() []int {
	var codes []int
	for _, e := range c.Messages() {
		if !e.Sent && !e.Message.IsRequest() && answersInvite(e.Message) {
			codes = append(codes, e.Message.Code)
		}
	}
	return codes
}

// Final returns the final response to the first INVITE, sent or received; nil before there is one.
func (c *Call) Final() *Message {
	c.watch.Lock()
	defer c.watch.Unlock()
	if c.Incoming {
		return c.answer
	}
	return c.final
}

// Acked returns how many ACKs came for the 2xx that answered this incoming call.
func (c *Call) Acked() int {
	c.watch.Lock()
	defer c.watch.Unlock()
	return c.acks
}

// WaitRinging waits for 18x, or for the answer when it comes without.
func (c *Call) WaitRinging(ctx context.Context) error { return c.waitState(ctx, Ringing) }

// WaitAnswered waits for the 2xx, received or (incoming) sent. An end without answer is an error that tells it.
func (c *Call) WaitAnswered(ctx context.Context) error { return c.waitState(ctx, Answered) }

// WaitEnded waits for the call's end and says who ended it and why.
func (c *Call) WaitEnded(ctx context.Context) (End, error) {
	err := c.waitState(ctx, Ended)
	c.watch.Lock()
	defer c.watch.Unlock()
	return c.end, err
}

func (c *Call) waitState(ctx context.Context, want State) error {
	err := c.watch.until(ctx, func() (bool, error) {
		if c.state == Ended && want < Ended && c.peak < want {
			return false, fmt.Errorf("not %s: %s", want, c.end)
		}
		return c.state >= want, nil
	})
	if err != nil {
		return fmt.Errorf("call %s of %s: waiting for %s: %w", c.ID(), c.agent.options.Name, want, err)
	}
	return nil
}

// answersInvite reports whether a response belongs to an INVITE.
func answersInvite(m *Message) bool {
	_, method := m.CSeq()
	return method == "INVITE"
}

// WaitMessage waits for a received message of the call, one that already came included, for which match reports true.
func (c *Call) WaitMessage(ctx context.Context, match func(*Message) bool) (*Message, error) {
	for seen := 0; ; {
		var fresh []Entry
		err := c.watch.until(ctx, func() (bool, error) {
			fresh = slices.Clone(c.events[seen:])
			return len(fresh) > 0, nil
		})
		if err != nil {
			return nil, fmt.Errorf("call %s of %s: waiting for a message: %w", c.ID(), c.agent.options.Name, err)
		}
		seen += len(fresh)
		for _, e := range fresh { // without the lock, so that match may ask the call
			if !e.Sent && match(e.Message) {
				return e.Message, nil
			}
		}
	}
}

// WaitRequest waits for a request of that method within the call, its first INVITE apart: BYE, CANCEL, INVITE (again),
// UPDATE, NOTIFY, ACK...
func (c *Call) WaitRequest(ctx context.Context, method string) (*Message, error) {
	return c.WaitMessage(ctx, func(m *Message) bool {
		return m.Method == method && (method != "INVITE" || ParseAddress(m.Get("To")).Tag != "")
	})
}

// WaitCode waits for a response of that status to an INVITE of the call.
func (c *Call) WaitCode(ctx context.Context, code int) (*Message, error) {
	return c.WaitMessage(ctx, func(m *Message) bool { return m.Code == code && answersInvite(m) })
}

// record keeps a message of the call. The lock must be held, as for all below.
func (c *Call) record(m *Message, sent bool, other string) {
	if len(c.events) < maxEvents {
		c.events = append(c.events, Entry{At: time.Now(), Agent: c.agent.options.Name, Sent: sent, Other: other, Message: m})
	}
	c.watch.ring()
}

// send puts a message of the call on the wire.
func (c *Call) send(to string, m *Message) error {
	c.record(m, true, to)
	return c.agent.Send(to, m)
}

func (c *Call) grow(s State) {
	if c.state < s {
		c.state = s
		c.watch.ring()
	}
}

// finish ends the call once.
func (c *Call) finish(e End) {
	if c.state == Ended {
		return
	}
	e.At = time.Now()
	c.end, c.peak = e, c.state
	c.grow(Ended)
	if c.media != nil {
		c.media.close()
	}
	c.agent.retire(c)
}

// vanish ends the call because its agent was switched off.
func (c *Call) vanish() {
	c.watch.Lock()
	defer c.watch.Unlock()
	c.stopAnswer()
	c.finish(End{How: ByVanish})
}
