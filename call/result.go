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
	cancelled = verdict{ResultCancelled, MissedNone, 487, 16} // the user who called out gave up
	cutOff    = verdict{ResultFailed, MissedNoUser, 503, 41}  // by the switch itself
)

// rejectedWith is the verdict on a call that a salesperson's phone declined.
func rejectedWith(why Cause) verdict {
	v := rejected
	if why.Code != 0 {
		v.code, v.q850 = why.Code, why.Q850
	}
	return v
}

// unreachedFor is the verdict on an outbound call that was not answered (the
// table of results).
func unreachedFor(why Cause) verdict {
	v := verdict{result: ResultFailed, code: why.Code, q850: why.Q850}
	switch {
	case why.Code == 486 || why.Code >= 600 && why.Code != 604 && why.Code != 606,
		why.Kind == CauseBusy, why.Kind == CauseDeclined:
		v.result = ResultBusy
	case why.Code == 408 || why.Code == 480 || why.Code == 487, why.Kind == CauseNoAnswer:
		v.result = ResultNoAnswer
	}
	if v.q850 == 0 {
		v.q850 = map[Result]int{ResultBusy: 17, ResultNoAnswer: 19, ResultFailed: 41}[v.result]
	}
	return v
}

// unsummonedFor is the verdict on an outbound call whose own user did not lift.
func unsummonedFor(why Cause) verdict {
	v := unreachedFor(why)
	if v.result == ResultBusy {
		v.result = ResultCancelled
	}
	return v
}

// tone is what tells a user why a number was not reached; empty: nothing.
func (v verdict) tone() Sound {
	return map[Result]Sound{ResultBusy: SoundBusy, ResultFailed: SoundCongestion}[v.result]
}

// failure is the verdict on a call that could not be carried.
func failure(why Cause) verdict { return verdict{ResultFailed, MissedNone, why.Code, why.Q850} }

// cause is what a caller is released with.
func (v verdict) cause() Cause {
	kind := CauseNoAnswer
	switch {
	case v.result == ResultCompleted:
		kind = CauseNormal
	case v.reason == MissedRejected:
		kind = CauseDeclined
	}
	return Cause{Kind: kind, Code: v.code, Q850: v.q850}
}
