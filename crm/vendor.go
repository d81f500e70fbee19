package crm

import (
	"context"
	"time"

	"tandem/call"
)

// Vendor speaks with one CRM. Its methods may be called from any goroutine.
type Vendor interface {
	// Name is the provider as metrics and the configuration call it.
	Name() string
	// Steps are what it takes to log a call, in order; StepContact is the first
	// and StepCompletion the last.
	Steps() []Step
	// Do carries out one step and returns refs with what it made or found.
	// Refs that come with an error are kept too: they say how far it got. A
	// step may be carried out again after its outcome was lost, and then makes
	// nothing twice. Errors are *Fault, or ctx's.
	Do(ctx context.Context, s Step, a Activity, refs Refs) (Refs, error)
}

// Step is one part of logging a call; each is durable before the next.
type Step string

// The steps. Each vendor has those that it needs.
const (
	StepContact     Step = "contact"     // the person is found by number, or created
	StepActivity    Step = "activity"    // the call appears
	StepAssociation Step = "association" // it belongs to the person
	StepCallLog     Step = "call_log"    // the vendor's own record of the call
	StepRecording   Step = "recording"   // it can be listened to
	StepCompletion  Step = "completion"  // notes and disposition; repeated after every edit
)

// Refs are the vendor's names for what a call has there; empty: not known yet.
type Refs struct {
	Contact  string `json:"contact,omitempty"`
	Activity string `json:"activity,omitempty"`
	CallLog  string `json:"call_log,omitempty"`
}

// Activity is one ended call as a CRM shows it. Times are UTC, numbers E.164.
type Activity struct {
	CallID    call.ID
	Direction call.Direction
	Result    call.Result
	Reason    call.MissedReason // why nobody took an inbound call, or MissedNone
	SIPCode   int               // of the end; 0: none

	Number string // of the person outside; empty: withheld, and there is no contact
	Name   string // theirs, as far as it is known; else the number
	Create bool   // make a contact when the CRM has none with the number
	From   string // empty when withheld
	To     string

	StartedAt time.Time
	EndedAt   time.Time
	Duration  time.Duration // of the conversation

	Title       string // one line; always names the exact result
	Body        string // HTML, escaped: who talked how long, notes
	Disposition string // what the salesperson or the configuration says, or empty
	Owner       string // the salesperson's id in the CRM, or empty
	Recording   string // URL of the recording, or empty
}
