package pipedrive

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

// TestOwners names owners whom Pipedrive knows, and others.
func TestOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for owner, says := range map[string]string{"ana@example.com": "crm_owner", "-7": "crm_owner", "99": "user 99", "7": "", "": ""} {
			for _, number := range []string{answered().Number, ""} {
				d := newDesk(t, standin.Options{Users: []int{1, 7}, Admin: true})
				a := answered()
				a.Owner, a.Number = owner, number
				_, err := d.finish(a, crm.Refs{})
				if (err == nil) != (says == "") {
					t.Fatalf("owner %q: %v", owner, err)
				}
				if err != nil {
					fault := d.fault(err)
					if fault.Kind != crm.FaultRefused || !strings.Contains(fault.Say, says) || !strings.Contains(fault.Say, "crm_owner") {
						t.Errorf("owner %q: %+v", owner, fault)
					}
					d.expect(0, 0, 0)
				} else if owner == "7" && (d.there.Activities()[0].OwnerID != 7 || d.there.CallLogs()[0].UserID != 7) {
					t.Errorf("the call is %+v", d.there.CallLogs()[0])
				}
			}
		}
	})
}

// TestMayNotLogForOthers leaves the activity with its owner and the call log
// with the token's user.
func TestMayNotLogForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{Users: []int{1, 7}})
		a := answered()
		a.Owner = "7"
		d.mustFinish(a)
		d.expect(1, 1, 1)
		if d.there.Activities()[0].OwnerID != 7 || d.there.CallLogs()[0].UserID != 1 {
			t.Errorf("%+v, %+v", d.there.Activities()[0], d.there.CallLogs()[0])
		}
		if !d.shows("log no calls for others") {
			t.Error("nothing was said")
		}
	})
}

// TestScopeIsNoMatterOfOwners asks the administrator for the scope rather than
// parking every call.
func TestScopeIsNoMatterOfOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := New(Options{Token: secret, Transport: canned{403, nil, `{"success":false,"error":"Scope and URL mismatch"}`}})
		if err != nil {
			t.Fatal(err)
		}
		a := answered()
		a.Owner = "7"
		for s, refs := range map[crm.Step]crm.Refs{crm.StepActivity: {}, crm.StepCallLog: {Activity: "1"}, crm.StepCompletion: {Activity: "1"}} {
			_, err := client.Do(t.Context(), s, a, refs)
			if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultAccess {
				t.Errorf("%s: %+v", s, err)
			}
		}
	})
}

// TestGone holds what follows when people delete things in Pipedrive.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		refs := d.mustFinish(answered())
		d.there.DeleteActivity(1)
		_, err := d.step(crm.StepCompletion, answered(), refs)
		if fault := d.fault(err); fault.Kind != crm.FaultRefused || !strings.Contains(fault.Say, "activity 1") {
			t.Errorf("%+v", fault)
		}
		_, err = d.step(crm.StepCallLog, answered(), crm.Refs{Activity: "7"})
		if fault := d.fault(err); fault.Kind != crm.FaultRefused {
			t.Errorf("%+v", fault)
		}
	})
	for _, answer := range []canned{
		{404, nil, `{"success":false,"error":"Person not found"}`}, {410, nil, `{"success":false,"error":"gone"}`},
		{400, nil, `{"success":false,"error":"participants: person 5 does not exist"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New(Options{Token: secret, Transport: onWrite{answer}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(t.Context(), crm.StepActivity, answered(), crm.Refs{Contact: "5"})
			if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultNoContact {
				t.Errorf("%+v: %+v", answer, err)
			}
		})
	}
}

// onWrite answers writes with what is canned, and reads with nothing.
type onWrite struct{ canned }

// RoundTrip implements http.RoundTripper.
func (o onWrite) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return canned{status: 200, body: `{"success":true,"data":[]}`}.RoundTrip(r)
	}
	return o.canned.RoundTrip(r)
}
