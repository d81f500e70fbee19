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
	DayIsOver = trouble.DayIsOver
	Broken    = trouble.Broken
	Down      = trouble.Down
	Blocked   = trouble.Blocked
	Slow      = trouble.Slow
	CutAfter  = trouble.CutAfter
	JunkAfter = trouble.JunkAfter
)

// upset answers a request in HubSpot's place, or delays it, as was ordered; it
// reports whether nothing is to be done any more.
func upset(o Order, w http.ResponseWriter, r *http.Request) bool {
	switch o.Trouble {
	case TooMany:
		send(w, tooMany("TEN_SECONDLY_ROLLING"))
	case DayIsOver:
		send(w, tooMany("DAILY"))
	case Broken:
		send(w, problem(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error", nil))
	case Down:
		panic(http.ErrAbortHandler)
	case Blocked:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>Attention required</title></head><body>You have been blocked.</body></html>"))
	case Slow:
		o.Dawdle(r)
		return false
	case None, CutAfter, JunkAfter:
		return false
	}
	return true
}
