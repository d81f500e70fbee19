package call

import "fmt"

// CauseKind sorts the ways in which a leg can end.
type CauseKind uint8

// The kinds of cause.
const (
	CauseNormal      CauseKind = iota // hung up after it was answered
	CauseCancelled                    // the calling side gave up before the answer
	CauseBusy                         // 486, 600
	CauseDeclined                     // 603
	CauseNoAnswer                     // it rang and nobody picked up: 480 after ringing, 408 after ringing, our own ring timer
	CauseUnreachable                  // no provisional answer in time, 408, 480, 503 or a transport error before ringing
	CauseFailed                       // any other refusal or failure, media included
	CauseElsewhere                    // another phone or another user took the call
	CauseDrained                      // the switch is going down
	CauseMediaLost                    // no RTP for too long
)

func (k CauseKind) String() string {
	return [...]string{"normal", "cancelled", "busy", "declined", "no_answer", "unreachable", "failed", "elsewhere", "drained", "media_lost"}[k]
}

// Cause is why a leg ended or is to be ended.
type Cause struct {
	Kind CauseKind
	Code int    // SIP status, 0 when none was exchanged
	Q850 int    // Q.850 cause, 0 when unknown
	Text string // for people and the Reason header; never copied to the other leg
	// Moved is the number that a callee who redirects the call (3xx) names, as it
	// was written, bounded and free of control characters; empty when none is.
	Moved string
}

// elsewhere is told to phones that stop ringing because another one was lifted.
var elsewhere = Cause{Kind: CauseElsewhere, Code: 200, Text: "Call completed elsewhere"}

// rangOut is why somebody is called no longer: they rang for as long as they may.
// Our CANCEL brings a 487.
var rangOut = Cause{Kind: CauseNoAnswer, Code: 487, Q850: 19, Text: "No answer in time"}

func (c Cause) String() string {
	if c.Code == 0 {
		return c.Kind.String()
	}
	return fmt.Sprintf("%s (%d)", c.Kind, c.Code)
}
