package crm

import "time"

const (
	tripAfter   = 5               // failures in a row, of whatever entries, after which all wait
	firstProbe  = 5 * time.Second // then 10 s, 20 s ... maxBackoff
	accessPause = 5 * time.Minute
	budgetPause = time.Hour      // when the vendor does not say how long
	maxBudget   = 25 * time.Hour // midnight in whatever zone
)

// Stop is why all entries wait.
type Stop string

// The stops.
const (
	StopNone        Stop = ""
	StopUnreachable Stop = "unreachable" // several failures in a row: one request at a time finds out whether it passed
	StopBudget      Stop = "budget"      // the day's budget is used up
	StopAccess      Stop = "access"      // token or scope: the administrator has to act
)

// gate decides whether requests may be made at all. Its zero value is open.
type gate struct {
	stop     Stop
	since    time.Time
	until    time.Time // then one request finds out
	say      string
	failures int // in a row
	probes   int // that failed
}

// open is how many of so many lanes may be busy.
func (g gate) open(lanes int, now time.Time) int {
	switch {
	case g.stop == StopNone:
		return lanes
	case now.Before(g.until):
		return 0
	}
	return 1
}

// after is the gate after a request. A step that went well lets the next one
// follow; it takes a whole call to open the gate again, for the last drops of a
// budget may do for a step. What began before the gate shut does not open it,
// but for a CRM that was taken to be unreachable.
func (g gate) after(o outcome) gate {
	var fault *Fault
	if o.err != nil {
		if fault = faultOf(o.err); fault == nil {
			return g
		}
	}
	shut := g.stop != StopNone && o.at.Before(g.until)
	if fault == nil || fault.Kind == FaultRefused || fault.Kind == FaultNoContact {
		if shut && g.stop != StopUnreachable {
			return g
		}
		if g.stop == StopNone || o.whole || fault != nil {
			return gate{}
		}
		g.until = o.at
		return g
	}
	switch fault.Kind {
	case FaultBudget:
		wait := min(fault.After, maxBudget)
		if wait <= 0 {
			wait = budgetPause
		}
		return g.shut(StopBudget, o.at, wait, fault.Say)
	case FaultAccess:
		return g.shut(StopAccess, o.at, accessPause, fault.Say)
	case FaultRetry, FaultRefused, FaultNoContact:
	}
	g.failures++
	if g.failures < tripAfter && g.stop == StopNone || shut {
		return g
	}
	g.probes++
	wait := min(firstProbe<<min(g.probes-1, 10), maxBackoff)
	wait = wait/2 + time.Duration(float64(wait/2)*o.roll)
	return g.shut(StopUnreachable, o.at, wait, fault.Say)
}

func (g gate) shut(why Stop, at time.Time, wait time.Duration, say string) gate {
	if g.stop == StopNone {
		g.since = at
	}
	g.stop, g.until, g.say = why, at.Add(wait), bounded(say)
	return g
}
