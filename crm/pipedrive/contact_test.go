package pipedrive

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

// TestFindsWhateverWasTyped finds the person however their number was written
// down, and nobody else.
func TestFindsWhateverWasTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for typed, found := range map[string]bool{
			"+12015550123":       true,
			"12015550123":        true,
			"2015550123":         true,
			"+1 201-555-0123":    true,
			"(201) 555-0123":     true,
			"+1 (201) 555-0123":  true,
			"201-555-0123":       true,
			"1-201-555-0123":     true,
			"(201) 555-0123 x12": true,
			"001 2015550123":     false, // not how America dials abroad
			"+442015550123":      false, // the same digits elsewhere
			"+12015550123456":    false,
			"2015550123 or so, and for lunch 2015550199": false,
		} {
			d := newDesk(t, standin.Options{})
			d.there.AddPerson("Bo Example", "+12015550199")
			id := d.there.AddPerson("Ana", "+34600111222", typed)
			refs, err := d.step(crm.StepContact, answered(), crm.Refs{})
			if err != nil {
				t.Fatalf("%s: %v", typed, err)
			}
			if (refs.Contact == "2") != found || found != (len(d.there.Persons()) == 2) {
				t.Errorf("%s is person %d; the contact is %s", typed, id, refs.Contact)
			}
		}
	})
}

func TestFindsAbroad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for typed, number := range map[string]string{
			"030 901820":       "+4930901820",
			"+49 30 901820":    "+4930901820",
			"01512 3456789":    "+4915123456789",
			"06 12 34 56 78":   "", // French, in a German account
			"+44 20 7946 0958": "+442079460958",
			"020 7946 0958":    "",
		} {
			d := newDesk(t, standin.Options{})
			d.restartAs(Options{Token: secret, Country: "DE"})
			d.there.AddPerson("Ana", typed)
			a := answered()
			a.Number, a.Create = number, false
			if number == "" {
				a.Number = map[string]string{"06 12 34 56 78": "+33612345678", "020 7946 0958": "+442079460958"}[typed]
			}
			refs, err := d.step(crm.StepContact, a, crm.Refs{})
			if err != nil || (refs.Contact == "1") != (number != "") {
				t.Errorf("%s for %s: contact %q, %v", typed, a.Number, refs.Contact, err)
			}
		}
	})
}

// TestSeveralWithOneNumber always takes the person who was there first.
func TestSeveralWithOneNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.AddPerson("Somebody", "+12015550999")
		d.there.AddPerson("First", "+12015550123")
		d.there.AddPerson("Second", "2015550123")
		for n := range 3 {
			if refs := d.mustFinish(numbered(answered(), n)); refs.Contact != "2" {
				t.Errorf("the contact is %s", refs.Contact)
			}
		}
		d.there.DeletePerson(2)
		if refs := d.mustFinish(numbered(answered(), 3)); refs.Contact != "3" {
			t.Errorf("after the first is gone the contact is %s", refs.Contact)
		}
	})
}

func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{Users: []int{1, 7}, Admin: true})
		nameless := answered()
		nameless.Name, nameless.Owner = "", "7"
		d.mustFinish(nameless)
		made := d.there.Persons()[0]
		if made.Name != "+12015550123" || made.Phones[0].Value != "+12015550123" || !made.Phones[0].Primary || made.OwnerID != 7 {
			t.Errorf("the person is %+v", made)
		}
		unwanted := numbered(answered(), 1)
		unwanted.Number, unwanted.Create = "+12015550177", false
		if refs := d.mustFinish(unwanted); refs.Contact != "" {
			t.Errorf("nobody wanted contact %s", refs.Contact)
		}
		withheld := numbered(answered(), 2)
		withheld.Number, withheld.From = "", ""
		if refs := d.mustFinish(withheld); refs.Contact != "" {
			t.Errorf("a withheld caller is contact %s", refs.Contact)
		}
		d.expect(1, 3, 3)
	})
}

// TestSearchIsBehind calls twice before the search knows whom the first call
// added.
func TestSearchIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{IndexLag: time.Hour})
		first := d.mustFinish(answered())
		second := d.mustFinish(numbered(answered(), 1))
		if first.Contact != second.Contact {
			t.Errorf("the contacts are %s and %s", first.Contact, second.Contact)
		}
		d.expect(1, 2, 2)
	})
}

// TestContactIsGone resolves the contact anew when the person was deleted.
func TestContactIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		old := d.mustFinish(answered())
		d.there.DeletePerson(1)
		a := numbered(answered(), 1)
		_, err := d.finish(a, crm.Refs{Contact: old.Contact})
		if fault := d.fault(err); fault.Kind != crm.FaultNoContact {
			t.Fatalf("a deleted person is %+v", fault)
		}
		if refs := d.mustFinish(a); refs.Contact != "2" {
			t.Errorf("the contact is %s", refs.Contact)
		}
		d.expect(1, 2, 2)
	})
}

func TestSearchTerms(t *testing.T) {
	for number, want := range map[string][]string{
		"+12015550123":   {"2015550123", "201-555-0123", "(201) 555-0123"},
		"+4930901820":    {"30901820", "30 901820"},
		"+442079460958":  {"2079460958", "20 7946 0958"},
		"+34600111222":   {"600111222", "600 11 12 22"},
		"+9990000000000": {"9990000000000"}, // of no country
	} {
		if got := searchTerms(number); !slices.Equal(got, want) {
			t.Errorf("%s is searched as %q", number, got)
		}
	}
}
