package call

import "time"

// Direction is which side a call began on, as the switch sees it.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Mode is how a call came about.
type Mode string

// The modes; an inbound call is manual.
const (
	Manual      Mode = "manual"
	Automatic   Mode = "automatic"
	Progressive Mode = "progressive"
	Predictive  Mode = "predictive"
)

// State is where a call stands, as people see it; the machine's Phase is finer.
type State string

// The states.
const (
	StateQueued  State = "queued"
	StateRinging State = "ringing"
	StateDialing State = "dialing"
	StateActive  State = "active"
	StateHeld    State = "held"
	StateEnded   State = "ended"
)

// Result is how a call ended: exactly one per call.
type Result string

// The six results; empty until the call has ended.
const (
	ResultNone         Result = ""
	ResultCompleted    Result = "completed"
	ResultNoAnswer     Result = "no_answer"
	ResultBusy         Result = "busy"
	ResultFailed       Result = "failed"
	ResultCancelled    Result = "cancelled"
	ResultOfficeClosed Result = "office_closed"
)

// MissedReason is why nobody took an inbound call.
type MissedReason string

// The reasons for a missed call.
const (
	MissedNone      MissedReason = ""
	MissedTimeout   MissedReason = "timeout"   // offered, nobody accepted in time
	MissedRejected  MissedReason = "rejected"  // a salesperson declined
	MissedAbandoned MissedReason = "abandoned" // the contact gave up first
	MissedNoUser    MissedReason = "no_user"   // nobody could be offered the call
	MissedClosed    MissedReason = "closed"    // outside office hours
)

// Record is one call as it is stored and shown. Times are UTC; numbers are
// E.164, empty when withheld.
type Record struct {
	ID        ID           `json:"id"`
	Direction Direction    `json:"direction"`
	Mode      Mode         `json:"mode"`
	State     State        `json:"state"`
	Result    Result       `json:"result"`
	Missed    bool         `json:"missed"`
	Reason    MissedReason `json:"missed_reason"`

	From       string `json:"from"`
	To         string `json:"to"`
	RawFrom    string `json:"raw_from,omitempty"` // as it came from the wire
	RawTo      string `json:"raw_to,omitempty"`
	Number     string `json:"number"`      // the account's own
	NumberRule string `json:"number_rule"` // outbound: which rule chose Number
	Trunk      string `json:"trunk"`

	ContactID string `json:"contact_id"`
	User      string `json:"user"` // who talks, or was offered the call last
	Playbook  string `json:"playbook"`
	Campaign  string `json:"campaign"`
	TaskID    string `json:"task_id"` // the task that this call made or works on

	StartedAt  time.Time  `json:"started_at"`
	AnsweredAt *time.Time `json:"answered_at"` // when a person was connected; music is no answer
	EndedAt    *time.Time `json:"ended_at"`
	Wait       float64    `json:"wait_seconds"`     // from arrival to the answer or the end
	Duration   float64    `json:"duration_seconds"` // of the conversation

	SIPCode      int    `json:"sip_code"`
	Q850         int    `json:"q850"`
	RedirectedTo string `json:"redirected_to"`

	// What others write about the call; the call's own saves leave it alone.
	Recording   *Recording         `json:"recording"`
	Notes       string             `json:"notes"`
	Disposition string             `json:"disposition"`
	CRM         *Sync              `json:"crm"`
	Quality     map[string]Quality `json:"quality,omitempty"` // by role

	Coaches   []string       `json:"coaches"`             // who coach the call, or coached it
	Coachings []CoachSession `json:"coachings,omitempty"` // each of their times in it, as they joined

	// Segments are who talked with the contact, one after another.
	Segments []Segment `json:"segments,omitempty"`

	Trail []Mark `json:"trail,omitempty"` // why the call went as it did
}

// Recording is a call's finished recording.
type Recording struct {
	URL     string  `json:"url"`
	Seconds float64 `json:"seconds"`
	SHA256  string  `json:"sha256"`
	// Missing counts seconds of silence that stand for audio the disk was too slow for.
	Missing float64 `json:"missing_seconds,omitempty"`
	// Hold keeps the recording from being deleted, by age or by hand; nil: it may be.
	Hold *LegalHold `json:"hold"`
}

// LegalHold says who keeps a recording, since when and why.
type LegalHold struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Sync is how far a call got on its way to the CRM.
type Sync struct {
	Status string `json:"status"` // pending, synced, failed
	ID     string `json:"id"`
	Error  string `json:"error"`
}

// Quality is what the switch received from one leg.
type Quality struct {
	Loss   float64 `json:"loss"` // share of packets, 0 to 1
	Jitter float64 `json:"jitter_ms"`
	MOS    float64 `json:"mos"` // 1 to 4.5, estimated
}

// Segment is one person's part of a conversation.
type Segment struct {
	User      string    `json:"user"`             // empty: an outside number
	Number    string    `json:"number,omitempty"` // E.164, of the outside number
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"`
}

// Mark is one step on a call's way, for `tandem explain`.
type Mark struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`           // e.g. arrived, waiting, offered, passed_over, rejected, connected, missed
	User string    `json:"user,omitempty"` // whom it concerns; several names are joined by ", "
	Why  string    `json:"why,omitempty"`  // for people
}

// Party is one person as another sees them.
type Party struct {
	ContactID string // empty for a withheld caller
	Name      string // for a display; the number when there is no name
	Number    string // E.164, empty when withheld
}
