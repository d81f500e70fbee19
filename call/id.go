package call

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// ID names one call: a ULID, so that calls sort by the time they began.
type ID string

// NewID returns a fresh ID for a call that began at the given time.
func NewID(at time.Time) ID {
	return ID(ulid.MustNew(ulid.Timestamp(at), rand.Reader).String())
}

// ValidID reports whether s has the form of an ID.
func ValidID(s string) bool {
	_, err := ulid.ParseStrict(s)
	return err == nil
}

// Leg returns the ID of the call's nth leg, counted from 1. The first leg is
// the one that began the call.
func (id ID) Leg(n int) LegID { return LegID(string(id) + "-" + strconv.Itoa(n)) }

// LegID names one side of a call: the call's ID, a dash and the leg's number.
type LegID string

// Call returns the ID of the call that the leg belongs to.
func (l LegID) Call() ID {
	id, _, _ := strings.Cut(string(l), "-")
	return ID(id)
}
