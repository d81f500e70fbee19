// Package trouble owns what goes wrong on command in the vendors' stand-ins, and
// which requests it befalls. What a vendor answers then is the stand-in's.
package trouble

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trouble is what goes wrong with a request.
type Trouble uint8

// The troubles.
const (
	None      Trouble = iota
	TooMany           // 429; nothing is done
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

func (o Order) meets(r *http.Request) bool {
	return (o.Method == "" || o.Method == r.Method) && strings.HasSuffix(r.URL.Path, o.Path)
}

// Dawdle waits for the order's delay, at most as long as the client does.
func (o Order) Dawdle(r *http.Request) {
	timer := time.NewTimer(o.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// Queue is the orders that wait for their requests, and the requests so far. The
// zero value is empty. Its methods may be called from any goroutine.
type Queue struct {
	mu       sync.Mutex
	orders   []Order
	requests []string
}

// Order has requests go wrong from now on, after those ordered before.
func (q *Queue) Order(o Order) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.Times == 0 {
		o.Times = 1
	}
	q.orders = append(q.orders, o)
}

// Recover ends every trouble that was ordered.
func (q *Queue) Recover() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.orders = nil
}

// Requests returns the method and path of every request so far.
func (q *Queue) Requests() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.requests)
}

// Receive notes a request and returns what was ordered for it.
func (q *Queue) Receive(r *http.Request) Order {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.requests = append(q.requests, r.Method+" "+r.URL.Path)
	i := slices.IndexFunc(q.orders, func(o Order) bool { return o.meets(r) })
	if i < 0 {
		return Order{}
	}
	order := q.orders[i]
	q.orders[i].Times--
	if q.orders[i].Times == 0 {
		q.orders = slices.Delete(q.orders, i, i+1)
	}
	return order
}
