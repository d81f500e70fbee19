package hubspot

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

func app() *OAuth {
	return &OAuth{ClientID: "app", ClientSecret: "OPEN-SESAME-secret", RefreshToken: "OPEN-SESAME-refresh"}
}

// connected is an account that an app was connected to, and a client of the app.
func connected(t *testing.T) *account {
	t.Helper()
	a := open(t, standin.Options{App: standin.App(*app())})
	a.connect(t, app())
	return a
}

// connect has a client of an app take over.
func (a *account) connect(t *testing.T, app *OAuth) {
	t.Helper()
	client, err := newClient(Options{OAuth: app, Country: "US", Count: a.count}, a.way)
	if err != nil {
		t.Fatal(err)
	}
	a.client = client
}

func (a *account) renewals() int {
	n := 0
	for _, r := range a.Requests() {
		if strings.HasSuffix(r, "/token") {
			n++
		}
	}
	return n
}

// TestRenewal renews before HubSpot has to refuse, and once for all who wait.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := connected(t)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				activity := completed()
				activity.CallID = call.ID(fmt.Sprint(i))
				if _, err := a.carryOut(t.Context(), activity); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a.renewals() != 1 || len(a.Calls()) != 10 {
			t.Errorf("%d renewals, %d calls", a.renewals(), len(a.Calls()))
		}
		for range 24 {
			time.Sleep(5 * time.Minute)
			if _, err := a.carryOut(t.Context(), completed()); err != nil {
				t.Fatal(err)
			}
		}
		if n := a.renewals(); n < 4 || n > 6 || a.outcomes["access"] != 0 {
			t.Errorf("%d renewals in two hours, outcomes %v", n, a.outcomes)
		}
	})
}

// TestRenewalFails goes on with the token that there is, as long as it is valid.
func TestRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := connected(t)
		step := func() error {
			_, err := a.client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{})
			return err
		}
		if err := step(); err != nil {
			t.Fatal(err)
		}
		a.Order(standin.Order{Trouble: standin.Broken, Path: "/token", Times: -1})
		time.Sleep(26 * time.Minute)
		if err := step(); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		if fault := faultOf(t, step()); fault.Kind != crm.FaultRetry {
			t.Errorf("got %+v", fault)
		}
		a.Recover()
		if err := step(); err != nil {
			t.Error(err)
		}
		a.Revoke()
		if fault := faultOf(t, step()); fault.Kind != crm.FaultAccess {
			t.Errorf("got %+v", fault)
		}
		if err := step(); err != nil {
			t.Errorf("after a token was revoked: %v", err)
		}
	})
}

// TestNotConnected says so, and nothing of the app's secrets.
func TestNotConnected(t *testing.T) {
	for name, way := range map[string]func(*account) http.RoundTripper{
		"refused": func(a *account) http.RoundTripper { return a.way },
		"no token": func(*account) http.RoundTripper {
			return answering(http.StatusOK, nil, `{"access_token":"OPEN-SESAME-refresh\n","expires_in":1800}`)
		},
		"page": func(*account) http.RoundTripper {
			return answering(http.StatusForbidden, nil, `<html>OPEN-SESAME-secret`)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := open(t, standin.Options{})
			a.way = way(a)
			a.connect(t, app())
			_, err := a.client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{})
			fault := faultOf(t, err)
			if want := map[bool]crm.FaultKind{true: crm.FaultRetry, false: crm.FaultAccess}[name == "no token"]; fault.Kind != want {
				t.Errorf("%s: %+v", name, fault)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", fault, fault.Err), "OPEN-SESAME") {
				t.Errorf("%s: a secret is told: %v", name, fault)
			}
		})
	}
	for _, app := range []*OAuth{{}, {ClientID: "a", ClientSecret: "b"}} {
		if _, err := New(Options{OAuth: app}); err == nil {
			t.Errorf("%+v is taken", app)
		}
	}
}

// TestRenewalContract holds the request for a token against HubSpot's description.
func TestRenewalContract(t *testing.T) {
	i := &inspector{t: t, descriptions: descriptions(t), seen: make(map[string]int)}
	synctest.Test(t, func(t *testing.T) {
		a := connected(t)
		i.RoundTripper = a.way
		a.way = i
		a.connect(t, app())
		if _, err := a.carryOut(t.Context(), completed()); err != nil {
			t.Fatal(err)
		}
	})
	if i.seen["POST "+tokenPath] != 1 {
		t.Errorf("seen %v", i.seen)
	}
}

// TestRenewalCarriesNoToken sends the app's secrets in the body alone.
func TestRenewalCarriesNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := connected(t)
		a.way = roundTrip(func(r *http.Request) (*http.Response, error) {
			renewal := strings.HasSuffix(r.URL.Path, "/token")
			if bearer := r.Header.Get("Authorization"); renewal == (bearer != "") || strings.Contains(r.URL.String(), "OPEN-SESAME") {
				t.Errorf("%s with %q", r.URL, bearer)
			}
			if body, err := io.ReadAll(r.Body); err != nil || renewal != slices.Contains(strings.Split(string(body), "&"), "grant_type=refresh_token") {
				t.Errorf("%s: %s, %v", r.URL, body, err)
			}
			return nil, io.ErrUnexpectedEOF
		})
		a.connect(t, app())
		if _, err := a.client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{}); err == nil {
			t.Error("no error")
		}
	})
}

// roundTrip is a way made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
