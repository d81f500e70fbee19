package hubspot

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

const demo = "11111111-2222-4333-8444-555555555555"

// outcomeAfter logs a call with a disposition, and returns what HubSpot has.
func (a *account) outcomeAfter(t *testing.T, id call.ID, disposition string) string {
	t.Helper()
	activity := completed()
	activity.CallID, activity.Disposition = id, disposition
	if _, err := a.carryOut(t.Context(), activity); err != nil {
		t.Fatal(err)
	}
	calls := a.Calls()
	return calls[len(calls)-1].Properties["hs_call_disposition"]
}

// TestOutcomesAreReadAgain after an hour, and no sooner.
func TestOutcomesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		if got := a.outcomeAfter(t, "1", "Demo booked"); got != outcomeConnected {
			t.Errorf("unknown: %s", got)
		}
		a.AddOutcome(standin.Outcome{ID: demo, Label: "Demo booked"})
		if got := a.outcomeAfter(t, "2", "demo booked"); got != outcomeConnected {
			t.Errorf("read again at once: %s", got)
		}
		if n := strings.Count(a.logged(), "Demo booked"); n != 1 {
			t.Errorf("complained %d times", n)
		}
		time.Sleep(outcomesAge)
		if got := a.outcomeAfter(t, "3", " demo booked"); got != outcomeConnected {
			t.Errorf("another name: %s", got)
		}
		for id, chosen := range map[call.ID]string{"4": "demo booked", "5": strings.ToUpper(demo)} {
			if got := a.outcomeAfter(t, id, chosen); got != demo {
				t.Errorf("%s: %s", chosen, got)
			}
		}
		if n := strings.Count(strings.Join(a.Requests(), "\n"), outcomesPath); n != 2 {
			t.Errorf("read %d times", n)
		}
	})
}

// TestOutcomesOfTheAccount are what counts: one that the account has deleted is
// left out.
func TestOutcomesOfTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		a.RemoveOutcome(outcomeConnected)
		if got := a.outcomeAfter(t, "1", ""); got != "" {
			t.Errorf("got %s", got)
		}
	})
}

// TestOutcomesUnread does with those that HubSpot comes with.
func TestOutcomesUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		a.Order(standin.Order{Trouble: standin.Broken, Path: outcomesPath, Times: -1})
		if got := a.outcomeAfter(t, "1", "left voicemail"); got != outcomeVoicemail {
			t.Errorf("got %s", got)
		}
	})
}

// TestSearchesAlone keeps the limit of searches, which is below that of all.
func TestSearchesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{Searches: 5})
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				activity := completed()
				activity.Create = false
				if _, err := a.client.Do(t.Context(), crm.StepContact, activity, crm.Refs{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a.outcomes["ok"] != 40 || len(a.outcomes) != 1 {
			t.Errorf("outcomes %v", a.outcomes)
		}
	})
}
