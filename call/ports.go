package call

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Lines is the exchange as adapters see it. No method ever blocks.
type Lines interface {
	// Arrive begins an inbound call. It fails with ErrDraining or ErrFull.
	Arrive(in Arrival) error
	// Originate begins an outbound call. It fails like Arrive.
	Originate(in Origination) error
	// Post hands an input to a live call; false when there is no such call, or
	// when it falls behind its inputs and is hung up.
	Post(id ID, in Input) bool
}

// Signalling is what sip does for calls. No method blocks; whatever goes wrong
// comes back as LegGone.
type Signalling interface {
	// Reach returns the host of a leg's signalling peer, an IP address, or
	// nothing, and whether nobody on the way can read what we tell it. A leg
	// that the peer did not begin is one that would call the target. Media shows
	// the address of ours that faces the host, and no keys where they can be read.
	Reach(leg LegID, to Target) (host string, secure bool)
	Invite(leg LegID, to Target, sdp []byte)
	Progress(leg LegID, status int, sdp []byte)
	Answer(leg LegID, sdp []byte)
	// Reanswer answers a LegOffered: with sdp, or with 488 when sdp is nil.
	Reanswer(leg LegID, sdp []byte)
	// Release rejects, cancels or hangs up, as the dialog's state asks. It is
	// final: no input about the leg follows. An unknown leg is ignored.
	Release(leg LegID, why Cause)
}

// Transfers is what sip does for calls that change hands. Neither method blocks.
type Transfers interface {
	// Take makes from, a leg of another call, into leg: from is silent from now
	// on. An INVITE of the peer that is not answered yet is answered with sdp;
	// else sdp is offered by re-INVITE. LegAnswered or LegGone come back.
	Take(leg, from LegID, sdp []byte)
	// Notify tells the peer that sent a REFER how it does: a status below 200
	// while it is tried, then how it ended. Without a REFER it does nothing.
	Notify(leg LegID, status int)
}

// ErrExhausted says that media has no port or descriptor left: the call fails
// for want of room, not because of its peer.
var ErrExhausted = errors.New("no media channel left")

// MediaSpec is what a leg's media needs to know of its signalling.
type MediaSpec struct {
	Remote []byte // the peer's SDP offer; nil: we offer
	Trunk  string // whose preferences hold; empty for a user's phone
	User   string // whose preferences hold when there is no trunk
	Source string // host of the signalling peer, or empty
	Secure bool   // the signalling is encrypted all the way to the peer
	// Private: its keys are for the switch, and are passed on to nobody.
	Private bool
}

// Media gives legs their ports. A leg's room is its call.
type Media interface {
	// Open binds a port and returns our SDP answer to spec.Remote, or our
	// offer. ErrExhausted: there is none left.
	Open(leg LegID, spec MediaSpec) (sdp []byte, err error)
	// Accept sets the peer's answer to our offer. source is the host of the
	// signalling peer, or empty when Open was told it.
	Accept(leg LegID, sdp []byte, source string) error
	// Reoffer answers a new offer of the peer; a nil sdp returns our own offer.
	// held says that the peer put us on hold by it.
	Reoffer(leg LegID, sdp []byte) (answer []byte, held bool, err error)
	// Close frees the port and returns what was received from the leg.
	Close(leg LegID) Quality
}

// Room is where a call's audio meets.
type Room interface {
	// Wire sets who hears whom, in whole; what is not named is silence.
	Wire(room ID, edges []Edge)
	// Play starts a sound for a leg in place of what it hears; PlayEnded
	// follows when it does not loop.
	Play(leg LegID, sound Sound, loop bool)
	Hush(leg LegID)
	// Press plays a key, 0-9, *, #, A-D, to those who hear a leg (RFC 4733).
	Press(from LegID, key byte)
	// Tap pushes what two legs say onto a tape, a frame of each every 20 ms.
	// An empty leg is silence. The same tape with other legs goes on without a
	// seam. A nil tape ends it; once Tap returns, nothing more is pushed.
	Tap(room ID, contact, person LegID, tape Tape)
}

// Tape takes a conversation in frames of 160 samples at 8000 Hz. It is called
// from the media tick: it never waits and never allocates.
type Tape interface {
	// Push takes 20 ms of both sides; false when it had to drop them (they
	// become silence of the same length).
	Push(contact, person *[160]int16) bool
	// Skip stands for frames that the tick lost: they become silence.
	Skip(frames int)
}

// Recorder keeps conversations.
type Recorder interface {
	// Start opens a recording. An error never harms the call.
	Start(rec Record) (Tape, error)
	// Stop seals it in the background. An unknown ID is ignored.
	Stop(id ID)
}

// Router decides about arrivals and keeps what calls leave behind.
type Router interface {
	// Admit finds or creates the contact, makes the Inbound Call task and
	// stores the call, in one transaction, and returns the plan. A *Refusal
	// says why there is none.
	Admit(ctx context.Context, in Arrival, at time.Time) (Plan, error)
	// Place checks an outbound call, chooses the number that it shows, reserves
	// the user and stores the call, in one transaction. A *Refusal says why it
	// cannot be made.
	Place(ctx context.Context, in Origination, at time.Time) (Placement, error)
	// Direct finds where a user passes a call on to, and reserves a user who is
	// to get it. A *Refusal says why it cannot go there.
	Direct(ctx context.Context, rec Record, to, by string) (Destination, error)
	// Save stores the record and what follows from it, in one transaction.
	Save(ctx context.Context, change Change) error
}

// Refusal is a Router's error for a call that is not to be.
type Refusal struct {
	Cause Cause
	// Kind sorts it for whoever asked.
	Kind RefusalKind
}

func (r *Refusal) Error() string { return "refused: " + r.Cause.Text }

// RefusalKind sorts refusals by who has to do something about it.
type RefusalKind uint8

// The kinds of refusal.
const (
	RefusedOther     RefusalKind = iota
	RefusedUnknown               // no such user, contact or task
	RefusedNumber                // not a number that can be called
	RefusedContact               // the contact is not to be called
	RefusedBusy                  // the user has a call, or no phone
	RefusedNoNumber              // none of our numbers has a trunk that is up and free
	RefusedForbidden             // not this user's to do
)

// Floor knows who is free. It answers by posting Assigned.
type Floor interface {
	Seek(Request)
	// Leave takes the call out of the queue; offers already made stay.
	Leave(id ID)
	// Over frees a user whose offer by this call ended without a conversation.
	Over(id ID, user string, outcome Outcome)
	// Talk marks the user as talking.
	Talk(id ID, user string)
	// Free ends the conversation; the wrap-up begins.
	Free(id ID, user string)
}

// Supervision is what the floor does for coaches. It answers by posting
// Conversing or Hangup.
type Supervision interface {
	// Supervise marks a user as coaching this call, whatever they coached before;
	// Floor.Free ends it.
	Supervise(id ID, user string)
	// Follow asks, for the users who coach as this call, for the next
	// conversation of another: Conversing is posted once it has begun, or
	// Hangup when that user goes offline.
	Follow(id ID, user string)
}

// Binding is one registered address of a user's phone: the durable part of a
// registration.
type Binding struct {
	User       string         `json:"user"`
	ContactURI string         `json:"contact"`   // as the phone gave it
	Transport  string         `json:"transport"` // udp, tcp, tls, ws, wss
	Source     netip.AddrPort `json:"source"`    // where the REGISTER came from: replies and requests go there
	CallID     string         `json:"call_id"`
	CSeq       uint32         `json:"cseq"`
	Instance   string         `json:"instance"` // +sip.instance (RFC 5626), or empty
	UserAgent  string         `json:"user_agent"`
	Registered time.Time      `json:"registered_at"`
	Expires    time.Time      `json:"expires_at"`
	Suspect    bool           `json:"suspect"` // did not answer when it was called last
}

// Dialog is what must survive a crash so that the peer can be told the call is
// over: identifiers only (RFC 3261 section 12).
type Dialog struct {
	Leg       LegID          `json:"leg"`
	Confirmed bool           `json:"confirmed"` // answered: BYE ends it; else CANCEL, or a final response
	UAS       bool           `json:"uas"`       // the peer sent the INVITE
	CallID    string         `json:"call_id"`
	Local     string         `json:"local"`  // From or To value with our tag
	Remote    string         `json:"remote"` // the peer's, with its tag when there is one
	Target    string         `json:"target"` // remote target, a URI
	RouteSet  []string       `json:"route_set"`
	LocalCSeq uint32         `json:"local_cseq"`
	Via       string         `json:"via"` // unconfirmed: topmost Via of the INVITE, all Vias when UAS
	Transport string         `json:"transport"`
	Source    netip.AddrPort `json:"source"` // where to send
}
