package call

import "time"

// askPartner asks the call of another leg to give its other side up.
func (h *host) askPartner(leg LegID) {
	if leg.Call() == h.id || !h.others.Post(leg.Call(), Surrender{By: h.id, Leg: leg}) {
		h.back(Handed{For: leg})
	}
}

// hand gives a leg to another call; when that is over by now, nobody is left
// who could want it.
func (h *host) hand(fx Hand) {
	in := fx.Handed
	if h.others.Post(fx.To, in) {
		return
	}
	if in.Coaching != nil && in.Coaching.Stays && !in.Early {
		h.standBy(StandBy{Leg: in.Leg, Coaching: *in.Coaching})
		return
	}
	if in.Leg != "" {
		h.ports.Signalling.Release(in.Leg, Cause{Kind: CauseUnreachable, Code: 480, Text: "The call is over"})
	}
	switch {
	case in.Early:
		h.ports.Floor.Over(fx.To, in.User, OutcomeWithdrawn)
	case in.Coaching != nil:
		h.ports.Floor.Free(h.id, in.User)
	}
}

// standBy lets a coach wait for the next conversation of whom they stay with.
func (h *host) standBy(fx StandBy) {
	err := h.others.stand(Standby{Call: NewID(time.Now()), Leg: fx.Leg, Coaching: fx.Coaching})
	if err == nil {
		return
	}
	h.log.Warn("a coach cannot wait for the next conversation and is let go", "user", fx.Coaching.User, "error", err)
	h.ports.Signalling.Release(fx.Leg, Cause{Kind: CauseNormal})
	h.ports.Floor.Free(h.id, fx.Coaching.User)
}
