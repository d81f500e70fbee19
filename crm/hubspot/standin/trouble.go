package standin

import (
	"net/http"
	"strings"
	"time"
)

// Trouble is what goes wrong with a request.
type Trouble uint8

// The troubles.
const (
	None      Trouble = iota
	TooMany           // 429 of the ten-second limit; nothing is done
	DayIsOver         // 429 of the day's limit; nothing is done
	Broken            // 500; nothing is done
	Down              // the connection breaks; nothing is done
	Blocked           // 403 with a page for browsers; nothing is done
	Slow              // it is done after Order.Delay
	CutAfter          // it is done, and the connection breaks
	JunkAfter         // it is done, and the answer breaks off
)

// Order has the next requests of a kind go wrong.
type Order struct {
	Trouble Trouble
	Method  string        // empty: any
	Path    string        // how the path ends; empty: any
	Times   int           // how often; 0: once; negative: until Recover
	Delay   time.Duration // of Slow
}

// Order has requests go wrong from now on, after those ordered before.
func (s *Server) Order(o Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Times == 0 {
		o.Times = 1
	}
	s.orders = append(s.orders, o)
}

// Recover ends every trouble that was ordered.
func (s *Server) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = nil
}

func (o Order) meets(r *http.Request) bool {
	return (o.Method == "" || o.Method == r.Method) && strings.HasSuffix(r.URL.Path, o.Path)
}

// upset answers a request in HubSpot's place, or delays it, as was ordered; it
// reports whether nothing is to be done any more.
func (o Order) upset(w http.ResponseWriter, r *http.Request) bool {
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
		dawdle(r, o.Delay)
		return false
	case None, CutAfter, JunkAfter:
		return false
	}
	return true
}

// dawdle waits as long as the client does, at most for the delay.
func dawdle(r *http.Request, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
