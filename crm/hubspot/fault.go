package hubspot

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/crm"
	"tandem/crm/rest"
)

const (
	burstWindow = 10 * time.Second // of the limit of all requests together
	probing     = time.Hour        // how long a used-up day is believed to last at most
	firewall    = time.Minute      // how long to stay away from a firewall that has had enough
)

// problem is what HubSpot says about a failure.
type problem struct {
	Message  string `json:"message"`
	Category string `json:"category"`
	Policy   string `json:"policyName"` // which limit, of status 429
	Errors   []struct {
		Message string                     `json:"message"`
		Context map[string]json.RawMessage `json:"context"`
	} `json:"errors"`
}

// judge sorts a failed answer.
func judge(a rest.Answer) *crm.Fault {
	var p problem
	readable := json.Unmarshal(a.Body, &p) == nil
	switch {
	case a.Status == http.StatusTooManyRequests:
		return limited(a, p.Policy, time.Now())
	case a.Status == http.StatusForbidden && !readable:
		// It is not the API that speaks, but what stands in front of it.
		return &crm.Fault{Kind: crm.FaultRetry, After: max(a.RetryAfter(), firewall), Say: a.Say("HubSpot's firewall refuses us")}
	case a.Status == http.StatusNotFound && p.Category == "":
		// Nothing of HubSpot's, or a path that HubSpot has given up.
		return &crm.Fault{Kind: crm.FaultAccess, Say: a.Say("nothing is there: does crm.base_url lead to the API?")}
	case a.Status < 400 || a.Status >= 500 || p.Category == "":
		return nil
	}
	return p.fault(a)
}

// notFound reports whether HubSpot itself says that there is no such record.
func notFound(err error) bool {
	fault, ours := errors.AsType[*crm.Fault](err)
	return ours && fault.Kind == crm.FaultRefused && statusOf(err) == http.StatusNotFound
}

// fault sorts a problem by its category; the status decides where that says
// nothing.
func (p problem) fault(a rest.Answer) *crm.Fault {
	say := a.Say(a.Quote(p.Message))
	switch p.Category {
	case "INVALID_AUTHENTICATION", "EXPIRED_AUTHENTICATION", "REVOKED_AUTHENTICATION":
		return &crm.Fault{Kind: crm.FaultAccess, Say: say + ": put a service key that is valid into crm.token"}
	case "MISSING_SCOPES":
		return &crm.Fault{Kind: crm.FaultAccess, Say: "HubSpot: the token may not do this: give the service key the scope " + a.Quote(p.scopes())}
	case "VALIDATION_ERROR", "OBJECT_NOT_FOUND", "CONFLICT":
		return &crm.Fault{Kind: crm.FaultRefused, Say: say}
	case "RATE_LIMITS":
		return limited(a, p.Policy, time.Now())
	}
	if a.Status < 300 {
		// One of a batch, and of a category that we do not know.
		return &crm.Fault{Kind: crm.FaultRetry, Say: say}
	}
	return a.Fault()
}

// scopes are the names of the scopes that are missing, as far as HubSpot tells.
func (p problem) scopes() string {
	names := make(map[string]bool)
	for _, e := range p.Errors {
		for key, value := range e.Context {
			var list []string
			if strings.Contains(strings.ToLower(key), "scope") && json.Unmarshal(value, &list) == nil {
				for _, name := range list {
					names[name] = true
				}
			}
		}
	}
	if len(names) == 0 {
		return "that HubSpot does not name: crm.objects.contacts.read and crm.objects.contacts.write are needed"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// limited is what follows from a limit. The day ends at midnight in the
// account's time zone, which nobody tells us: it is asked again every hour.
func limited(a rest.Answer, policy string, now time.Time) *crm.Fault {
	switch policy {
	case "DAILY":
		midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return &crm.Fault{Kind: crm.FaultBudget, After: min(probing, midnight.Sub(now)),
			Say: "HubSpot: the account's requests of the day are used up: all waits for the next day, or for a larger limit"}
	case "SECONDLY":
		return &crm.Fault{Kind: crm.FaultRetry, After: max(a.RetryAfter(), time.Second), Say: a.Say("too many requests in a second")}
	}
	window := burstWindow
	if ms, err := strconv.Atoi(a.Header.Get("X-HubSpot-RateLimit-Interval-Milliseconds")); err == nil && ms > 0 && ms < 60_000 {
		window = time.Duration(ms) * time.Millisecond
	}
	return &crm.Fault{Kind: crm.FaultRetry, After: max(a.RetryAfter(), window), Say: a.Say("too many requests in ten seconds")}
}

// adviseOwner tells what to do when HubSpot refused the owner.
func adviseOwner(err error, owner string) error {
	fault, ours := errors.AsType[*crm.Fault](err)
	if !ours || owner == "" || fault.Kind != crm.FaultRefused {
		return err
	}
	if why := strings.ToLower(fault.Say); !strings.Contains(why, "owner") {
		return err
	}
	fault.Say += " (owner " + owner + ": that user's crm_owner has to be an active owner in HubSpot)"
	return fault
}
