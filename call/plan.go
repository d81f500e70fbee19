package call

import "time"

// Strategy is how the floor picks among the available users.
type Strategy string

// The strategies.
const (
	LongestIdle Strategy = "longest-idle"
	RoundRobin  Strategy = "round-robin"
	FewestCalls Strategy = "fewest-calls"
	Random      Strategy = "random"
	RingAll     Strategy = "ring-all"
)

// Sound names something that a leg can be played: a key of the media engine's
// sounds, which are loaded before the first call.
type Sound string

// The sounds that are always there. Ringback, Busy and Congestion are the
// country's tones, Unavailable tells that nobody can take the call.
const (
	SoundRingback    Sound = "ringback"
	SoundBusy        Sound = "busy"
	SoundCongestion  Sound = "congestion"
	SoundUnavailable Sound = "unavailable"
)

// Plan is what routing decided about an inbound call, once, at its arrival.
type Plan struct {
	Contact  Party  // who calls
	Owner    string // the contact's own salesperson, if any
	From, To string // E.164; From empty when withheld
	Number   string // the account's number that was called
	Playbook string
	TaskID   string // the Inbound Call task, already durable

	Reception Reception
	Closed    *Closed // set when the call arrived outside office hours
	Why       string  // for explain: e.g. "open: mon 09:00-14:00 Europe/Madrid"

	Record   bool  // recording is enabled
	Announce Sound // played to the contact before a recorded conversation, or empty
}

// Reception is how a playbook receives a call.
type Reception struct {
	Strategy     Strategy
	PreferOwner  bool
	Timeout      time.Duration // from arrival to missed
	OfferTimeout time.Duration // how long one user rings
	RejectNext   bool          // a rejection asks the next user instead of ending the call
	Early        bool          // 183 with music instead of 200
	Music        Sound
}

// Closed is what happens to a call outside office hours.
type Closed struct {
	Message  Sound
	Redirect *Redirect // nil: hang up after the message
	// TaskUnlessAnswered: no missed-call task when the redirected call was answered.
	TaskUnlessAnswered bool
}

// Redirect is where a closed office sends its callers.
type Redirect struct {
	Number      string   // E.164
	CallerID    string   // the account's number that is shown
	Trunks      []string // in order of preference
	RingTimeout time.Duration
}

// Target is whom to call: a user's phones, or a number through a trunk.
type Target struct {
	User string // all of this user's registered phones

	Trunk    string
	Number   string // E.164
	CallerID string // E.164, one of ours
	Diverted string // our number that the call was redirected from (RFC 5806), or empty

	Show       Party // whom the phone's display names
	AutoAnswer bool  // ask the phone to lift by itself
}

// Request is a call that needs a user.
type Request struct {
	Call     ID
	Playbook string
	Owner    string // asked first when PreferOwner is set
	Arrived  time.Time
	Exclude  []string // users who were asked already
	Strategy Strategy
	// PreferOwner asks the contact's own salesperson first, when available.
	PreferOwner bool
}

// Outcome is how an offer to a user ended.
type Outcome string

// The outcomes.
const (
	OutcomeAccepted    Outcome = "accepted"
	OutcomeRejected    Outcome = "rejected"
	OutcomeTimeout     Outcome = "timeout"
	OutcomeUnreachable Outcome = "unreachable" // the user's phones did not react
	OutcomeFailed      Outcome = "failed"      // the user's phones reacted with an error
	OutcomeWithdrawn   Outcome = "withdrawn"   // the call ended first
	OutcomeElsewhere   Outcome = "elsewhere"   // another user took it
)
