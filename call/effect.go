package call

import "time"

// Effect is something to be done: what Machine.Step returns and the exchange
// carries out, in order.
type Effect interface{ effect() }

// Timer names one of a call's timers; each runs at most once at a time.
type Timer string

// The timers.
const (
	TimerReception Timer = "reception" // arrival to missed
	TimerOffer     Timer = "offer"     // one user rings
	TimerDial      Timer = "dial"      // whoever is called rings: the user who calls out first; another call is asked
	TimerFarewell  Timer = "farewell"  // somebody hears why they are released
)

// The effects, grouped by the port that carries them out.
type (
	// AskPlan asks routing what to do; Planned or Refused comes back.
	AskPlan struct{ Arrival Arrival }
	// AskPlace asks routing how to make a call; Placed or Refused comes back.
	AskPlace struct{ Origination Origination }
	// AskDirection asks routing where a transfer goes; Directed or Undirected
	// comes back.
	AskDirection struct{ To, By string }
	// Save makes the call's record durable before the next effect happens.
	Save struct{ Change Change }

	// Seek asks the floor for a user; Assigned comes back, at once or later.
	Seek struct{ Request Request }
	// Leave takes the call out of the floor's queue.
	Leave struct{}
	// OfferOver frees a user whose offer led to no conversation.
	OfferOver struct {
		User    string
		Outcome Outcome
	}
	// Talk tells the floor that a user talks now.
	Talk struct{ User string }
	// Free tells the floor that a user's conversation is over.
	Free struct{ User string }

	// Supervise tells the floor that a reserved user coaches this call now,
	// whatever they coached before; Free ends it.
	Supervise struct{ User string }
	// Follow asks the floor for a user's next conversation; Conversing comes
	// back, or Hangup once there will be none.
	Follow struct{ User string }
	// StandBy gives the leg of a coach to a wait of its own, a Standby.
	StandBy struct {
		Leg      LegID
		Coaching Coaching
	}

	// Invite calls a target; LegProgress, LegAnswered or LegGone come back.
	Invite struct {
		Leg LegID
		To  Target
		SDP []byte
	}
	// Progress sends a provisional response.
	Progress struct {
		Leg    LegID
		Status int
		SDP    []byte
	}
	// Answer sends 200.
	Answer struct {
		Leg LegID
		SDP []byte
	}
	// Reanswer has media answer a LegOffered and sends the answer.
	Reanswer struct {
		Leg   LegID
		Offer []byte // nil: the peer asks for our offer
	}
	// Notify tells the peer that sent a REFER how the transfer does (RFC 3515
	// section 2.4.5): 1xx it is tried, else how it ended.
	Notify struct {
		Leg    LegID
		Status int
	}
	// Take makes another call's leg this call's, under a new ID; LegAnswered or
	// LegGone comes back under it. A leg that is not answered yet is answered.
	Take struct {
		Leg, From LegID
		SDP       []byte
	}
	// AskPartner asks another call for the side that talks with a leg of its;
	// Handed comes back.
	AskPartner struct{ Leg LegID }
	// Hand gives a leg to another call.
	Hand struct {
		To     ID
		Handed Handed
	}
	// Release ends a leg, whatever state its dialog is in.
	Release struct {
		Leg   LegID
		Cause Cause
	}

	// OpenMedia gives a leg a port; MediaOpened or MediaFailed comes back.
	OpenMedia struct {
		Leg    LegID
		Remote []byte // the peer's SDP offer; nil: we offer
		Trunk  string // the trunk that the leg belongs to, if any
		User   string // whose phones it is for, if any
		Source string // host of the signalling peer, if known; else where Trunk or User is reached
		// Private keeps the keys of its phone from everybody: they are for the switch.
		Private bool
	}
	// AcceptMedia sets the peer's SDP answer to our offer; MediaReady or
	// MediaFailed comes back.
	AcceptMedia struct {
		Leg    LegID
		SDP    []byte
		Source string // host of the signalling peer, empty when it was told before
	}
	// CloseMedia frees a leg's port; MediaClosed comes back.
	CloseMedia struct{ Leg LegID }
	// Play starts a sound for a leg, in place of whatever it hears.
	Play struct {
		Leg   LegID
		Sound Sound
		Loop  bool
	}
	// Hush stops the sound that a leg is played.
	Hush struct{ Leg LegID }
	// Press passes on a key that a leg's peer sent in its signalling, to
	// whoever hears the leg (RFC 4733).
	Press struct {
		Leg LegID
		Key byte
	}
	// Wire sets who hears whom, in whole.
	Wire struct{ Edges []Edge }

	// StartRecording begins the recording of two legs.
	StartRecording struct{ Contact, Person LegID }
	// TurnTape points the running recording at two legs; silence where one is
	// empty.
	TurnTape struct{ Contact, Person LegID }
	// StopRecording seals it.
	StopRecording struct{}

	// Publish tells whoever listens.
	Publish struct{ Type EventType }
	// ArmTimer starts a timer, or starts it anew.
	ArmTimer struct {
		Timer Timer
		After time.Duration
	}
	// StopTimer stops a timer.
	StopTimer struct{ Timer Timer }
)

// Change is what Save makes durable, in one transaction.
type Change struct {
	Record Record
	// Task is the state that the call's own task takes on.
	Task TaskState
	// MissedTask makes or extends the Missed Call task and flags the contact.
	MissedTask bool
}

// TaskState is how far a task got.
type TaskState string

// The states of a task.
const (
	TaskOpen       TaskState = "open"
	TaskInProgress TaskState = "in_progress"
	TaskDone       TaskState = "done"
)

func (AskPlan) effect()        {}
func (AskPlace) effect()       {}
func (AskDirection) effect()   {}
func (Notify) effect()         {}
func (Take) effect()           {}
func (AskPartner) effect()     {}
func (Hand) effect()           {}
func (Press) effect()          {}
func (TurnTape) effect()       {}
func (Save) effect()           {}
func (Seek) effect()           {}
func (Leave) effect()          {}
func (OfferOver) effect()      {}
func (Talk) effect()           {}
func (Supervise) effect()      {}
func (Follow) effect()         {}
func (StandBy) effect()        {}
func (Free) effect()           {}
func (Invite) effect()         {}
func (Progress) effect()       {}
func (Answer) effect()         {}
func (Reanswer) effect()       {}
func (Release) effect()        {}
func (OpenMedia) effect()      {}
func (AcceptMedia) effect()    {}
func (CloseMedia) effect()     {}
func (Play) effect()           {}
func (Hush) effect()           {}
func (Wire) effect()           {}
func (StartRecording) effect() {}
func (StopRecording) effect()  {}
func (Publish) effect()        {}
func (ArmTimer) effect()       {}
func (StopTimer) effect()      {}
