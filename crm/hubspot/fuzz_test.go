package hubspot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/crm"
)

// FuzzAnswers answers the same to each request of each step: whatever HubSpot
// says, it becomes refs that are IDs, or a fault with a message of one line.
func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"results":[{"id":"7","createdAt":"2026-11-22T10:00:00Z","properties":{"phone":"+15551234567","mobilephone":null}}],"total":1}`)
	f.Add(201, `{"id":"8","properties":{"hs_call_title":"x"},"hasUniqueValue":true}`)
	f.Add(207, `{"results":[],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"ids":["1"]}}]}`)
	f.Add(403, `{"category":"MISSING_SCOPES","errors":[{"context":{"requiredScopes":["a"]}}]}`)
	f.Add(429, `{"policyName":"DAILY"}`)
	f.Add(400, `{"category":"VALIDATION_ERROR","message":"softswitch_call_id owner"}`)
	f.Add(200, `[{"id":"x","label":"Connected"}]`)
	f.Add(500, "\xff<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 999 {
			return // net/http reads no such answer
		}
		for _, step := range []crm.Step{crm.StepContact, crm.StepActivity, crm.StepAssociation, crm.StepRecording, crm.StepCompletion} {
			client, err := newClient(Options{Token: token, Country: "US"}, answering(status, nil, body))
			if err != nil {
				t.Fatal(err)
			}
			client.doubts.started = time.Time{}
			activity := completed()
			activity.EndedAt = time.Now()
			refs := crm.Refs{}
			if step != crm.StepContact && step != crm.StepActivity {
				refs = crm.Refs{Contact: "1", Activity: "2"}
			}
			refs, err = client.Do(t.Context(), step, activity, refs)
			check(t, refs, err)
		}
	})
}

func check(t *testing.T, refs crm.Refs, err error) {
	t.Helper()
	for _, id := range []string{refs.Contact, refs.Activity, refs.CallLog} {
		if len(id) > 20 || strings.Trim(id, "0123456789") != "" {
			t.Errorf("ID %q", id)
		}
	}
	if err == nil {
		return
	}
	fault, ours := errors.AsType[*crm.Fault](err)
	if !ours {
		t.Fatalf("no fault: %v", err)
	}
	if fault.After < 0 || fault.After > 24*time.Hour || strings.ContainsAny(fault.Say, "\r\n\x1b\x00") || len([]rune(fault.Say)) > 500 {
		t.Errorf("after %v: %q", fault.After, fault.Say)
	}
}
