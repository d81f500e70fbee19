package hubspot

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

// TestOnce has each request that makes something go wrong in each way, and then
// go well: there is one contact and one call in the end.
func TestOnce(t *testing.T) {
	writes := map[string][]string{
		"marked":   {"/groups", "/properties/contacts", "/properties/calls", "/contacts/search", "/contacts/batch/upsert", "/calls/batch/upsert"},
		"unmarked": {"/contacts/search", "/2026-03/contacts", "/calls/search", "/2026-03/calls"},
	}
	troubles := map[string]standin.Trouble{
		"429": standin.TooMany, "500": standin.Broken, "down": standin.Down, "blocked": standin.Blocked,
		"slow": standin.Slow, "cut after the write": standin.CutAfter, "junk after the write": standin.JunkAfter,
	}
	for mode, paths := range writes {
		for _, path := range paths {
			for name, trouble := range troubles {
				for _, restart := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s%s %s restart %t", mode, path, name, restart), func(t *testing.T) {
						order := standin.Order{Trouble: trouble, Path: path, Delay: time.Minute, Times: 2}
						synctest.Test(t, func(t *testing.T) { testOnce(t, mode == "unmarked", restart, order) })
					})
				}
			}
		}
	}
}

func testOnce(t *testing.T, unmark, restart bool, order standin.Order) {
	o := standin.Options{IndexLag: 10 * time.Second}
	if unmark {
		o.Scopes = unmarked()
	}
	a := open(t, o)
	activity := completed()
	activity.StartedAt, activity.EndedAt = time.Now().Add(-time.Minute), time.Now()
	time.Sleep(time.Second)
	a.Order(order)
	var refs crm.Refs
	for _, step := range a.client.Steps() {
		var err error
		if restart {
			// What the first attempt came to, nobody has noted.
			_, _ = a.client.Do(t.Context(), step, activity, refs)
			a.restart(t, Options{Country: "US"})
		}
		if err = a.persist(t.Context(), step, activity, &refs); err != nil {
			t.Fatal(err)
		}
	}
	contacts, calls := a.Contacts(), a.Calls()
	if len(contacts) != 1 || len(calls) != 1 {
		t.Fatalf("%d contacts, %d calls after %v", len(contacts), len(calls), a.Requests())
	}
	if len(calls[0].Contacts) != 1 || calls[0].Contacts[0] != refs.Contact || contacts[0].ID != refs.Contact {
		t.Errorf("the call belongs to %v, not to %s", calls[0].Contacts, contacts[0].ID)
	}
	if calls[0].Properties["hs_call_body"] != activity.Body {
		t.Errorf("not completed: %v", calls[0].Properties)
	}
}

// TestPropertyThatIsNone falls back to searching when there is a property of
// that name that takes a value twice, when no property can be unique, and when
// somebody deletes it after the first call.
func TestPropertyThatIsNone(t *testing.T) {
	each := func(change func(kind string)) {
		change("contacts")
		change("calls")
	}
	for name, prepare := range map[string]func(*testing.T, *account){
		"taken": func(_ *testing.T, a *account) {
			each(func(kind string) { a.AddProperty(kind, standin.Property{Name: markProperty}) })
		},
		"deleted": func(t *testing.T, a *account) {
			if _, err := a.carryOut(t.Context(), completed()); err != nil {
				t.Fatal(err)
			}
			each(func(kind string) { a.DeleteProperty(kind, markProperty) })
		},
		"impossible": func(*testing.T, *account) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := standin.Options{}
				if name == "impossible" {
					o.NoUnique = []string{"calls", "contacts"}
				}
				a := open(t, o)
				prepare(t, a)
				testUnmarked(t, a)
			})
		})
	}
}

func testUnmarked(t *testing.T, a *account) {
	for range 2 {
		if _, err := a.carryOut(t.Context(), completed()); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.Contacts()) != 1 || len(a.Calls()) != 1 {
		t.Errorf("%d contacts, %d calls", len(a.Contacts()), len(a.Calls()))
	}
	if _, marked := a.Calls()[0].Properties[markProperty]; marked {
		t.Error("the call is marked")
	}
	if a.logged() == "" {
		t.Error("nobody was told")
	}
}

// TestPropertyThatIsThere marks with the one that an earlier run has made.
func TestPropertyThatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, standin.Options{})
		for range 2 {
			if _, err := a.carryOut(t.Context(), completed()); err != nil {
				t.Fatal(err)
			}
			a.restart(t, Options{})
		}
		if len(a.Calls()) != 1 || a.Calls()[0].Properties[markProperty] != string(completed().CallID) || a.logged() != "" {
			t.Errorf("calls %+v, log %s", a.Calls(), a.logged())
		}
	})
}
