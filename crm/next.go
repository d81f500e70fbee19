package crm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	maxBackoff = 300 * time.Second
	maxAfter   = time.Hour      // the longest that a vendor may have one entry wait
	giveUp     = 72 * time.Hour // after the first failure in a row
	maxSay     = 300            // characters of a reason that are kept
)

// policy is what decides about entries besides themselves.
type policy struct {
	provider  string
	steps     []Step
	syncAfter time.Duration
}

// outcome is how a step went.
type outcome struct {
	step  Step
	refs  Refs
	err   error     // nil: it is done
	edits int       // that the Activity told of
	sent  string    // the Activity's hash
	at    time.Time // when the step ended
	roll  float64   // 0 to 1, by chance
	whole bool      // with it the CRM shows the call, or all of it
}

// step is what has to be done next. A contact that is known is not looked for.
func (p policy) step(e Entry) Step {
	for _, s := range p.steps {
		known := s == StepContact && e.Refs.Contact != ""
		if s != StepCompletion && !known && !slices.Contains(e.Done, s) {
			return s
		}
	}
	return StepCompletion
}

// next is what becomes of an entry by the outcome of a step.
func (p policy) next(e Entry, o outcome) Entry {
	e.Refs = learned(e.Refs, o.refs)
	if o.err == nil {
		return p.advanced(e, o)
	}
	fault := faultOf(o.err)
	if fault == nil {
		return e // it was interrupted: nobody knows what became of it, and it is done again
	}
	e.Error = bounded(fault.Say)
	switch fault.Kind {
	case FaultRetry:
		return delayed(e, o, fault.After)
	case FaultBudget, FaultAccess: // no fault of the entry's; the gate shuts
		e.Due = o.at
	case FaultRefused:
		e.Failed = true
	case FaultNoContact:
		return sought(e, o)
	}
	return e
}

// learned adds what a step made or found.
func learned(refs, more Refs) Refs {
	for _, f := range []struct {
		to   *string
		from string
	}{{&refs.Contact, more.Contact}, {&refs.Activity, more.Activity}, {&refs.CallLog, more.CallLog}} {
		if f.from != "" {
			*f.to = f.from
		}
	}
	return refs
}

// advanced is an entry after a step that is done.
func (p policy) advanced(e Entry, o outcome) Entry {
	e.Attempts, e.FailingSince, e.Error = 0, nil, ""
	if o.step == StepCompletion {
		e.Sent, e.SoughtAgain = o.sent, false
		e.Phase, e.Due = PhaseRest, time.Time{}
		if e.Edits > o.edits {
			e.Phase, e.Due = PhaseComplete, o.at.Add(editDelay)
		}
		return e
	}
	if !slices.Contains(e.Done, o.step) {
		e.Done = append(slices.Clone(e.Done), o.step)
	}
	e.Due = o.at
	if e.Phase == PhaseLog && p.step(e) == StepCompletion {
		e.Phase, e.Due = PhaseComplete, e.EndedAt.Add(p.syncAfter)
	}
	return e
}

// delayed is an entry after a failure that may pass.
func delayed(e Entry, o outcome, after time.Duration) Entry {
	e.Attempts++
	if e.FailingSince == nil {
		at := o.at.UTC()
		e.FailingSince = &at
	}
	if o.at.Sub(*e.FailingSince) >= giveUp {
		e.Failed, e.Error = true, fmt.Sprintf("given up after %d hours: %s", int(giveUp.Hours()), e.Error)
		return e
	}
	wait := min(after, maxAfter)
	if wait <= 0 {
		wait = backoff(e.Attempts, o.roll)
	}
	e.Due = o.at.Add(wait)
	return e
}

// backoff is how long to wait after the nth failure in a row: 1, 2, 4 ... 300
// seconds, less a random part of it.
func backoff(n int, roll float64) time.Duration {
	most := math.Min(math.Pow(2, float64(max(n, 1)-1)), maxBackoff.Seconds())
	return time.Duration(most * roll * float64(time.Second))
}

// sought is an entry whose contact is gone: it is looked for again, once, and
// what was tied to it is tied anew.
func sought(e Entry, o outcome) Entry {
	e.Refs.Contact = ""
	e.Failed = e.SoughtAgain
	e.SoughtAgain, e.Due = true, o.at
	e.Done = slices.DeleteFunc(slices.Clone(e.Done), func(s Step) bool {
		return s == StepContact || s == StepAssociation
	})
	return e
}

// parked is an entry that was meant for another provider.
func parked(e Entry, provider string) Entry {
	e.Failed = true
	e.Error = fmt.Sprintf("it was meant for %s, and the provider is %s now; `tandem crm retry` logs it there", e.Provider, provider)
	return e
}

// faultOf sorts a step's error; nil for one that was interrupted.
func faultOf(err error) *Fault {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Fault{Kind: FaultRetry, Say: "the CRM did not answer in time", Err: err}
	}
	return &Fault{Kind: FaultRetry, Say: err.Error(), Err: err}
}

// bounded makes one line of a text, of maxSay characters at most.
func bounded(s string) string { return clip(oneLine(s), maxSay) }

// oneLine is a text without what could end a line or reorder it.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// clip cuts a text that is longer than so many characters.
func clip(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return s
}
