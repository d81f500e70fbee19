package crm

import (
	"slices"
	"strings"
	"time"

	"tandem/call"
)

// editDelay is how long an edit waits for the next one once a call was complete.
const editDelay = 30 * time.Second

// sealDelay is how long an ended call waits, so that its recording is sealed
// when it is logged.
const sealDelay = 2 * time.Second

// Entry is one ended call on its way into the CRM, as the outbox keeps it. It
// stays when it has arrived: later edits go where it went.
type Entry struct {
	CallID   call.ID   `json:"call_id"`
	Provider string    `json:"provider"` // whose names Refs holds
	Number   string    `json:"number"`   // of the person outside, E.164, or empty
	Seq      uint64    `json:"seq"`      // grows from call to call: the order of their ends
	EndedAt  time.Time `json:"ended_at"`

	Phase Phase     `json:"phase"`
	Due   time.Time `json:"due"`            // not before; of no meaning in PhaseRest and when Failed
	Done  []Step    `json:"done,omitempty"` // but StepCompletion, which is never done for good
	Refs  Refs      `json:"refs"`
	Edits int       `json:"edits"`          // counts what was written about the call since its end
	Sent  string    `json:"sent,omitempty"` // hash of the Activity that StepCompletion sent last

	Attempts     int        `json:"attempts"`                // failures in a row
	FailingSince *time.Time `json:"failing_since,omitempty"` // the first of them
	SoughtAgain  bool       `json:"sought_again"`            // the contact, after it was gone
	Failed       bool       `json:"failed"`                  // parked until it is retried by command
	Error        string     `json:"error,omitempty"`         // why it failed last
}

// Phase is how far a call got.
type Phase string

// The phases.
const (
	PhaseLog      Phase = "log"      // the CRM does not show the call yet
	PhaseComplete Phase = "complete" // it does, and there is more to say
	PhaseRest     Phase = "rest"     // all that we know is there
)

// NewEntry is the entry of a call that has just ended.
func NewEntry(rec call.Record, provider string, seq uint64) Entry {
	ended := endOf(rec)
	return Entry{
		CallID: rec.ID, Provider: provider, Number: outsideNumber(rec), Seq: seq, EndedAt: ended,
		Phase: PhaseLog, Due: ended.Add(sealDelay),
	}
}

// endOf is when a call ended.
func endOf(rec call.Record) time.Time {
	if rec.EndedAt == nil {
		return rec.StartedAt.UTC()
	}
	return rec.EndedAt.UTC()
}

// outsideNumber is the number of the person outside, or empty when it is
// withheld or nothing that a contact could have.
func outsideNumber(rec call.Record) string {
	number := rec.From
	if rec.Direction == call.Outbound {
		number = rec.To
	}
	digits, plus := strings.CutPrefix(number, "+")
	other := func(r rune) bool { return r < '0' || r > '9' }
	if !plus || digits == "" || len(digits) > 15 || strings.ContainsFunc(digits, other) {
		return ""
	}
	return number
}

// Lane is what the entries share that are carried out one after the other:
// those of one number. A caller who withheld it has a lane of their own.
func (e Entry) Lane() string {
	if e.Number == "" {
		return string(e.CallID)
	}
	return e.Number
}

// Active reports whether there is something to do.
func (e Entry) Active() bool { return !e.Failed && e.Phase != PhaseRest }

// Edited is the entry after something was written about its call. While the
// call is not complete, the completion yet to come tells of it.
func (e Entry) Edited(now time.Time) Entry {
	e.Edits++
	if e.Phase == PhaseRest {
		e.Phase, e.Due = PhaseComplete, now.UTC().Add(editDelay)
	}
	return e
}

// Recorded is the entry after its call's recording was sealed.
func (e Entry) Recorded(now time.Time) Entry {
	e.Done = slices.DeleteFunc(slices.Clone(e.Done), func(s Step) bool { return s == StepRecording })
	return e.Edited(now)
}

// Again is the entry when it is to be tried at once with a provider. What
// another provider made is not known to this one.
func (e Entry) Again(provider string, now time.Time) Entry {
	if e.Failed && e.Provider != provider {
		return Entry{
			CallID: e.CallID, Provider: provider, Number: e.Number, Seq: e.Seq, EndedAt: e.EndedAt,
			Phase: PhaseLog, Due: now.UTC(),
		}
	}
	if e.Failed || e.Attempts > 0 {
		e.Due = now.UTC()
	}
	e.Failed, e.Attempts, e.FailingSince, e.SoughtAgain, e.Error = false, 0, nil, false, ""
	return e
}

// Sync is what the call's record says of the entry.
func (e Entry) Sync() call.Sync {
	s := call.Sync{Status: SyncSynced, ID: e.Refs.Activity, Error: e.Error}
	if s.ID == "" {
		s.ID = e.Refs.CallLog
	}
	switch {
	case e.Failed:
		s.Status = SyncFailed
	case e.Phase == PhaseLog:
		s.Status = SyncPending
	}
	return s
}

// The values of call.Sync.Status.
const (
	SyncPending = "pending" // the CRM does not show the call yet
	SyncSynced  = "synced"  // it does; what is written about the call later follows
	SyncFailed  = "failed"  // it is not tried any more until somebody asks for it
)
