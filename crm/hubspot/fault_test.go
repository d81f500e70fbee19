package hubspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

// answering is a way to a server that answers one thing to everything.
func answering(status int, header map[string]string, body string) http.RoundTripper {
	return inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for key, value := range header {
			w.Header().Set(key, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
}

// TestFaults is what HubSpot's failures mean, in its own words.
func TestFaults(t *testing.T) {
	cases := map[string]struct {
		status int
		header map[string]string
		body   string
		kind   crm.FaultKind
		after  time.Duration
		say    string
	}{
		"ten seconds": {
			429, nil, `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`,
			crm.FaultRetry, 10 * time.Second, "ten seconds",
		},
		"ten seconds, told": {
			429, map[string]string{"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, `{"policyName":"TEN_SECONDLY_ROLLING"}`,
			crm.FaultRetry, 4 * time.Second, "",
		},
		"retry after":    {429, map[string]string{"Retry-After": "20"}, `{"policyName":"TEN_SECONDLY_ROLLING"}`, crm.FaultRetry, 20 * time.Second, ""},
		"second":         {429, nil, `{"policyName":"SECONDLY"}`, crm.FaultRetry, time.Second, "in a second"},
		"429 page":       {429, nil, `<html>`, crm.FaultRetry, 10 * time.Second, ""},
		"day, afternoon": {429, nil, `{"policyName":"DAILY","errorType":"RATE_LIMIT"}`, crm.FaultBudget, time.Hour, "of the day"},
		"token": {
			401, nil, `{"status":"error","message":"Authentication credentials not found.","category":"INVALID_AUTHENTICATION"}`,
			crm.FaultAccess, 0, "service key",
		},
		"expired": {401, nil, `{"category":"EXPIRED_AUTHENTICATION","message":"expired"}`, crm.FaultAccess, 0, "expired"},
		"scopes": {
			403, nil, `{"category":"MISSING_SCOPES","message":"no","errors":[{"message":"x","context":{"requiredGranularScopes":["crm.objects.contacts.write","crm.objects.contacts.read"]}}]}`,
			crm.FaultAccess, 0, "crm.objects.contacts.read, crm.objects.contacts.write",
		},
		"scopes untold": {403, nil, `{"category":"MISSING_SCOPES","message":"no","errors":[{"context":{"missingScopes":7}}]}`, crm.FaultAccess, 0, "does not name"},
		"firewall":      {403, map[string]string{"Content-Type": "text/html"}, `<html>blocked</html>`, crm.FaultRetry, time.Minute, "firewall"},
		"validation": {
			400, nil, `{"category":"VALIDATION_ERROR","message":"Property values were not valid: ` + strings.Repeat("x", 400) + `"}`,
			crm.FaultRefused, 0, "Property values were not valid: xxx",
		},
		"conflict":    {409, nil, `{"category":"CONFLICT","message":"Contact already exists. Existing ID: 7"}`, crm.FaultRefused, 0, "already exists"},
		"not found":   {404, nil, `{"category":"OBJECT_NOT_FOUND","message":"resource not found"}`, crm.FaultRefused, 0, "not found"},
		"not HubSpot": {404, nil, `<html>`, crm.FaultAccess, 0, "crm.base_url"},
		"unheard":     {400, nil, `{"category":"NEW_THING","message":"what"}`, crm.FaultRefused, 0, "what"},
		"migration":   {477, map[string]string{"Retry-After": "30"}, `{"category":"MIGRATION_IN_PROGRESS","message":"moving"}`, crm.FaultRetry, 30 * time.Second, "moving"},
		"locked":      {423, nil, `{"category":"LOCKED","message":"locked"}`, crm.FaultRetry, 0, ""},
		"broken":      {500, nil, `{"category":"INTERNAL_ERROR","message":"sorry"}`, crm.FaultRetry, 0, "500"},
		"cdn":         {522, nil, `<html>`, crm.FaultRetry, 0, "522"},
		"junk":        {200, nil, `{"results":[{"id":`, crm.FaultRetry, 0, ""},
		"strange":     {200, nil, `{"results":[{"id":"../..","properties":{"phone":"+15551234567"}}]}`, crm.FaultRetry, 0, "not an ID"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(14 * time.Hour) // the bubble begins at midnight
				a := open(t, standin.Options{})
				a.way = answering(c.status, c.header, c.body)
				a.restart(t, Options{Country: "US"})
				refs, err := a.client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{})
				fault := faultOf(t, err)
				if fault.Kind != c.kind || fault.After != c.after || !strings.Contains(fault.Say, c.say) {
					t.Errorf("got kind %d after %v: %s", fault.Kind, fault.After, fault.Say)
				}
				if len([]rune(fault.Say)) > 400 || refs != (crm.Refs{}) {
					t.Errorf("refs %+v, says %s", refs, fault.Say)
				}
			})
		})
	}
}

// TestDayEnds asks again at midnight at the latest.
func TestDayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{PerDay: 3})
		time.Sleep(23*time.Hour + 50*time.Minute)
		activity := completed()
		err := a.persist(t.Context(), crm.StepContact, activity, new(crm.Refs))
		fault := faultOf(t, err)
		if fault.Kind != crm.FaultBudget || fault.After != 10*time.Minute {
			t.Fatalf("got %+v", fault)
		}
		time.Sleep(fault.After)
		a.Midnight()
		if err := a.persist(t.Context(), crm.StepContact, activity, new(crm.Refs)); err != nil {
			t.Error(err)
		}
	})
}

// TestBatchFails is the multi-status of a batch whose one member failed.
func TestBatchFails(t *testing.T) {
	for category, kind := range map[string]crm.FaultKind{
		"VALIDATION_ERROR": crm.FaultRefused, "RATE_LIMITS": crm.FaultRetry, "WHATEVER": crm.FaultRetry, "MISSING_SCOPES": crm.FaultAccess,
	} {
		a := open(t, standin.Options{})
		a.way = answering(http.StatusMultiStatus, nil, fmt.Sprintf(
			`{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":%q,"message":"no","context":{"ids":["1"]}}]}`, category))
		a.restart(t, Options{})
		a.client.marks.set(calls, true)
		a.client.outcomes.stale = time.Now().Add(time.Hour)
		_, err := a.client.Do(t.Context(), crm.StepActivity, completed(), crm.Refs{})
		if fault := faultOf(t, err); fault.Kind != kind {
			t.Errorf("%s: %+v", category, fault)
		}
	}
}

// TestMisconfigured is what an administrator reads after the usual mistakes.
func TestMisconfigured(t *testing.T) {
	type mistake struct {
		standin  standin.Options
		options  Options
		activity func(*crm.Activity)
		kind     crm.FaultKind
		say      string
	}
	for name, m := range map[string]mistake{
		"wrong token":       {options: Options{Token: "pat-wrong"}, kind: crm.FaultAccess, say: "crm.token"},
		"read scope only":   {standin: standin.Options{Scopes: []string{"crm.objects.contacts.read"}}, kind: crm.FaultAccess, say: "crm.objects.contacts.write"},
		"no scope":          {standin: standin.Options{Scopes: []string{}}, kind: crm.FaultAccess, say: "crm.objects.contacts.read"},
		"unknown owner":     {activity: func(a *crm.Activity) { a.Owner = "78" }, kind: crm.FaultRefused, say: "crm_owner"},
		"owner by name":     {activity: func(a *crm.Activity) { a.Owner = "ana@example.com" }, kind: crm.FaultRefused, say: "crm_owner"},
		"plain recording":   {activity: func(a *crm.Activity) { a.Recording = "http://tandem.example.com/r" }, kind: crm.FaultRefused, say: "https"},
		"unwritable number": {activity: func(a *crm.Activity) { a.CallID = "" }, kind: crm.FaultRefused, say: "id"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, m.standin)
				a.restart(t, m.options)
				activity := completed()
				if m.activity != nil {
					m.activity(&activity)
				}
				_, err := a.carryOut(t.Context(), activity)
				if fault := faultOf(t, err); fault.Kind != m.kind || !strings.Contains(fault.Say, m.say) {
					t.Errorf("got kind %d: %s", fault.Kind, fault.Say)
				}
			})
		})
	}
}

// TestNotHubSpot keeps the calls waiting, and takes no page for a word about a
// record.
func TestNotHubSpot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		a.way = answering(http.StatusNotFound, nil, `<html>`)
		a.restart(t, Options{Country: "US"})
		for _, step := range a.client.Steps() {
			refs := crm.Refs{Contact: "1", Activity: "2"}
			if step == crm.StepContact || step == crm.StepActivity {
				refs = crm.Refs{}
			}
			_, err := a.client.Do(t.Context(), step, completed(), refs)
			if fault := faultOf(t, err); fault.Kind != crm.FaultAccess {
				t.Errorf("%s: %+v", step, fault)
			}
		}
	})
}

// TestPathsGivenUp logs calls without what HubSpot serves by its old paths.
func TestPathsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		dated := a.way
		a.way = roundTrip(func(r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.URL.Path, version) {
				return answering(http.StatusNotFound, nil, `<html>`).RoundTrip(r)
			}
			return dated.RoundTrip(r)
		})
		a.restart(t, Options{Country: "US"})
		if _, err := a.carryOut(t.Context(), completed()); err != nil {
			t.Fatal(err)
		}
		if calls := a.Calls(); len(calls) != 1 || calls[0].Properties["hs_call_disposition"] != outcomeConnected {
			t.Errorf("calls %+v", calls)
		}
	})
}

// TestPrivateAddress is refused where nobody has allowed it: a literal one and
// a name that leads there.
func TestPrivateAddress(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
	defer server.Close()
	for _, base := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		client, err := New(Options{Token: token, BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{})
		if fault := faultOf(t, err); fault.Kind != crm.FaultAccess || !strings.Contains(fault.Say, "crm.allow_private") {
			t.Errorf("%s: %v", base, fault)
		}
	}
}

// TestStandInOverTheNetwork logs a call through sockets, as the demonstration
// does.
func TestStandInOverTheNetwork(t *testing.T) {
	a := open(t, standin.Options{})
	server := httptest.NewServer(a)
	defer server.Close()
	a.way = nil
	a.restart(t, Options{BaseURL: server.URL, AllowPrivate: true})
	if _, err := a.carryOut(t.Context(), completed()); err != nil || len(a.Calls()) != 1 {
		t.Errorf("%d calls, %v", len(a.Calls()), err)
	}
}

// TestStopped ends with its caller.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{Scopes: unmarked()})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, step := range a.client.Steps() {
			_, err := a.client.Do(ctx, step, completed(), crm.Refs{Activity: "1", Contact: "2"})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", step, err)
			}
		}
		if len(a.Requests()) != 0 {
			t.Errorf("asked %v", a.Requests())
		}
	})
}

// TestSecrets has every trouble happen to every step, with a server that tells
// the token back, and looks for it in all that others see.
func TestSecrets(t *testing.T) {
	echo := func(status int) http.RoundTripper {
		return inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			said := r.Header.Get("Authorization")
			w.Header().Set("Content-Type", said)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"category":"VALIDATION_ERROR","message":"%s","results":[{"id":"%s"}],"errors":[{"context":{"scopes":["%s"]}}]}`, said, said, said)
		})}
	}
	for _, status := range []int{200, 207, 302, 400, 401, 403, 404, 409, 429, 500} {
		synctest.Test(t, func(t *testing.T) {
			a := open(t, standin.Options{})
			a.way = echo(status)
			a.restart(t, Options{Country: "US"})
			seen := fmt.Sprintf("%v %+v", a.client.Name(), a.client.Steps())
			for _, step := range a.client.Steps() {
				activity := completed()
				activity.Disposition = "unknown"
				refs, err := a.client.Do(t.Context(), step, activity, crm.Refs{})
				seen += fmt.Sprintf("\n%+v %v %+v", refs, err, errors.Unwrap(err))
				_, err = a.client.Do(t.Context(), step, activity, crm.Refs{Contact: "1", Activity: "2"})
				seen += fmt.Sprintf("\n%v", err)
			}
			seen += a.logged() + fmt.Sprint(a.outcomes)
			if strings.Contains(seen, "OPEN-SESAME") {
				t.Errorf("status %d: the token is told: %s", status, seen)
			}
		})
	}
}
