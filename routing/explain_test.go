package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// crew answers with the same prospect for every call, and notes the question.
type crew struct {
	prospect Prospect
	asked    []call.Request
}

func (c *crew) Prospect(_ context.Context, req call.Request) (Prospect, error) {
	c.asked = append(c.asked, req)
	return c.prospect, nil
}

func newExplainer(t *testing.T, d *desk, c *crew) *Explainer {
	t.Helper()
	chooser, err := NewChooser(ChooserOptions{Directory: d.Directory, History: d.store, Usable: func(trunk string) bool { return trunk == "carrier" }})
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewExplainer(ExplainerOptions{Directory: d.Directory, Offices: d.Offices, Floor: c, Contacts: d.store, Chooser: chooser})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// told writes findings in one line each.
func told(list []Finding) string {
	var lines []string
	for _, f := range list {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s", f.What, f.User, f.Why)))
	}
	return strings.Join(lines, "\n")
}

func TestExplainOwnNumber(t *testing.T) {
	c := &crew{prospect: Prospect{
		Asked: []string{"ana"}, Why: "longest idle: 3m", Later: []string{"bea"},
		Passed: []call.Passed{{User: "eva", Why: "on a break"}, {User: "bea", Why: "idle for less: 1m"}},
	}}
	x := newExplainer(t, newDesk(t, account(t)), c)
	e, err := x.Explain(t.Context(), "910000001", time.Now())
	want := `number : +34910000001 is received by sales
hours : open: always
strategy : longest-idle, each rings 20s, missed after 1m0s; the contact's own salesperson first
asked ana: longest idle: 3m
later bea: when the call is not taken before
passed_over eva: on a break`
	if got := told(e.Inbound); err != nil || got != want {
		t.Errorf("inbound, %v:\n%s\nwant\n%s", err, got, want)
	}
	if got := told(e.Outbound); got != "refused : it is one of our own numbers" {
		t.Errorf("outbound %s", got)
	}

	c.prospect = Prospect{}
	if e, err = x.Explain(t.Context(), "910000001", time.Now()); err != nil || !strings.Contains(told(e.Inbound), "waits : nobody is available") {
		t.Errorf("nobody there: %s, %v", told(e.Inbound), err)
	}
	asked := len(c.asked)
	if _, err = x.Explain(t.Context(), "910000001", time.Now().Add(time.Hour)); err != nil || len(c.asked) != asked {
		t.Error("the floor of now was asked about later")
	}
	e, err = x.Explain(t.Context(), "910000002", noon)
	want = `number : +34910000002 is received by late
hours : closed: mon all day UTC
closed : the caller hears the message and is hung up`
	if got := told(e.Inbound); err != nil || got != want {
		t.Errorf("closed, %v:\n%s", err, got)
	}
	if e, err = x.Explain(t.Context(), "910000003", noon); err != nil || told(e.Inbound) != "number : +34910000003 takes no calls: 404" {
		t.Errorf("no playbook: %s, %v", told(e.Inbound), err)
	}
}

func TestExplainOutsideNumber(t *testing.T) {
	d := newDesk(t, account(t))
	c := &crew{}
	x := newExplainer(t, d, c)
	e, err := x.Explain(t.Context(), "600 111 222", noon)
	if err != nil || e.Number != "+34600111222" || e.Contact != nil {
		t.Errorf("unknown: %+v, %v", e, err)
	}
	if got := told(e.Inbound); !strings.HasPrefix(got, "contact : unknown") || strings.Count(got, "number :") != 3 {
		t.Errorf("inbound:\n%s", got)
	}
	want := `country : ES
number : sales shows +34910000001 (country) through carrier
number : late shows +34910000002 (country) through carrier`
	if got := told(e.Outbound); got != want {
		t.Errorf("outbound:\n%s", got)
	}

	d.store.contacts["c"] = Contact{ID: "c", Name: "Luis", Numbers: []string{"+34600111222"}, Owner: "bea", LastNumber: "+34910000001", DoNotCall: true}
	e, err = x.Explain(t.Context(), "600 111 222", time.Now())
	if err != nil || e.Contact == nil || e.Contact.Name != "Luis" {
		t.Errorf("known: %+v, %v", e, err)
	}
	if got := told(e.Inbound); !strings.HasPrefix(got, "contact : known as Luis, whose salesperson is bea\nnumber : +34910000001 is received by sales") || strings.Count(got, "number :") != 1 {
		t.Errorf("inbound:\n%s", got)
	}
	if len(c.asked) != 1 || c.asked[0].Owner != "bea" {
		t.Errorf("the floor was asked %+v", c.asked)
	}
	if got := told(e.Outbound); got != "country : ES\nrefused : the contact is not to be called" {
		t.Errorf("outbound:\n%s", got)
	}
}

func TestExplainRefuses(t *testing.T) {
	x := newExplainer(t, newDesk(t, account(t)), &crew{})
	var invalid *InvalidError
	if _, err := x.Explain(t.Context(), "ana", noon); !errors.As(err, &invalid) {
		t.Errorf("no number: %v", err)
	}
}

func TestExplainSaysWhenItChanges(t *testing.T) {
	a := account(t)
	a.Playbooks[0].Hours = everyDay(t, "Europe/Madrid", "09:00-14:00")
	x := newExplainer(t, newDesk(t, a), &crew{})
	for at, want := range map[time.Time]string{
		noon:                     "open: mon 09:00-14:00 Europe/Madrid; closes Mon 2026-11-23 14:00 CET",
		noon.Add(time.Hour):      "closed: mon 14:00 is outside 09:00-14:00 Europe/Madrid; opens Tue 2026-11-24 09:00 CET",
		noon.Add(-6 * time.Hour): "closed: mon 07:00 is outside 09:00-14:00 Europe/Madrid; opens Mon 2026-11-23 09:00 CET",
	} {
		e, err := x.Explain(t.Context(), "910000001", at)
		if err != nil || e.Inbound[1].Why != want {
			t.Errorf("at %s: %q, %v; want %q", at, e.Inbound[1].Why, err, want)
		}
	}
}
