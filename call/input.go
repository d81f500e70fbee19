package call

// Input is something that happened: what adapters post and Machine.Step takes.
type Input interface{ input() }

// Arrival is an INVITE from a trunk: the first input of an inbound call.
type Arrival struct {
	Call  ID
	Leg   LegID
	Trunk string
	// As on the wire, bounded and free of control characters; routing makes E.164 of them.
	Called, Caller string
	Name           string // display name, may be empty
	Withheld       bool   // the caller asked for privacy (RFC 3323, RFC 3325)
	SDP            []byte // SDP offer, nil when the INVITE had none
	Source         string // host of the signalling peer, an IP address
	Diverted       string // number that the call was diverted from (RFC 5806), or empty
}

// Origination is a user who calls out: the first input of an outbound call.
type Origination struct {
	Call ID
	User string // who calls
	// Leg is the INVITE of the user's phone. Empty: the call was asked for
	// from elsewhere, and the user's phones are called first.
	Leg    LegID
	SDP    []byte // of Leg: its SDP offer, nil when it had none
	Source string // of Leg: host of the signalling peer, an IP address

	Dialed    string // as it was dialed, bounded and free of control characters
	ContactID string // whom it is for, when that is known
	TaskID    string // the task that the call works on, or empty
	Number    string // the account's number that is to be shown, or empty
}

// Placed is routing's decision about an Origination.
type Placed struct{ Placement Placement }

// Standby is a coach who waits for a salesperson's next conversation: the first
// input of what is no call.
type Standby struct {
	Call     ID
	Leg      LegID // of the call that is over; it is this one's to take
	Coaching Coaching
}

// Conversing tells a Standby that the salesperson's next conversation has begun.
type Conversing struct{ Call ID }

// Coach lets a supervisor join from the screen: their phone is called.
type Coach struct{ Coaching Coaching }

// CoachSwitch changes what a coach lets be heard, from the screen. Whether they
// may was decided by whoever asks.
type CoachSwitch struct {
	User string
	Mode CoachMode
}

// CoachLeave ends a coach's part in the call, from the screen.
type CoachLeave struct{ User string }

// Planned is routing's decision about an Arrival.
type Planned struct{ Plan Plan }

// Refused is routing's refusal of an Arrival, e.g. an unknown number.
type Refused struct{ Cause Cause }

// MediaOpened carries the local SDP of a leg whose media was opened.
type MediaOpened struct {
	Leg LegID
	SDP []byte
}

// MediaReady says that a leg's peer accepted our offer and can be heard.
type MediaReady struct{ Leg LegID }

// MediaClosed carries what was received from a leg whose media was closed.
type MediaClosed struct {
	Leg     LegID
	Quality Quality
}

// MediaFailed says that a leg cannot have media: no common codec, no port.
type MediaFailed struct {
	Leg   LegID
	Cause Cause  // what the peer is told
	Why   string // for our own people
}

// Assigned is the floor's choice. The users are reserved for this call until
// Floor.Over or Floor.Talk is called for each of them.
type Assigned struct {
	Users  []string
	Passed []Passed // who was not chosen and why
	Why    string   // e.g. "longest idle: 12m"
	Auto   bool     // they asked for the call: a phone of theirs lifts by itself
}

// Passed is a user who was not chosen.
type Passed struct{ User, Why string }

// LegProgress is a provisional response above 100 from a leg that we invited.
type LegProgress struct {
	Leg    LegID
	Status int
	SDP    []byte // early media, or nil
	Source string // host of the signalling peer, an IP address
}

// LegAnswered is a 2xx from a leg that we invited; sip has sent the ACK.
type LegAnswered struct {
	Leg    LegID
	SDP    []byte
	Source string // host of the signalling peer, an IP address
}

// LegAccepted carries the SDP answer that an ACK brought for an INVITE that
// came without an SDP offer.
type LegAccepted struct {
	Leg LegID
	SDP []byte
}

// LegOffered is a new SDP offer inside a dialog (re-INVITE or UPDATE).
type LegOffered struct {
	Leg LegID
	SDP []byte // nil: the peer wants us to offer
}

// LegHeld says that a leg's peer put the call on hold, or took it back.
type LegHeld struct {
	Leg LegID
	On  bool
}

// LegRefers is a REFER (RFC 3515): the peer of a leg passes the call on.
type LegRefers struct {
	Leg LegID
	To  string // user part of the Refer-To URI
	// Partner is the leg, of another call of ours, that the other side of this
	// call is to replace (RFC 3891): an attended transfer. Empty: a blind one.
	Partner LegID
}

// LegGone says that the peer ended a leg, or that it could not be reached.
// It comes at most once per leg and never after Release.
type LegGone struct {
	Leg   LegID
	Cause Cause
}

// PlayEnded says that a sound that does not loop was played to its end.
type PlayEnded struct {
	Leg   LegID
	Sound Sound
}

// MediaLost says that no RTP came from a leg for too long.
type MediaLost struct{ Leg LegID }

// Digit is a key that was pressed: 0-9, *, #, A-D.
type Digit struct {
	Leg LegID
	Key byte
	// Signalled keys came by INFO. The others came in RTP (RFC 4733), which
	// media passes on by itself.
	Signalled bool
}

// Accept is a user's acceptance from the screen.
type Accept struct{ User string }

// Reject is a user's rejection from the screen.
type Reject struct{ User string }

// Hold puts the other side on hold from the screen, or takes it back.
type Hold struct {
	By string
	On bool
}

// Mute keeps from the contact what the salesperson says, from the screen.
type Mute struct {
	By string
	On bool
}

// PauseRecording makes the recording silence, or ends that.
type PauseRecording struct {
	By string
	On bool
}

// Transfer passes the call on from the screen.
type Transfer struct {
	By string
	To string // a user, a playbook, an extension or a number, as written
}

// Directed is routing's decision about a Transfer or LegRefers; a user in it
// is reserved until Floor.Over or Floor.Talk is called for them.
type Directed struct{ Destination Destination }

// Undirected is routing's refusal of it.
type Undirected struct{ Cause Cause }

// Surrender asks a call for the side that talks with one of its legs, which
// another call takes over.
type Surrender struct {
	By  ID    // the call that asks
	Leg LegID // the leg that is given up for it
}

// Handed answers a Surrender, or brings the leg of a user who picks up this call
// or coaches it.
type Handed struct {
	For      LegID     // that was to be given up for it, of a Surrender
	Leg      LegID     // of the other call; it is this call's to take. Empty: refused
	User     string    // whose phone it is, or empty
	Party    Party     // who it is
	Early    bool      // the peer's INVITE, which is not answered yet
	SDP      []byte    // its SDP offer, nil when it had none
	Source   string    // host of the signalling peer, an IP address
	Coaching *Coaching // set: they join as a coach
}

// Hangup ends the call by command.
type Hangup struct{ By string }

// Drained ends the call because the switch is going down.
type Drained struct{}

// TimerFired says that a timer armed by ArmTimer ran out.
type TimerFired struct{ Timer Timer }

func (Arrival) input()        {}
func (Origination) input()    {}
func (Standby) input()        {}
func (Conversing) input()     {}
func (Coach) input()          {}
func (CoachSwitch) input()    {}
func (CoachLeave) input()     {}
func (Placed) input()         {}
func (LegHeld) input()        {}
func (LegRefers) input()      {}
func (Hold) input()           {}
func (Mute) input()           {}
func (PauseRecording) input() {}
func (Transfer) input()       {}
func (Directed) input()       {}
func (Undirected) input()     {}
func (Surrender) input()      {}
func (Handed) input()         {}
func (Planned) input()        {}
func (Refused) input()        {}
func (MediaOpened) input()    {}
func (MediaReady) input()     {}
func (MediaClosed) input()    {}
func (MediaFailed) input()    {}
func (Assigned) input()       {}
func (LegProgress) input()    {}
func (LegAnswered) input()    {}
func (LegAccepted) input()    {}
func (LegOffered) input()     {}
func (LegGone) input()        {}
func (PlayEnded) input()      {}
func (MediaLost) input()      {}
func (Digit) input()          {}
func (Accept) input()         {}
func (Reject) input()         {}
func (Hangup) input()         {}
func (Drained) input()        {}
func (TimerFired) input()     {}
