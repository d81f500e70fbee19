package crm

import (
	"context"
	"errors"
	"time"

	"tandem/call"
)

// ErrLeaseLost says that an entry is not this worker's any more.
var ErrLeaseLost = errors.New("the lease is over")

// Outbox keeps entries: at most one per call, made in the transaction that
// stores the call's end. Each verb is one transaction, durable when it returns.
//
// The entries of one Lane are carried out one at a time. Those in PhaseLog come
// in the order of Seq: one that has to wait keeps the later ones waiting, one
// that failed does not.
type Outbox interface {
	// ClaimEntries leases entries that are due, those that are due longest
	// first, at most one of a lane. An entry that has no contact yet gets the
	// one that is remembered for its provider and number.
	ClaimEntries(ctx context.Context, c Claim) ([]Job, error)
	// ChangeEntry changes a leased entry, with what its call's record says of
	// it, and remembers its contact by provider and number, or forgets it when
	// the change takes it away. ErrLeaseLost, and nothing is changed, when it is not the owner's any more.
	ChangeEntry(ctx context.Context, c Change) (Job, error)
	// ReleaseEntries ends all leases of an owner.
	ReleaseEntries(ctx context.Context, owner string) error
	// RetryEntries changes the entries of calls, or when none is named some of
	// those that failed, and returns how many there were: 0, when no failed one
	// is left. An error, and nothing is changed, when a call has no entry.
	RetryEntries(ctx context.Context, ids []call.ID, again func(Entry) Entry) (int, error)
	// SumUpEntries counts the entries.
	SumUpEntries(ctx context.Context) (Sum, error)
}

// Claim asks for entries.
type Claim struct {
	Owner string // of the leases
	Limit int
	Now   time.Time
	Until time.Time // the leases end then, whatever becomes of the owner
	// Horizon is beyond every due time that is set: one that is later comes
	// from a clock that was set back since, and is due.
	Horizon time.Time
}

// Job is an entry with what there is to tell.
type Job struct {
	Entry  Entry
	Record call.Record
	Name   string // of the contact, or empty
}

// Change is what becomes of a leased entry. The lease ends when the entry is
// not due any more.
type Change struct {
	CallID call.ID
	Owner  string
	Now    time.Time
	// Until is how long the lease goes on when the entry is due still; zero: it
	// ends.
	Until time.Time
	// Apply is handed the entry as it is stored now and may run more than once.
	Apply func(Entry) Entry
}

// Sum is what lies in the outbox.
type Sum struct {
	ToLog      int       // in PhaseLog
	ToComplete int       // in PhaseComplete
	Failed     int       // parked
	Oldest     time.Time // when the first call ended that is in PhaseLog; zero: there is none
	Failures   []Entry   // the newest of the failed, newest first; MaxFailures at most
}

// MaxFailures bounds Sum.Failures.
const MaxFailures = 20

// MaxRetries bounds how many entries RetryEntries changes when none is named.
const MaxRetries = 500
