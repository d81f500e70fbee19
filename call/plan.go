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
// country's tones, Unavailable tells that nobody can take the call, Confirm that a feature
// code took effect.
const (
	SoundRingback    Sound = "ringback"
	SoundBusy        Sound = "busy"
	SoundCongestion  Sound = "congestion"
	SoundUnavailable Sound = "unavailable"
	SoundConfirm     Sound = "confirm" // a short tone: done
)

// Plan is what routing decided about a call, once, at its beginning.
type Plan struct {
	Contact  Party  // who calls, or is called
	Caller   Party  // outbound: the user who calls, as phones show them
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
	Redirect *Route // nil: hang up after the message
	// TaskUnlessAnswered: no missed-call task when the redirected call was answered.
	TaskUnlessAnswered bool
}

// Route is where a dialed call goes.
type Route struct {
	User string // a colleague's phones; empty: Number

	Number      string   // E.164, or a short or emergency number as dialed
	CallerID    string   // the account's number that is shown
	Trunks      []string // in order of preference
	RingTimeout time.Duration
}

// Placement is what routing decided about an outbound call, once. The user who
// calls is reserved until Floor.Over or Floor.Free is called for them.
type Placement struct {
	Contact  Party  // who is called
	Caller   Party  // the user who calls, as a colleague's phone shows them
	From     string // E.164, or the user's extension when a colleague is called
	To       string // E.164, or as dialed
	Number   string // the account's number that is shown; empty: a colleague is called
	Rule     string // which rule chose it
	Playbook string
	TaskID   string // the task that the call works on, or empty
	Route    Route
	Why      string // for explain

	Record   bool  // recording is enabled
	Announce Sound // played to the contact before a recorded conversation, or empty
	Music    Sound // for whoever is on hold

	// Service is played to the user in place of a call: a feature code that
	// took effect. Nothing was stored then, and nobody is reserved.
	Service Sound
	// Pickup is the waiting call that the user's phone takes, or with Coaching
	// the conversation that it joins. Nothing was stored then, and the user is
	// reserved for that call.
	Pickup   ID
	Coaching *Coaching
}

// Destination is where a transferred call goes: to a route, or to a playbook's
// queue.
type Destination struct {
	Route    Route
	Playbook string    // set when the call goes to a queue
	Queue    Reception // how the playbook receives it
	Why      string
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
