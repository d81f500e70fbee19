package pipedrive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

// secret is the token that must never be seen anywhere.
const secret = "0123456789abcdef0123456789abcdef01234567"

// desk is a client that speaks with a stand-in in the same process, without a
// network and as well in a bubble of fake time.
type desk struct {
	t      *testing.T
	there  *standin.Server
	client *Client
	log    bytes.Buffer

	mu      sync.Mutex
	sent    []sent
	counted []string
}

// sent is a request as it went out.
type sent struct {
	what string // method and path
	full string // with the query
	body string
}

// newDesk begins a working day, in a bubble; the calls have ended since.
func newDesk(t *testing.T, options standin.Options) *desk {
	t.Helper()
	options.Token = secret
	d := &desk{t: t, there: standin.New(options)}
	d.restart()
	time.Sleep(time.Until(answered().EndedAt))
	return d
}

// restart is what a restart of the switch does to the client.
func (d *desk) restart() { d.restartAs(Options{Token: secret, Country: "US"}) }

func (d *desk) restartAs(o Options) {
	d.t.Helper()
	o.Transport = d
	o.Log = slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Count = func(outcome string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.counted = append(d.counted, outcome)
	}
	client, err := New(o)
	if err != nil {
		d.t.Fatal(err)
	}
	d.client = client
}

// RoundTrip implements http.RoundTripper.
func (d *desk) RoundTrip(r *http.Request) (res *http.Response, err error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	d.mu.Lock()
	d.sent = append(d.sent, sent{r.Method + " " + r.URL.Path, r.Method + " " + r.URL.RequestURI(), string(body)})
	d.mu.Unlock()
	checkAgainstDescription(d.t, r, body)
	w := httptest.NewRecorder()
	defer func() {
		if caught := recover(); caught != nil {
			res, err = nil, io.ErrUnexpectedEOF // the connection broke
		}
	}()
	arrived := r.Clone(r.Context())
	arrived.Body = io.NopCloser(bytes.NewReader(body))
	d.there.ServeHTTP(w, arrived)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return w.Result(), nil
}

// times returns how often a request was sent.
func (d *desk) times(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, s := range d.sent {
		if s.what == what {
			n++
		}
	}
	return n
}

// finish carries out all steps of a call as the worker would, who looks for no
// contact that is known and tries again after faults that may pass. It returns
// what is left to be said.
func (d *desk) finish(a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	d.t.Helper()
	for _, s := range d.client.Steps() {
		if s == crm.StepContact && refs.Contact != "" {
			continue
		}
		var err error
		if refs, err = d.step(s, a, refs); err != nil {
			return refs, err
		}
	}
	return refs, nil
}

func (d *desk) step(s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	var err error
	for range 10 {
		refs, err = d.client.Do(context.Background(), s, a, refs)
		fault, ours := errors.AsType[*crm.Fault](err)
		if err == nil || !ours || fault.Kind != crm.FaultRetry {
			break
		}
		time.Sleep(max(fault.After, time.Second))
	}
	return refs, err
}

// mustFinish is finish without faults.
func (d *desk) mustFinish(a crm.Activity) crm.Refs {
	d.t.Helper()
	refs, err := d.finish(a, crm.Refs{})
	if err != nil {
		d.t.Fatalf("the call was not logged: %v", err)
	}
	return refs
}

// expect fails the test unless there is so much at the stand-in.
func (d *desk) expect(persons, activities, logs int) {
	d.t.Helper()
	if p, a, l := len(d.there.Persons()), len(d.there.Activities()), len(d.there.CallLogs()); p != persons || a != activities || l != logs {
		d.t.Errorf("there are %d persons, %d activities, %d call logs; want %d, %d, %d", p, a, l, persons, activities, logs)
	}
}

// kindOf returns the fault that an error is.
func (d *desk) fault(err error) *crm.Fault {
	d.t.Helper()
	fault, ours := errors.AsType[*crm.Fault](err)
	if !ours {
		d.t.Fatalf("%v is not a fault", err)
	}
	return fault
}

// requests returns what was asked for, in order.
func (d *desk) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, s := range d.sent {
		all = append(all, s.what)
	}
	return all
}

// answered is an inbound call that somebody took, on the day on which bubbles
// begin.
func answered() crm.Activity {
	start := time.Date(2000, 1, 1, 10, 0, 5, 0, time.UTC)
	return crm.Activity{
		CallID: "01KAP3M7Q5X9C2V4B6N8M0K1J2", Direction: call.Inbound, Result: call.ResultCompleted, SIPCode: 200,
		Number: "+12015550123", Name: "Ana García", Create: true, From: "+12015550123", To: "+12015550100",
		StartedAt: start, EndedAt: start.Add(75 * time.Second), Duration: 61 * time.Second,
		Title: "Inbound call – completed – Ana García – 1:01", Body: "<p>Wants a quote &amp; a demo</p>",
	}
}

// numbered returns the call with another ID, so that it is another call.
func numbered(a crm.Activity, n int) crm.Activity {
	a.CallID = call.ID(string(a.CallID[:len(a.CallID)-2]) + string(rune('A'+n/20)) + string("0123456789ABCDEFGHJK"[n%20]))
	return a
}

// contains reports whether a text is in what was logged or counted.
func (d *desk) shows(text string) bool {
	return strings.Contains(d.log.String(), text) ||
		slices.ContainsFunc(d.counted, func(outcome string) bool { return strings.Contains(outcome, text) })
}
