package routing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// desk is a reception with what it works with.
type desk struct {
	*Reception
	store  *memory
	events *events
}

// account has two playbooks: sales, always open, and late, never open.
func account(t testing.TB) Account {
	never, err := NewHours(HoursOptions{Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	reception := call.Reception{Strategy: call.LongestIdle, PreferOwner: true, Timeout: time.Minute, OfferTimeout: 20 * time.Second}
	return Account{
		Country: "ES", Record: true, Announce: AnnounceSound,
		Users:    []User{{Name: "ana", Extension: "101"}, {Name: "bea", Extension: "102"}, {Name: "eva", Extension: "201", Role: "supervisor"}},
		Coaching: CoachingRules{Roles: []string{"supervisor", "admin"}},
		Numbers: []AccountNumber{
			{Number: "+34910000001", Playbook: "sales", Trunks: []string{"carrier"}},
			{Number: "+34910000002", Playbook: "late", Trunks: []string{"carrier", "spare"}},
			{Number: "+34910000003"},
		},
		Playbooks: []Playbook{
			{Name: "sales", Users: []string{"ana", "bea"}, MainNumber: "+34910000001", Reception: reception, WrapUp: time.Second},
			{Name: "late", Users: []string{"bea"}, Hours: never, Reception: reception, Closed: ClosedRule{RingTimeout: 45 * time.Second}},
		},
	}
}

func newDesk(t testing.TB, a Account) *desk {
	t.Helper()
	dir, err := NewDirectory(a)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{store: newMemory(), events: &events{}}
	offices, err := NewOffices(t.Context(), OfficesOptions{Directory: dir, Desk: d.store, Events: d.events})
	if err != nil {
		t.Fatal(err)
	}
	d.Reception, err = NewReception(ReceptionOptions{Directory: dir, Offices: offices, Journal: d.store, Contacts: d.store, Events: d.events})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// arrival is a call to sales from a mobile.
func arrival() call.Arrival {
	id := call.NewID(noon)
	return call.Arrival{Call: id, Leg: id.Leg(1), Trunk: "carrier", Called: "+34910000001", Caller: "600 111 222", Name: "Luis Pérez"}
}

func TestAdmit(t *testing.T) {
	d := newDesk(t, account(t))
	in := arrival()
	plan, err := d.Admit(t.Context(), in, noon)
	if err != nil {
		t.Fatal(err)
	}
	rec := d.store.calls[in.Call]
	contact, task := d.store.contacts[rec.ContactID], d.store.tasks[rec.TaskID]
	if plan.From != "+34600111222" || plan.To != "+34910000001" || plan.Number != plan.To || plan.Playbook != "sales" ||
		plan.TaskID != task.ID || !plan.Record || plan.Announce != "announce" || plan.Closed != nil || plan.Why != "open: always" ||
		plan.Reception.Music != "music:sales" || plan.Reception.Timeout != time.Minute {
		t.Errorf("plan %+v", plan)
	}
	if plan.Contact != (call.Party{ContactID: contact.ID, Name: "Luis Pérez", Number: "+34600111222"}) {
		t.Errorf("shown as %+v", plan.Contact)
	}
	if rec.Direction != call.Inbound || rec.Mode != call.Manual || rec.State != call.StateQueued || rec.Result != "" ||
		rec.RawFrom != in.Caller || rec.RawTo != in.Called || rec.Trunk != "carrier" || !rec.StartedAt.Equal(noon) ||
		rec.Coaches == nil || rec.Reason != call.MissedNone || len(rec.Trail) != 1 {
		t.Errorf("record %+v", rec)
	}
	if contact.Name != "Luis Pérez" || contact.Country != "ES" || !slices.Equal(contact.Numbers, []string{"+34600111222"}) || !contact.CreatedAt.Equal(noon) {
		t.Errorf("contact %+v", contact)
	}
	if task.Kind != TaskInboundCall || task.State != call.TaskOpen || task.User != "" || task.Playbook != "sales" || task.CallID != in.Call {
		t.Errorf("task %+v", task)
	}
	if got := d.events.types(); !slices.Equal(got, []call.EventType{call.EventContactCreated, call.EventTaskCreated}) {
		t.Errorf("events %v", got)
	}

	contact.Owner, contact.Name = "bea", "Luis"
	d.store.contacts[contact.ID] = contact
	in = arrival()
	if plan, err = d.Admit(t.Context(), in, noon); err != nil || plan.Owner != "bea" || plan.Contact.Name != "Luis" {
		t.Errorf("again: %+v, %v", plan, err)
	}
	if got := d.events.types(); !slices.Equal(got, []call.EventType{call.EventContactChanged, call.EventTaskCreated}) {
		t.Errorf("events %v", got)
	}
}

func TestAdmitNames(t *testing.T) {
	for display, want := range map[string]string{
		"Luis":                     "Luis",
		" \"Ana\x00\x1b García\" ": "\"Ana García\"",
		"":                         "+34600111222",
		"600111222":                "+34600111222",
		"+34 600 111 222":          "+34600111222",
		"Anonymous":                "+34600111222",
		"unknown":                  "+34600111222",
		"luis@example.com":         "+34600111222",
		strings.Repeat("ñ", 200):   strings.Repeat("ñ", 100),
		"\u202eLuis":               "Luis",
		"\xff\xfe":                 "+34600111222",
	} {
		d := newDesk(t, account(t))
		in := arrival()
		in.Name = display
		plan, err := d.Admit(t.Context(), in, noon)
		if err != nil || plan.Contact.Name != want {
			t.Errorf("display %q: name %q, %v; want %q", display, plan.Contact.Name, err, want)
		}
	}
}

func TestAdmitWithoutContact(t *testing.T) {
	tests := []struct {
		name string
		edit func(*call.Arrival)
	}{
		{"withheld", func(in *call.Arrival) { in.Withheld = true }},
		{"words", func(in *call.Arrival) { in.Caller = "unknown" }},
		{"an extension elsewhere", func(in *call.Arrival) { in.Caller = "1234" }},
		{"empty", func(in *call.Arrival) { in.Caller = "" }},
	}
	for _, tt := range tests {
		d := newDesk(t, account(t))
		in := arrival()
		tt.edit(&in)
		plan, err := d.Admit(t.Context(), in, noon)
		if err != nil {
			t.Fatal(err)
		}
		rec := d.store.calls[in.Call]
		if plan.From != "" || plan.Contact != (call.Party{Name: "Anonymous"}) || rec.ContactID != "" || rec.From != "" || rec.RawFrom != in.Caller {
			t.Errorf("%s: plan %+v, record %+v", tt.name, plan, rec)
		}
		if len(d.store.contacts) != 0 || len(d.store.tasks) != 1 || plan.TaskID == "" {
			t.Errorf("%s: %d contacts, %d tasks", tt.name, len(d.store.contacts), len(d.store.tasks))
		}
	}
}

func TestAdmitRefuses(t *testing.T) {
	d := newDesk(t, account(t))
	for _, called := range []string{"+34910000009", "+34910000003", "sales", "", "112"} {
		in := arrival()
		in.Called = called
		_, err := d.Admit(t.Context(), in, noon)
		var refusal *call.Refusal
		if !errors.As(err, &refusal) || refusal.Cause.Code != 404 || refusal.Cause.Kind != call.CauseFailed || refusal.Cause.Q850 != 1 {
			t.Errorf("called %q: %v", called, err)
		}
	}
	if len(d.store.calls)+len(d.store.tasks)+len(d.events.list) != 0 {
		t.Error("a refused call left something behind")
	}
	d.store.fail = errors.New("disk full")
	if _, err := d.Admit(t.Context(), arrival(), noon); !errors.Is(err, d.store.fail) || len(d.events.list) != 0 {
		t.Errorf("store failed: %v, %d events", err, len(d.events.list))
	}
}

func TestAdmitClosed(t *testing.T) {
	tests := []struct {
		name, redirect, diverted string
		target, why              string
	}{
		{"message alone", "", "", "", "closed: mon all day UTC"},
		{"redirected", "600000000", "", "+34600000000", "closed: mon all day UTC; redirected to +34600000000"},
		{"to ourselves", "+34910000001", "", "", "closed: mon all day UTC; not redirected: +34910000001 is one of our own"},
		{"a second time", "+34600000000", "910000001", "", "closed: mon all day UTC; not redirected: the call was redirected by us before"},
		{"diverted elsewhere before", "+34600000000", "+34910009999", "+34600000000", "closed: mon all day UTC; redirected to +34600000000"},
		{"nonsense", "ana", "", "", "closed: mon all day UTC; not redirected: ana is no number"},
	}
	for _, tt := range tests {
		a := account(t)
		a.Playbooks[1].Closed.Redirect = tt.redirect
		d := newDesk(t, a)
		in := arrival()
		in.Called, in.Diverted = "910000002", tt.diverted
		plan, err := d.Admit(t.Context(), in, noon)
		if err != nil {
			t.Fatal(err)
		}
		if plan.Closed == nil || plan.Closed.Message != "closed:late" || plan.Why != tt.why {
			t.Fatalf("%s: %+v, why %q", tt.name, plan.Closed, plan.Why)
		}
		if rec := d.store.calls[in.Call]; rec.Reason != call.MissedClosed || rec.Trail[0].Why != tt.why {
			t.Errorf("%s: record %+v", tt.name, rec)
		}
		r := plan.Closed.Redirect
		if tt.target == "" {
			if r != nil {
				t.Errorf("%s: redirected to %+v", tt.name, r)
			}
			continue
		}
		if r == nil || r.Number != tt.target || r.CallerID != "+34910000002" || r.RingTimeout != 45*time.Second || !slices.Equal(r.Trunks, []string{"carrier", "spare"}) {
			t.Errorf("%s: redirect %+v", tt.name, r)
		}
	}
}

func TestAdmitAsksTheOverride(t *testing.T) {
	d := newDesk(t, account(t))
	if err := d.Offices.SetOverride(t.Context(), Override{Playbook: "sales", By: "eva"}); err != nil {
		t.Fatal(err)
	}
	plan, err := d.Admit(t.Context(), arrival(), time.Now().Add(time.Second))
	if err != nil || plan.Closed == nil || plan.Why != "closed: by command of eva" {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

// The task of a missed call is for the last offered, else the owner, else
// whoever has the least to do.
func TestSave(t *testing.T) {
	tests := []struct {
		name, user, owner string
		missed            bool
		want              string
		least             bool
	}{
		{"offered last", "ana", "bea", true, "ana", false},
		{"owner", "", "bea", true, "bea", true},
		{"least", "", "", true, "", true},
		{"former owner", "", "zoe", true, "", true},
		{"former user", "zoe", "bea", true, "bea", true},
		{"not missed", "ana", "bea", false, "", false},
	}
	for _, tt := range tests {
		d := newDesk(t, account(t))
		in := arrival()
		if _, err := d.Admit(t.Context(), in, noon); err != nil {
			t.Fatal(err)
		}
		rec := d.store.calls[in.Call]
		contact := d.store.contacts[rec.ContactID]
		contact.Owner = tt.owner
		d.store.contacts[contact.ID] = contact
		d.events.types()

		rec.User, rec.State, rec.Missed = tt.user, call.StateEnded, tt.missed
		if err := d.Save(t.Context(), call.Change{Record: rec, Task: call.TaskDone, MissedTask: tt.missed}); err != nil {
			t.Fatal(err)
		}
		closing := d.store.closings[0]
		if closing.User != tt.want || (len(closing.Least) == 2) != tt.least || closing.Due.IsZero() {
			t.Errorf("%s: %+v", tt.name, closing)
		}
		want := []call.EventType{call.EventTaskChanged}
		if tt.missed {
			want = []call.EventType{call.EventTaskChanged, call.EventTaskCreated, call.EventContactChanged}
		}
		if got := d.events.types(); !slices.Equal(got, want) {
			t.Errorf("%s: events %v", tt.name, got)
		}
	}
	d := newDesk(t, account(t))
	d.store.fail = errors.New("disk full")
	if err := d.Save(t.Context(), call.Change{}); !errors.Is(err, d.store.fail) || len(d.events.list) != 0 {
		t.Errorf("store failed: %v, %d events", err, len(d.events.list))
	}
}

// A call is logged with the CRM that the configuration names, unless it went
// from colleague to colleague.
func TestSaveLogsCalls(t *testing.T) {
	a := account(t)
	a.CRM = "acme"
	outside := call.Record{ID: call.NewID(noon), Direction: call.Outbound, From: "+34910000001", To: "+34600000001", Number: "+34910000001", StartedAt: noon}
	inside := call.Record{ID: call.NewID(noon), Direction: call.Outbound, From: "101", To: "102", StartedAt: noon}
	for _, test := range []struct {
		crm  string
		rec  call.Record
		want string
	}{{"acme", outside, "acme"}, {"acme", inside, ""}, {"", outside, ""}} {
		a.CRM = test.crm
		d := newDesk(t, a)
		if err := d.Save(t.Context(), call.Change{Record: test.rec}); err != nil {
			t.Fatal(err)
		}
		if got := d.store.closings[0].CRM; got != test.want {
			t.Errorf("crm %q, call to %s: logged with %q, not %q", test.crm, test.rec.To, got, test.want)
		}
	}
}
