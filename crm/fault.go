package crm

import "time"

// Fault is why a step failed, sorted by what has to happen next.
type Fault struct {
	Kind  FaultKind
	After time.Duration // FaultRetry, FaultBudget: not before; 0: the worker's own backoff
	// Say tells an administrator what went wrong and what to do. It holds no
	// credentials and none of the vendor's text beyond 200 characters.
	Say string
	Err error // the cause, or nil
}

// FaultKind says what follows from a fault.
type FaultKind uint8

// The kinds of fault.
const (
	FaultRetry     FaultKind = iota // it may pass: network, 408, 423, 429, 477, 5xx
	FaultBudget                     // the day's budget is used up: everything waits
	FaultAccess                     // token or scope: everything waits for the administrator
	FaultRefused                    // this request will never be taken: parked until it is retried by command
	FaultNoContact                  // the contact is gone: it is looked for again, once
)

// Error implements error.
func (f *Fault) Error() string { return f.Say }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }
