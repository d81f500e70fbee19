package hubspot

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

// TestWhoseNumber is which contact a number leads to.
func TestWhoseNumber(t *testing.T) {
	type contact map[string]string
	cases := map[string]struct {
		number   string
		country  string
		contacts []contact
		want     int // index of the contact; -1: a new one
	}{
		"as we write it":       {"+15551234567", "US", []contact{{"phone": "+15551234567"}}, 0},
		"as people write it":   {"+15551234567", "US", []contact{{"phone": "(555) 123-4567"}}, 0},
		"mobile":               {"+15551234567", "US", []contact{{"phone": "+15550000000", "mobilephone": "+1 555 123 4567"}}, 0},
		"of another country":   {"+15551234567", "US", []contact{{"phone": "+44 5551234567"}}, -1},
		"of both":              {"+15551234567", "US", []contact{{"phone": "+44 5551234567"}, {"phone": "555-123-4567"}}, 1},
		"no country, ours":     {"+15551234567", "", []contact{{"phone": "555 123 4567"}}, 0},
		"no country, theirs":   {"+445551234567", "US", []contact{{"phone": "5551234567"}}, -1},
		"several: the oldest":  {"+15551234567", "US", []contact{{"mobilephone": "+15551234567"}, {"phone": "+15551234567"}}, 0},
		"with an extension":    {"+15551234567", "US", []contact{{"phone": "+1 555 123 4567 ext. 9"}}, 0},
		"junk beside":          {"+15551234567", "US", []contact{{"phone": "call me", "mobilephone": "+15551234567"}}, 0},
		"nobody":               {"+15551234567", "US", nil, -1},
		"leading zero (Italy)": {"+390612345678", "IT", []contact{{"phone": "+39 06 1234 5678"}}, 0},
		"not a number at all":  {"+1", "US", nil, -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, standin.Options{})
				a.restart(t, Options{Country: c.country})
				ids := make(map[int]string)
				for i, properties := range c.contacts {
					ids[i] = a.AddContact(properties)
					time.Sleep(time.Second)
				}
				activity := completed()
				activity.Number = c.number
				refs, err := a.client.Do(t.Context(), crm.StepContact, activity, crm.Refs{})
				if err != nil {
					t.Fatal(err)
				}
				made := len(a.Contacts()) > len(c.contacts)
				if refs.Contact == "" || made != (c.want < 0) || !made && refs.Contact != ids[c.want] {
					t.Errorf("got %s of %v, made: %t", refs.Contact, ids, made)
				}
			})
		})
	}
}

// TestNobodysCall is a call that belongs to no contact.
func TestNobodysCall(t *testing.T) {
	withheld, stranger := completed(), completed()
	withheld.Number, withheld.From = "", ""
	stranger.Create = false
	for name, activity := range map[string]crm.Activity{"withheld": withheld, "stranger": stranger} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, standin.Options{})
				refs, err := a.carryOut(t.Context(), activity)
				if err != nil || refs.Contact != "" || len(a.Contacts()) != 0 || len(a.Calls()) != 1 || len(a.Calls()[0].Contacts) != 0 {
					t.Errorf("refs %+v, contacts %v, calls %v, %v", refs, a.Contacts(), a.Calls(), err)
				}
			})
		})
	}
}

// TestKnownContact is looked up in the outbox, not in HubSpot.
func TestKnownContact(t *testing.T) {
	a := open(t, standin.Options{})
	refs, err := a.client.Do(t.Context(), crm.StepContact, completed(), crm.Refs{Contact: "9"})
	if err != nil || refs.Contact != "9" || len(a.Requests()) != 0 {
		t.Errorf("got %+v, %v after %v", refs, err, a.Requests())
	}
}

// TestNameless makes a contact of a number.
func TestNameless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		activity := completed()
		activity.Name, activity.Owner = "", ""
		if _, err := a.client.Do(t.Context(), crm.StepContact, activity, crm.Refs{}); err != nil {
			t.Fatal(err)
		}
		got := a.Contacts()[0].Properties
		if got["firstname"] != "+15551234567" || got["lastname"] != "" || got["hubspot_owner_id"] != "" {
			t.Errorf("got %v", got)
		}
	})
}

// TestDeletedContact is found again, or made again, once the outbox forgets it.
func TestDeletedContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		refs, err := a.carryOut(t.Context(), completed())
		if err != nil {
			t.Fatal(err)
		}
		gone := refs.Contact
		a.Delete(gone)
		_, err = a.client.Do(t.Context(), crm.StepAssociation, completed(), refs)
		if fault := faultOf(t, err); fault.Kind != crm.FaultNoContact {
			t.Errorf("got %+v", fault)
		}
		refs.Contact = ""
		for _, step := range a.client.Steps() {
			if err := a.persist(t.Context(), step, completed(), &refs); err != nil {
				t.Fatal(err)
			}
		}
		call := a.Calls()[0]
		if len(a.Contacts()) != 1 || refs.Contact == gone || call.Properties["hs_call_callee_object_id"] != refs.Contact {
			t.Errorf("contacts %v, call %v", a.Contacts(), call)
		}
	})
}

// TestDeletedCall stays deleted.
func TestDeletedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		refs, err := a.carryOut(t.Context(), completed())
		if err != nil {
			t.Fatal(err)
		}
		a.Delete(refs.Activity)
		for _, step := range []crm.Step{crm.StepRecording, crm.StepCompletion} {
			_, err := a.client.Do(t.Context(), step, completed(), refs)
			if fault := faultOf(t, err); fault.Kind != crm.FaultRefused {
				t.Errorf("%s: %+v", step, fault)
			}
		}
	})
}
