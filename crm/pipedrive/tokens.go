package pipedrive

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"tandem/crm"
)

// What requests cost of the company's tokens for the day, by Pipedrive's own
// description.
const (
	costSearch         = 20
	costListPersons    = 10
	costAddPerson      = 5
	costListActivities = 10
	costAddActivity    = 5
	costEditActivity   = 5
	costTypes          = 20
	costAddLog         = 10
	costListLogs       = 20
)

// longestBurst is how long requests are refused for coming too fast. What lasts
// longer is the day's limit, also where no header says so; unless nobody asked
// in between.
const (
	longestBurst = time.Minute
	longestGap   = 10 * time.Minute
)

// probing is how long a day that is used up is believed to last: it ends at
// midnight where Pipedrive's server stands, and nobody says where that is.
const probing = time.Hour

// tokens is what is left of the company's tokens for the day, as far as
// Pipedrive has told. The whole company spends them, so that every answer
// counts for more than what was reckoned here.
type tokens struct {
	mu     sync.Mutex
	left   int
	until  time.Time // when left is forgotten
	barred time.Time // nothing is asked before
	strain run       // of 429, since anything was answered
}

// run is when something began that goes on, and when it was seen last.
type run struct{ first, last time.Time }

// draw takes the cost of a request, or says why there can be none now.
func (t *tokens) draw(cost int, now time.Time) *crm.Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait := t.barred.Sub(now); wait > 0 {
		return &crm.Fault{Kind: crm.FaultRetry, After: wait, Say: "Pipedrive: the firewall blocked us; requests wait"}
	}
	if wait := t.until.Sub(now); wait > 0 && t.left < cost {
		return &crm.Fault{Kind: crm.FaultBudget, After: wait, Say: "Pipedrive: the company's tokens for today are used up"}
	}
	t.left -= cost
	return nil
}

// bar lets nothing be asked before a time.
func (t *tokens) bar(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.barred = until
}

// limited notes a 429 and reports whether they have gone on for longer than a
// burst can last.
func (t *tokens) limited(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.strain.last) > longestGap {
		t.strain.first = now
	}
	t.strain.last = now
	return now.Sub(t.strain.first) > longestBurst
}

// answered notes that a request was carried out.
func (t *tokens) answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strain = run{}
}

// hear notes what the headers of an answer say is left.
func (t *tokens) hear(h http.Header, now time.Time) {
	left, told := leftOf(h)
	if !told {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.until = left, now.Add(untilReset(now))
}

// leftOf returns the tokens that headers say are left of the day.
func leftOf(h http.Header) (left int, told bool) {
	left, err := strconv.Atoi(h.Get("x-daily-ratelimit-token-remaining"))
	return left, err == nil
}

// untilReset is how long a day that is used up is left alone.
func untilReset(now time.Time) time.Duration {
	midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	return min(probing, midnight.Sub(now))
}
