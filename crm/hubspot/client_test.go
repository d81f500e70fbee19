package hubspot

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

const token = "pat-eu1-OPEN-SESAME"

// inProcess is the way to a server without a network between, so that time in a
// bubble stands still for both.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if recover() != nil {
			err = io.ErrUnexpectedEOF // the server broke the connection
		}
	}()
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// account is a HubSpot account, a client of it, and all that the client lets
// others see.
type account struct {
	*standin.Server
	client *Client
	way    http.RoundTripper

	mu       sync.Mutex
	logs     bytes.Buffer
	outcomes map[string]int
}

func (a *account) count(outcome string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outcomes[outcome]++
}

// Write takes the lines of the log.
func (a *account) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs.Write(line)
}

func (a *account) logged() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs.String()
}

// restart has a new client take over from the one that was.
func (a *account) restart(t *testing.T, o Options) {
	t.Helper()
	o.Token = cmp.Or(o.Token, token)
	o.Log = slog.New(slog.NewTextHandler(a, nil))
	o.Count = a.count
	client, err := newClient(o, a.way)
	if err != nil {
		t.Fatal(err)
	}
	a.client = client
}

func open(t *testing.T, o standin.Options) *account {
	t.Helper()
	o.Token, o.Owners = token, []string{"77"}
	server := standin.New(o)
	a := &account{Server: server, way: inProcess{server}, outcomes: make(map[string]int)}
	a.restart(t, Options{Country: "US"})
	return a
}

// unmarked are the scopes of a token that may not make properties.
func unmarked() []string {
	return []string{"crm.objects.contacts.read", "crm.objects.contacts.write"}
}

// completed is a call that was talked.
func completed() crm.Activity {
	begun := time.Date(2026, 11, 22, 10, 0, 0, 120e6, time.FixedZone("", 3600))
	return crm.Activity{
		CallID: "01KAP0000000000000000000A1", Direction: call.Inbound, Result: call.ResultCompleted, SIPCode: 200,
		Number: "+15551234567", Name: "Ana García López", Create: true, From: "+15551234567", To: "+15550001111",
		StartedAt: begun, EndedAt: begun.Add(70 * time.Second), Duration: 61*time.Second + 400*time.Microsecond,
		Title: "Inbound call – completed – Ana García López – 1:01", Body: "<p>Ana &lt;b&gt; asked</p>", Owner: "77",
		Recording: "https://tandem.example.com/api/v1/calls/01KAP0000000000000000000A1/recording",
	}
}

// carryOut does all steps of a call, as the outbox does, and keeps at what may
// pass.
func (a *account) carryOut(ctx context.Context, activity crm.Activity) (crm.Refs, error) {
	var refs crm.Refs
	for _, step := range a.client.Steps() {
		if err := a.persist(ctx, step, activity, &refs); err != nil {
			return refs, err
		}
	}
	return refs, nil
}

func (a *account) persist(ctx context.Context, step crm.Step, activity crm.Activity, refs *crm.Refs) error {
	for range 20 {
		got, err := a.client.Do(ctx, step, activity, *refs)
		*refs = got
		fault, ours := errors.AsType[*crm.Fault](err)
		if !ours || fault.Kind != crm.FaultRetry {
			return err
		}
		select {
		case <-time.After(max(fault.After, time.Second)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("step %s never worked", step)
}

// faultOf returns the fault that an error is.
func faultOf(t *testing.T, err error) *crm.Fault {
	t.Helper()
	fault, ok := errors.AsType[*crm.Fault](err)
	if !ok {
		t.Fatalf("the error is no fault: %v", err)
	}
	return fault
}

func TestCall(t *testing.T) {
	for name, scopes := range map[string][]string{"marked": nil, "unmarked": unmarked()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, standin.Options{Scopes: scopes, IndexLag: 5 * time.Second})
				refs, err := a.carryOut(t.Context(), completed())
				if err != nil {
					t.Fatal(err)
				}
				contacts, calls := a.Contacts(), a.Calls()
				if len(contacts) != 1 || len(calls) != 1 {
					t.Fatalf("contacts %+v, calls %+v", contacts, calls)
				}
				if refs != (crm.Refs{Contact: contacts[0].ID, Activity: calls[0].ID}) || strings.Join(calls[0].Contacts, " ") != refs.Contact {
					t.Errorf("refs %+v, contact %s, call %s of %v", refs, contacts[0].ID, calls[0].ID, calls[0].Contacts)
				}
				wantContact := map[string]string{"phone": "+15551234567", "firstname": "Ana", "lastname": "García López", "hubspot_owner_id": "77"}
				wantCall := map[string]string{
					"hs_timestamp": "2026-11-22T09:00:00.120Z", "hs_call_title": "Inbound call – completed – Ana García López – 1:01",
					"hs_call_body": "<p>Ana &lt;b&gt; asked</p>", "hs_call_duration": "61000", "hs_call_direction": "INBOUND",
					"hs_call_status": "COMPLETED", "hs_call_disposition": outcomeConnected,
					"hs_call_from_number": "+15551234567", "hs_call_to_number": "+15550001111", "hs_call_source": "INTEGRATIONS_PLATFORM",
					"hs_call_external_id":      "01KAP0000000000000000000A1",
					"hs_call_recording_url":    "https://tandem.example.com/api/v1/calls/01KAP0000000000000000000A1/recording",
					"hs_call_callee_object_id": refs.Contact, "hs_call_callee_object_type_id": "0-1", "hubspot_owner_id": "77",
				}
				if scopes == nil {
					wantContact[markProperty], wantCall[markProperty] = "01KAP0000000000000000000A1", "01KAP0000000000000000000A1"
				}
				if !maps.Equal(contacts[0].Properties, wantContact) {
					t.Errorf("contact %v\nwant %v", contacts[0].Properties, wantContact)
				}
				if !maps.Equal(calls[0].Properties, wantCall) {
					t.Errorf("call %v\nwant %v", calls[0].Properties, wantCall)
				}
			})
		})
	}
}

// TestLater is what comes after the call was logged: the recording, notes and
// an outcome, and what a salesperson did in HubSpot meanwhile.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		a.AddOutcome(standin.Outcome{ID: "11111111-2222-4333-8444-555555555555", Label: "Demo booked"})
		activity := completed()
		activity.Recording = ""
		refs, err := a.carryOut(t.Context(), activity)
		if err != nil {
			t.Fatal(err)
		}
		if _, there := a.Calls()[0].Properties["hs_call_recording_url"]; there {
			t.Error("a recording is there that there is not")
		}
		activity.Recording, activity.Body, activity.Disposition = "https://tandem.example.com/r", "<p>notes</p>", "demo BOOKED"
		activity.Title = "Inbound call – completed – Ana – 1:01"
		for _, step := range []crm.Step{crm.StepRecording, crm.StepCompletion, crm.StepCompletion} {
			if err := a.persist(t.Context(), step, activity, &refs); err != nil {
				t.Fatal(err)
			}
		}
		got := a.Calls()[0].Properties
		if got["hs_call_recording_url"] != "https://tandem.example.com/r" || got["hs_call_body"] != "<p>notes</p>" ||
			got["hs_call_title"] != activity.Title || got["hs_call_disposition"] != "11111111-2222-4333-8444-555555555555" {
			t.Errorf("after completion: %v", got)
		}
		// Without a choice of ours, theirs stays.
		activity.Disposition = ""
		if err := a.persist(t.Context(), crm.StepCompletion, activity, &refs); err != nil {
			t.Fatal(err)
		}
		if got := a.Calls()[0].Properties["hs_call_disposition"]; got != "11111111-2222-4333-8444-555555555555" {
			t.Errorf("the outcome became %s", got)
		}
		if n := len(a.Calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestPace logs a hundred calls as fast as it may, and HubSpot never says that
// it was too fast.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{PerTenSeconds: 100, Searches: 5})
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				activity := completed()
				activity.CallID = call.ID(fmt.Sprint("call-", i))
				activity.Number = fmt.Sprint("+1555123", 4000+i)
				if _, err := a.carryOut(t.Context(), activity); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(a.Calls()) != 100 || len(a.Contacts()) != 100 || a.outcomes["limited"] != 0 {
			t.Errorf("%d calls, %d contacts, outcomes %v", len(a.Calls()), len(a.Contacts()), a.outcomes)
		}
	})
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no token": {}, "spaced token": {Token: "a b"}, "token with a line": {Token: "a\n"},
		"plain http": {Token: "a", BaseURL: "http://api.example.com"}, "no address": {Token: "a", BaseURL: "//"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	client, err := New(Options{Token: "a"})
	if err != nil || client.Name() != "hubspot" {
		t.Errorf("got %v, %v", client, err)
	}
}
