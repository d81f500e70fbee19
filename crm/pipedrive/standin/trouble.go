package standin

import (
	"net/http"

	"tandem/crm/trouble"
)

// Order has the next requests of a kind go wrong.
type Order = trouble.Order

// Trouble is what goes wrong with a request.
type Trouble = trouble.Trouble

// The troubles.
const (
	None      = trouble.None
	TooMany   = trouble.TooMany
	Broken    = trouble.Broken
	Down      = trouble.Down
	Blocked   = trouble.Blocked
	Slow      = trouble.Slow
	CutAfter  = trouble.CutAfter
	JunkAfter = trouble.JunkAfter
)

// upset answers a request in Pipedrive's place, or delays it, as was ordered; it
// reports whether nothing is to be done any more.
func upset(o Order, w http.ResponseWriter, r *http.Request) bool {
	switch o.Trouble {
	case TooMany:
		w.Header().Set("x-ratelimit-reset", "2")
		send(w, refuse(http.StatusTooManyRequests, "request over limit"))
	case Broken:
		send(w, refuse(http.StatusInternalServerError, "Internal server error"))
	case Down:
		panic(http.ErrAbortHandler)
	case Blocked:
		block(w)
	case Slow:
		o.Dawdle(r)
		return false
	case None, CutAfter, JunkAfter, trouble.DayIsOver: // the day is over once Options.Tokens are spent
		return false
	}
	return true
}
