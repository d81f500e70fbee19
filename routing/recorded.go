package routing

import (
	"context"
	"time"

	"tandem/call"
)

// Shelf is what becomes of a call's recording once it is sealed: whether it is
// kept, and when it is gone. Each verb is one transaction, durable when it
// returns, and leaves a mark in the call's trail.
type Shelf interface {
	// HoldRecording keeps a recording from being deleted; a hold that is there
	// gets the new reason. ErrNotFound when the call has no recording,
	// ErrConflict while the call goes on.
	HoldRecording(ctx context.Context, id call.ID, h call.LegalHold) (call.Record, error)
	// ReleaseRecording ends a hold; without one nothing changes. ErrNotFound
	// when the call has no recording.
	ReleaseRecording(ctx context.Context, id call.ID, by string, at time.Time) (call.Record, error)
	// DropRecording says that the recording is about to be deleted, by whom
	// and why: nobody finds it any more. Without one nothing changes.
	// ErrConflict when it is on hold, or the call goes on.
	DropRecording(ctx context.Context, id call.ID, d Deletion) error
}

// Deletion says who deletes a recording, when and why.
type Deletion struct {
	By  string // empty: the switch itself, for its age
	At  time.Time
	Why string
}

// Use is what somebody does with a recording.
type Use string

// The uses.
const (
	UsePlay     Use = "play"
	UseDownload Use = "download"
	UseExport   Use = "export"
	UsePeaks    Use = "peaks"
)

// AccessGap is how long after a request the next one of the same kind still
// belongs to the same access: players ask for a recording piece by piece.
const AccessGap = time.Minute

// MaxAccessRanges is how many different ranges an access remembers; the
// requests beyond them are counted alone.
const MaxAccessRanges = 32

// Access is somebody's use of a recording.
type Access struct {
	ID       string    `json:"id"` // ULID
	CallID   call.ID   `json:"call_id"`
	User     string    `json:"user"` // administrator: whoever is at the switch's own socket
	Via      string    `json:"via"`  // api, socket
	From     string    `json:"from"` // the peer's IP address; empty on the socket
	Use      Use       `json:"use"`
	Layout   string    `json:"layout"`  // as asked for; empty: as it was recorded
	Channel  string    `json:"channel"` // as asked for; empty: both
	Ranges   []string  `json:"ranges"`  // of bytes, as asked for (RFC 9110 section 14.2); bytes=0- is the whole
	Requests int       `json:"requests"`
	At       time.Time `json:"at"`    // of the first request
	Until    time.Time `json:"until"` // of the last one
}

// AccessLog keeps who used which recording.
type AccessLog interface {
	// LogAccess stores an access with one request at its time At, or adds that
	// request to the one it goes on with: the same in all but ranges, and no
	// more than AccessGap ago. It is durable when it returns.
	LogAccess(ctx context.Context, a Access) error
	// Accesses lists what was done with a call's recording, newest first.
	Accesses(ctx context.Context, id call.ID, p Page) (items []Access, next string, err error)
	// ForgetAccesses deletes accesses that began before a time, at most so
	// many, and returns how many these were.
	ForgetAccesses(ctx context.Context, before time.Time, atMost int) (int, error)
}
