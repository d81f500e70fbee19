package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

func TestJoin(t *testing.T) {
	early, late := noon, noon.Add(time.Hour)
	kept := Contact{ID: "k", Name: "+34600000001", Numbers: []string{"+34600000001"}, Country: "ES", CreatedAt: late}
	gone := Contact{
		ID: "g", Name: "Luis", Numbers: []string{"+34600000002", "+442079460000"}, Country: "GB", Owner: "ana",
		FollowUp: true, DoNotCall: true, Notes: "likes mornings", CreatedAt: early,
	}
	tests := []struct {
		what   string
		change func(kept, gone *Contact)
		want   func(c Contact) bool
	}{
		{"numbers of both, in order", nil, func(c Contact) bool {
			return slices.Equal(c.Numbers, []string{"+34600000001", "+34600000002", "+442079460000"})
		}},
		{"a name instead of a number", nil, func(c Contact) bool { return c.Name == "Luis" }},
		{"a name that is one stays", func(k, _ *Contact) { k.Name = "Marta" }, func(c Contact) bool { return c.Name == "Marta" }},
		{"a number is no better than a number", func(_, g *Contact) { g.Name = "+34600000002" }, func(c Contact) bool { return c.Name == "+34600000001" }},
		{"the country stays", nil, func(c Contact) bool { return c.Country == "ES" }},
		{"an owner where there was none", nil, func(c Contact) bool { return c.Owner == "ana" }},
		{"the owner stays", func(k, _ *Contact) { k.Owner = "bea" }, func(c Contact) bool { return c.Owner == "bea" }},
		{"the stricter flags win", nil, func(c Contact) bool { return c.DoNotCall && c.FollowUp }},
		{"whichever has them", func(k, g *Contact) { *k, *g = *g, *k }, func(c Contact) bool { return c.DoNotCall && c.FollowUp }},
		{"known since the first", nil, func(c Contact) bool { return c.CreatedAt.Equal(early) }},
		{"notes where there were none", nil, func(c Contact) bool { return c.Notes == "likes mornings" }},
		{"notes of both", func(k, _ *Contact) { k.Notes = "met at the fair" }, func(c Contact) bool { return c.Notes == "met at the fair\n\nlikes mornings" }},
		{"the same notes once", func(k, _ *Contact) { k.Notes = "he likes mornings" }, func(c Contact) bool { return c.Notes == "he likes mornings" }},
		{"no notes", func(k, g *Contact) { k.Notes, g.Notes = "a", "" }, func(c Contact) bool { return c.Notes == "a" }},
	}
	for _, tt := range tests {
		k, g := kept, gone
		if tt.change != nil {
			tt.change(&k, &g)
		}
		if err := join(&k, g); err != nil || !tt.want(k) {
			t.Errorf("%s: %+v, %v", tt.what, k, err)
		}
	}
	if len(kept.Numbers) != 1 {
		t.Error("the list of numbers that was handed in has changed")
	}
}

func TestMergeRefuses(t *testing.T) {
	b := newBook(t)
	many := func(from int) Contact {
		c := Contact{ID: fmt.Sprint(from), Name: "x"}
		for n := range maxNumbers {
			c.Numbers = append(c.Numbers, fmt.Sprintf("+3460000%04d", from+n))
		}
		return c
	}
	b.store.contacts["1000"], b.store.contacts["2000"] = many(1000), many(2000)
	for id, notes := range map[string]string{"n": "x", "m": "y"} {
		b.store.contacts[id] = Contact{ID: id, Numbers: []string{"+3491" + id}, Notes: strings.Repeat(notes, maxNotes/2+1)}
	}
	for _, pair := range [][2]string{{"n", "n"}, {"1000", "2000"}, {"n", "m"}} {
		var invalid *InvalidError
		if _, err := b.Merge(t.Context(), pair[0], pair[1]); !errors.As(err, &invalid) || invalid.Field != "contact_id" {
			t.Errorf("%v: %v", pair, err)
		}
	}
	if _, err := b.Merge(t.Context(), "n", "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if len(b.store.contacts) != 4 || len(b.events.types()) != 0 {
		t.Error("a refused merge left something behind")
	}
}

func TestMergeTells(t *testing.T) {
	b := newBook(t)
	b.store.contacts["k"] = Contact{ID: "k", Name: "Luis", Numbers: []string{"+34600000001"}, Owner: "ana"}
	b.store.contacts["g"] = Contact{ID: "g", Name: "Luis", Numbers: []string{"+34600000002"}, Owner: "bea"}
	c, err := b.Merge(t.Context(), "k", "g")
	if err != nil || c.ID != "k" || len(c.Numbers) != 2 {
		t.Fatalf("merged %+v, %v", c, err)
	}
	if len(b.events.list) != 2 {
		t.Fatalf("events %+v", b.events.list)
	}
	for i, want := range []call.Event{{ContactID: "k", User: "ana"}, {ContactID: "g", User: "bea"}} { // both screens learn who it is now
		e := b.events.list[i]
		data, _ := e.Data.(Contact)
		if e.Type != call.EventContactChanged || e.ContactID != want.ContactID || e.User != want.User || data.ID != "k" {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}
