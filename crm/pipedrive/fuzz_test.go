package pipedrive

import (
	"cmp"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
)

// FuzzAnswers reads whatever Pipedrive may answer to every step.
func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"success":true,"data":{"items":[{"item":{"id":1,"phones":["+12015550123"]}}]},"additional_data":{"next_cursor":"x"}}`, "5")
	f.Add(200, `{"success":true,"data":[{"id":1,"phones":[{"value":"2015550123"}],"note":"Tandem call 01KAP3M7Q5X9C2V4B6N8M0K1J2","activity_id":1}]}`, "")
	f.Add(200, `{"success":true,"data":{"id":-1}}`, "-1")
	f.Add(429, `{"success":false,"error":["a"]}`, "99999999999999999999")
	f.Add(403, page, "1e9")
	f.Add(404, `null`, "\x00")
	f.Add(600, `{"success":"yes"}`, " ")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		synctest.Test(t, func(t *testing.T) {
			readAnything(t, canned{status, map[string]string{
				"x-daily-ratelimit-token-remaining": header, "x-ratelimit-reset": header, "Retry-After": header,
			}, body})
		})
	})
}

// readAnything carries out every step on one answer.
func readAnything(t *testing.T, answer canned) {
	for _, s := range []crm.Step{crm.StepContact, crm.StepActivity, crm.StepCallLog, crm.StepCompletion} {
		client, err := New(Options{Token: secret, Transport: answer})
		if err != nil {
			t.Fatal(err)
		}
		refs := map[crm.Step]crm.Refs{
			crm.StepActivity: {Contact: "1"}, crm.StepCallLog: {Activity: "1"}, crm.StepCompletion: {Activity: "1"},
		}[s]
		after, err := client.Do(t.Context(), s, answered(), refs)
		fault, ours := errors.AsType[*crm.Fault](err)
		if err != nil && !ours || ours && (fault.After < 0 || fault.After > 24*time.Hour || fault.Say == "" || strings.Contains(fault.Say, secret)) {
			t.Fatalf("%s: %+v", s, err)
		}
		for _, ref := range []string{after.Contact, after.Activity} {
			if id, err := idOf("ref", cmp.Or(ref, "1")); err != nil || id < 1 {
				t.Fatalf("%s: %+v", s, after)
			}
		}
	}
}
