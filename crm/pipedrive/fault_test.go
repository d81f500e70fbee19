package pipedrive

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

// canned answers every request alike.
type canned struct {
	status int
	header map[string]string
	body   string
}

// RoundTrip implements http.RoundTripper.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	res := &http.Response{
		StatusCode: c.status, Header: make(http.Header), Request: r,
		Body: io.NopCloser(strings.NewReader(c.body)),
	}
	for name, value := range c.header {
		res.Header.Set(name, value)
	}
	return res, nil
}

const page = "<!DOCTYPE html><html><body>" + secret + "</body></html>"

// TestFaults sorts every kind of answer.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		canned
		kind  crm.FaultKind
		after time.Duration
		says  string
	}{
		"wrong token":        {canned{401, nil, `{"success":false,"error":"unauthorized access"}`}, crm.FaultAccess, 0, "crm.token"},
		"scope":              {canned{403, nil, `{"success":false,"error":"Scope and URL mismatch"}`}, crm.FaultAccess, 0, "phone-integration"},
		"not paid":           {canned{402, nil, `{"success":false,"error":"Company is expired"}`}, crm.FaultAccess, 0, "expired"},
		"firewall":           {canned{403, nil, page}, crm.FaultRetry, quarantine, "firewall"},
		"not Pipedrive":      {canned{404, nil, page}, crm.FaultAccess, 0, "crm.base_url"},
		"elsewhere":          {canned{302, map[string]string{"Location": "https://evil.example/"}, ""}, crm.FaultAccess, 0, "crm.base_url"},
		"burst":              {canned{429, map[string]string{"x-ratelimit-reset": "7"}, `{"success":false,"error":"request over limit"}`}, crm.FaultRetry, 7 * time.Second, "over limit"},
		"burst, no headers":  {canned{429, nil, page}, crm.FaultRetry, breather, ""},
		"burst, junk":        {canned{429, map[string]string{"x-ratelimit-reset": "-9e99"}, ""}, crm.FaultRetry, breather, ""},
		"burst, Retry-After": {canned{429, map[string]string{"Retry-After": "30", "x-daily-ratelimit-token-remaining": "9000"}, ""}, crm.FaultRetry, 30 * time.Second, ""},
		"day is over":        {canned{429, map[string]string{"x-daily-ratelimit-token-remaining": "3"}, ""}, crm.FaultBudget, time.Hour, "today"},
		"broken":             {canned{500, nil, `{"success":false,"error":{"code":7}}`}, crm.FaultRetry, 0, "500"},
		"no upstream":        {canned{522, nil, page}, crm.FaultRetry, 0, "522"},
		"refused":            {canned{400, nil, `{"success":false,"error":"term: ` + strings.Repeat("x\\u001b[31m", 200) + `"}`}, crm.FaultRefused, 0, "term: x"},
		"success that is no": {canned{200, nil, `{"success":false,"error":"nothing to see"}`}, crm.FaultRefused, 0, "nothing to see"},
		"page":               {canned{200, nil, page}, crm.FaultRetry, 0, ""},
		"data of no kind":    {canned{200, nil, `{"success":true,"data":{"items":"none"}}`}, crm.FaultRetry, 0, "promises"},
		"too much":           {canned{200, nil, strings.Repeat(" ", 2<<20)}, crm.FaultRetry, 0, "1 MB"},
		"nothing":            {canned{200, nil, ""}, crm.FaultRetry, 0, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New(Options{Token: secret, Transport: test.canned})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(t.Context(), crm.StepContact, answered(), crm.Refs{})
			fault, ours := errors.AsType[*crm.Fault](err)
			if !ours || fault.Kind != test.kind || fault.After != test.after || !strings.Contains(fault.Say, test.says) {
				t.Errorf("%s: %+v", name, err)
				return
			}
			if strings.Contains(fault.Say, secret) || len(fault.Say) > 600 || strings.ContainsAny(fault.Say, "\x1b\n") {
				t.Errorf("%s says %q", name, fault.Say)
			}
		})
	}
}

// TestMadeButNameless holds that what was made without saying its name is
// looked for, and not made again.
func TestMadeButNameless(t *testing.T) {
	for _, body := range []string{`{"success":true}`, `{"success":true,"data":null}`, `{"success":true,"data":{"id":0}}`, `{"success":true,"data":{"id":""}}`} {
		synctest.Test(t, func(t *testing.T) {
			client, err := New(Options{Token: secret, Transport: canned{status: 200, body: body}})
			if err != nil {
				t.Fatal(err)
			}
			for s, refs := range map[crm.Step]crm.Refs{crm.StepActivity: {Contact: "1"}, crm.StepCallLog: {Activity: "1"}} {
				after, err := client.Do(t.Context(), s, answered(), refs)
				if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultRetry || after != refs {
					t.Errorf("%s after %s: %+v, %v", s, body, after, err)
				}
			}
		})
	}
}

// TestBlockedStaysAway leaves the firewall alone, whichever call comes next.
func TestBlockedStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.Order(standin.Order{Trouble: standin.Blocked})
		for n := range 5 {
			_, err := d.client.Do(t.Context(), crm.StepContact, numbered(answered(), n), crm.Refs{})
			if fault := d.fault(err); fault.Kind != crm.FaultRetry || fault.After != quarantine-time.Duration(n)*time.Minute {
				t.Errorf("%d: %+v", n, fault)
			}
			time.Sleep(time.Minute)
		}
		if n := len(d.requests()); n != 1 {
			t.Errorf("%d requests were sent to the firewall", n)
		}
		d.mustFinish(answered())
	})
}

// TestDayIsOver spends the tokens of a day, asks nothing for an hour at a time,
// and goes on in the new day.
func TestDayIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{Tokens: 300})
		logged := 0
		var fault *crm.Fault
		for n := 0; fault == nil; n++ {
			refs, err := d.finish(numbered(answered(), n), crm.Refs{})
			if err == nil {
				logged++
				continue
			}
			fault = d.fault(err)
			if fault.Kind != crm.FaultBudget || fault.After <= 0 || fault.After > time.Hour || refs.CallLog != "" && refs.Activity == "" {
				t.Fatalf("%+v, %+v", fault, refs)
			}
		}
		if logged == 0 || d.there.Spent() > 300 {
			t.Errorf("%d calls for %d tokens", logged, d.there.Spent())
		}
		before := len(d.requests())
		if _, err := d.finish(numbered(answered(), 30), crm.Refs{}); d.fault(err).Kind != crm.FaultBudget || len(d.requests()) != before {
			t.Errorf("%v, and %d requests more", err, len(d.requests())-before)
		}
		d.there.Midnight()
		time.Sleep(fault.After)
		d.mustFinish(numbered(answered(), 30))
		for _, outcome := range d.counted {
			if outcome != "ok" {
				t.Errorf("a request was %s: what is left was known", outcome)
			}
		}
	})
}

// TestDayIsOverUntold takes the refusals of a day that is over for what they
// are, though no header says so.
func TestDayIsOverUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.Order(standin.Order{Trouble: standin.TooMany, Times: -1})
		began := time.Now()
		var fault *crm.Fault
		for fault == nil || fault.Kind == crm.FaultRetry {
			_, err := d.client.Do(t.Context(), crm.StepContact, answered(), crm.Refs{})
			fault = d.fault(err)
			if time.Since(began) > 2*longestBurst {
				t.Fatalf("after %v it is still %+v", time.Since(began), fault)
			}
			time.Sleep(fault.After)
		}
		if fault.Kind != crm.FaultBudget || fault.After != time.Hour {
			t.Errorf("%+v", fault)
		}
		d.there.Recover()
		d.mustFinish(answered())
		d.there.Order(standin.Order{Trouble: standin.TooMany})
		_, err := d.client.Do(t.Context(), crm.StepContact, numbered(answered(), 1), crm.Refs{})
		if fault := d.fault(err); fault.Kind != crm.FaultRetry {
			t.Errorf("a burst in the new day is %+v", fault)
		}
		time.Sleep(12 * time.Hour)
		d.there.Order(standin.Order{Trouble: standin.TooMany})
		_, err = d.client.Do(t.Context(), crm.StepContact, numbered(answered(), 1), crm.Refs{})
		if fault := d.fault(err); fault.Kind != crm.FaultRetry {
			t.Errorf("a burst after a quiet night is %+v", fault)
		}
	})
}

func TestMidnight(t *testing.T) {
	for at, want := range map[string]time.Duration{
		"2026-11-22T10:00:00Z": time.Hour, "2026-11-22T23:40:00Z": 20 * time.Minute, "2026-11-23T01:40:00+02:00": 20 * time.Minute,
	} {
		now, _ := time.Parse(time.RFC3339, at)
		if got := untilReset(now); got != want {
			t.Errorf("at %s the day lasts %v", at, got)
		}
	}
}

// TestRefsOfSomebodyElse refuses refs that Pipedrive cannot have given.
func TestRefsOfSomebodyElse(t *testing.T) {
	client, err := New(Options{Token: secret, Transport: canned{status: 500}})
	if err != nil {
		t.Fatal(err)
	}
	for s, refs := range map[crm.Step]crm.Refs{
		crm.StepActivity: {Contact: "../../users/me"}, crm.StepCallLog: {Activity: "x"}, crm.StepCompletion: {Activity: ""},
	} {
		if _, err := client.Do(t.Context(), s, answered(), refs); statusOf(err) != 0 {
			t.Errorf("%s asked with %+v: %v", s, refs, err)
		} else if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultRefused {
			t.Errorf("%s: %+v", s, err)
		}
	}
}

func TestStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.Order(standin.Order{Trouble: standin.Slow, Delay: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := d.client.Do(ctx, crm.StepContact, answered(), crm.Refs{}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
