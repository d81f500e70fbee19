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
	TooMany           // 429; nothing is done
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
	Times   int           // how often; negative: until Recover
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

// upset answers a request in Pipedrive's place, or delays it, as was ordered; it
// reports whether nothing is to be done any more.
func (o Order) upset(w http.ResponseWriter, r *http.Request) bool {
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
