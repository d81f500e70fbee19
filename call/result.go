package call

// verdict is how a call ends: its result and what is kept beside it.
type verdict struct {
	result Result
	reason MissedReason // empty: not missed
	code   int          // SIP status
	q850   int          // Q.850 cause
}

// The table of results of an inbound call. The codes are those that a caller
// who was not answered yet is released with.
var (
	completed = verdict{ResultCompleted, MissedNone, 200, 16}
	timedOut  = verdict{ResultNoAnswer, MissedTimeout, 480, 19}
	nobody    = verdict{ResultNoAnswer, MissedNoUser, 480, 20}
	rejected  = verdict{ResultNoAnswer, MissedRejected, 603, 21}
	abandoned = verdict{ResultCancelled, MissedAbandoned, 487, 16}
	closed    = verdict{ResultOfficeClosed, MissedClosed, 200, 16}
	cutOff    = verdict{ResultFailed, MissedNoUser, 503, 41} // by the switch itself
)

// rejectedWith is the verdict on a call that a salesperson's phone declined.
func rejectedWith(why Cause) verdict {
	v := rejected
	if why.Code != 0 {
		v.code, v.q850 = why.Code, why.Q850
	}
	return v
}

// failure is the verdict on a call that could not be carried.
func failure(why Cause) verdict { return verdict{ResultFailed, MissedNone, why.Code, why.Q850} }

// cause is what a caller is released with.
func (v verdict) cause() Cause {
	kind := CauseNoAnswer
	if v.reason == MissedRejected {
		kind = CauseDeclined
	}
	return Cause{Kind: kind, Code: v.code, Q850: v.q850}
}
