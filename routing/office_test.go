package routing

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newOffices returns the offices of one playbook, sales, open 09:00-14:00 UTC.
func newOffices(t *testing.T, desk *memory) (*Offices, *events) {
	t.Helper()
	dir, err := NewDirectory(Account{Playbooks: []Playbook{{Name: "sales", Hours: everyDay(t, "UTC", "09:00-14:00")}, {Name: "always"}}})
	if err != nil {
		t.Fatal(err)
	}
	ev := &events{}
	o, err := NewOffices(t.Context(), OfficesOptions{Directory: dir, Desk: desk, Events: ev})
	if err != nil {
		t.Fatal(err)
	}
	return o, ev
}

func TestOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC, 2000-01-01
		desk := newMemory()
		o, ev := newOffices(t, desk)
		day := time.Now()
		hour := func(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }
		time.Sleep(10 * time.Hour)

		if got := o.At("sales", hour(10)); !got.Open || !got.Next.Equal(hour(14)) || got.Override != nil {
			t.Errorf("by its hours: %+v", got)
		}
		if err := o.SetOverride(t.Context(), Override{Playbook: "sales", Until: hour(12), By: "eva"}); err != nil {
			t.Fatal(err)
		}
		again, _ := newOffices(t, desk)
		for _, offices := range []*Offices{o, again} { // and after a restart
			got := offices.At("sales", hour(11))
			if got.Open || !got.Next.Equal(hour(12)) || got.Why != "closed: by command of eva until 2000-01-01 12:00 UTC" {
				t.Errorf("closed until noon: %+v", got)
			}
			if got := offices.At("sales", hour(12)); !got.Open || got.Override != nil {
				t.Errorf("at noon: %+v", got)
			}
			if got := offices.At("sales", hour(9)); !got.Open {
				t.Errorf("before it was given: %+v", got)
			}
		}
		// Closed past the end of the day: the next change is the next morning.
		if err := o.SetOverride(t.Context(), Override{Playbook: "sales", Until: hour(20)}); err != nil {
			t.Fatal(err)
		}
		if got := o.At("sales", hour(13)); got.Open || !got.Next.Equal(hour(33)) {
			t.Errorf("closed until the evening: %+v", got)
		}
		if err := o.SetOverride(t.Context(), Override{Playbook: "sales", Open: true}); err != nil {
			t.Fatal(err)
		}
		if got := o.At("sales", hour(100)); !got.Open || got.Next != nil || got.Why != "open: by command" {
			t.Errorf("open for good: %+v", got)
		}
		if err := o.ClearOverride(t.Context(), "sales"); err != nil {
			t.Fatal(err)
		}
		if got := o.At("sales", hour(22)); got.Open || len(desk.overrides) != 0 {
			t.Errorf("by its hours again: %+v, kept %v", got, desk.overrides)
		}
		if got := ev.types(); len(got) != 4 || got[0] != EventPlaybookChanged {
			t.Errorf("events %v", got)
		}
	})
}

func TestOverrideRefuses(t *testing.T) {
	o, ev := newOffices(t, newMemory())
	var invalid *InvalidError
	if err := o.SetOverride(t.Context(), Override{Playbook: "sales", Until: time.Now().Add(-time.Second)}); !errors.As(err, &invalid) || invalid.Field != "until" {
		t.Errorf("in the past: %v", err)
	}
	if err := o.SetOverride(t.Context(), Override{Playbook: "nobody"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown playbook: %v", err)
	}
	if err := o.ClearOverride(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown playbook: %v", err)
	}
	if got := o.At("nobody", noon); got.Open || !strings.HasPrefix(got.Why, "closed: ") {
		t.Errorf("unknown playbook: %+v", got)
	}
	if got := ev.types(); len(got) != 0 {
		t.Errorf("events %v", got)
	}
}

func TestPlaybooks(t *testing.T) {
	o, _ := newOffices(t, newMemory())
	list := o.Playbooks(noon)
	if len(list) != 2 || list[0].Name != "sales" || !list[0].Open || list[1].Why != "open: always" {
		t.Errorf("playbooks %+v", list)
	}
	if week := list[0].Hours.Week(); len(week) != 7 || week["mon"] != "09:00-14:00" || list[1].Hours.Week() != nil {
		t.Errorf("week %v", week)
	}
}
