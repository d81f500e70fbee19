package routing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// office is a dispatch with a running floor, on which ana and bea have phones.
type office struct {
	*Dispatch
	*house
	past *past
	down []string // trunks
}

func newOffice(t *testing.T) *office {
	t.Helper()
	a := account(t)
	o := &office{house: open(t, newMemory(), a), past: &past{}}
	dir, err := NewDirectory(a)
	if err != nil {
		t.Fatal(err)
	}
	chooser, err := NewChooser(ChooserOptions{
		Directory: dir, History: o.past, Usable: func(trunk string) bool { return !slices.Contains(o.down, trunk) },
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Dispatch, err = NewDispatch(DispatchOptions{
		Directory: dir, Chooser: chooser, Floor: o.house.Floor, Journal: o.desk, Contacts: o.desk, Tasks: o.desk, Events: o.events,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.PhoneUp("ana")
	o.PhoneUp("bea")
	synctest.Wait()
	return o
}

// origination is ana's, from the screen.
func origination(dialed string) call.Origination {
	return call.Origination{Call: call.NewID(time.Now()), User: "ana", Dialed: dialed}
}

func (o *office) place(t *testing.T, in call.Origination) (call.Placement, *call.Refusal) {
	t.Helper()
	p, err := o.Place(t.Context(), in, time.Now())
	refusal, ok := errors.AsType[*call.Refusal](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	return p, refusal
}

func TestPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		in := origination("600 111 222")
		p, refusal := o.place(t, in)
		if refusal != nil {
			t.Fatal(refusal)
		}
		rec := o.desk.calls[in.Call]
		contact := o.desk.contacts[rec.ContactID]
		if p.To != "+34600111222" || p.Number != "+34910000001" || p.From != p.Number || p.Rule != "country" || p.Playbook != "sales" || !p.Record ||
			!slices.Equal(p.Route.Trunks, []string{"carrier"}) || p.Route.RingTimeout != 45*time.Second || p.Music != "music:sales" {
			t.Errorf("placed %+v", p)
		}
		if rec.Direction != call.Outbound || rec.User != "ana" || rec.NumberRule != "country" || rec.Trunk != "carrier" || rec.RawTo != "600 111 222" || rec.TaskID != "" {
			t.Errorf("stored %+v", rec)
		}
		if contact.LastNumber != "" || !slices.Equal(contact.Numbers, []string{"+34600111222"}) || contact.Country != "ES" {
			t.Errorf("contact %+v", contact)
		}
		if types := o.events.types(); !slices.Contains(types, call.EventContactCreated) {
			t.Errorf("events %v", types)
		}
		if u := o.state("ana"); u.Activity != ActivityTalking || u.CallID != in.Call {
			t.Errorf("ana is %+v", u)
		}
		o.Over(in.Call, "ana", call.OutcomeWithdrawn)
		if u := o.state("ana"); u.Activity != ActivityIdle {
			t.Errorf("afterwards ana is %+v", u)
		}
	})
}

func TestPlaceIsRefused(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*office)
		in      call.Origination
		kind    call.RefusalKind
		code    int
	}{
		{"nobody's user", nil, call.Origination{User: "zoe", Dialed: "600111222"}, call.RefusedUnknown, 404},
		{"no number", nil, call.Origination{User: "ana", Dialed: "hello"}, call.RefusedNumber, 484},
		{"nothing", nil, call.Origination{User: "ana"}, call.RefusedNumber, 484},
		{"one of ours", nil, call.Origination{User: "ana", Dialed: "910000003"}, call.RefusedNumber, 403},
		{"herself", nil, call.Origination{User: "ana", Dialed: "101"}, call.RefusedNumber, 486},
		{"not to be called", func(o *office) {
			o.desk.contacts["c"] = Contact{ID: "c", Numbers: []string{"+34600111222"}, DoNotCall: true}
		}, call.Origination{User: "ana", Dialed: "600111222"}, call.RefusedContact, 403},
		{"no such contact", nil, call.Origination{User: "ana", ContactID: "c"}, call.RefusedUnknown, 404},
		{"no such task", nil, call.Origination{User: "ana", TaskID: "t"}, call.RefusedUnknown, 404},
		{"a withheld caller's task", func(o *office) { o.desk.tasks["t"] = Task{ID: "t"} }, call.Origination{User: "ana", TaskID: "t"}, call.RefusedNumber, 404},
		{"no phone", nil, call.Origination{User: "eva", Dialed: "600111222"}, call.RefusedBusy, 480},
		{"on a call", func(o *office) { o.Talk("other", "ana") }, call.Origination{User: "ana", Dialed: "600111222"}, call.RefusedBusy, 486},
		{"a busy colleague", func(o *office) { o.Talk("other", "bea") }, call.Origination{User: "ana", Dialed: "102"}, call.RefusedBusy, 486},
		{"a colleague without a phone", nil, call.Origination{User: "ana", Dialed: "201"}, call.RefusedBusy, 480},
		{"no trunk", func(o *office) { o.down = []string{"carrier", "spare"} }, call.Origination{User: "ana", Dialed: "600111222"}, call.RefusedNoNumber, 503},
		{"a number of somebody else", nil, call.Origination{User: "ana", Dialed: "600111222", Number: "+34919999999"}, call.RefusedNumber, 403},
		{"an unknown code", nil, call.Origination{User: "ana", Dialed: "*77", Leg: "c-1"}, call.RefusedNumber, 404},
		{"nothing to pick up", nil, call.Origination{User: "ana", Dialed: "*8", Leg: "c-1"}, call.RefusedUnknown, 404},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			if tt.prepare != nil {
				tt.prepare(o)
			}
			tt.in.Call = call.NewID(time.Now())
			before := o.state("ana")
			_, refusal := o.place(t, tt.in)
			if refusal == nil || refusal.Kind != tt.kind || refusal.Cause.Code != tt.code || refusal.Cause.Text == "" {
				t.Fatalf("%s: %+v, want kind %d and %d", tt.name, refusal, tt.kind, tt.code)
			}
			if after := o.state("ana"); after.Activity != before.Activity || after.CallID != before.CallID || len(o.desk.calls) != 0 {
				t.Errorf("%s: ana is %s, stored %v", tt.name, after.Activity, o.desk.calls)
			}
		})
	}
}

// TestPlaceByPhone: a phone that dials is there, whatever else its user does.
func TestPlaceByPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.Talk("first", "ana")
		in := origination("600111222")
		in.Leg = in.Call.Leg(1)
		if _, refusal := o.place(t, in); refusal != nil {
			t.Fatal(refusal)
		}
		o.Free(in.Call, "ana")
		if u := o.state("ana"); u.CallID != "first" {
			t.Errorf("after the consultation ana is %+v", u)
		}
	})
}

func TestPlaceForATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.desk.contacts["c"] = Contact{ID: "c", Name: "Luis", Numbers: []string{"+34600111222"}, LastNumber: "+34910000002"}
		o.desk.tasks["t"] = Task{ID: "t", ContactID: "c", Playbook: "sales"}
		in := origination("")
		in.TaskID = "t"
		p, refusal := o.place(t, in)
		if refusal != nil {
			t.Fatal(refusal)
		}
		if p.TaskID != "t" || p.Contact != (call.Party{ContactID: "c", Name: "Luis", Number: "+34600111222"}) ||
			p.Rule != string(RuleLastCalled) || p.Number != "+34910000002" || !slices.Equal(p.Route.Trunks, []string{"carrier", "spare"}) {
			t.Errorf("placed %+v", p)
		}
		if rec := o.desk.calls[in.Call]; rec.TaskID != "t" || rec.ContactID != "c" {
			t.Errorf("stored %+v", rec)
		}
	})
}

func TestEmergencyGoesOutAnyway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.down = []string{"carrier", "spare"}
		p, refusal := o.place(t, origination("112"))
		if refusal != nil || p.To != "112" || p.Route.Number != "112" || len(p.Route.Trunks) == 0 || p.Contact.ContactID != "" {
			t.Errorf("%+v, %v", p, refusal)
		}
		if len(o.desk.contacts) != 0 {
			t.Errorf("contacts %v", o.desk.contacts)
		}
	})
}

func TestColleague(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		in := origination("102")
		p, refusal := o.place(t, in)
		if refusal != nil || p.Route.User != "bea" || p.Record || p.Number != "" || p.From != "101" || p.To != "102" {
			t.Fatalf("%+v, %v", p, refusal)
		}
		if u := o.state("bea"); u.Activity != ActivityOffered || u.CallID != in.Call {
			t.Errorf("bea is %+v", u)
		}
		o.Talk(in.Call, "bea")
		o.Free(in.Call, "bea")
		if u := o.state("bea"); u.Activity == ActivityTalking {
			t.Errorf("bea is %+v", u)
		}
	})
}

func TestStoreFailureReservesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.desk.fail = errors.New("disk full")
		for _, dialed := range []string{"600111222", "102"} {
			if _, err := o.Place(t.Context(), origination(dialed), time.Now()); err == nil || !strings.Contains(err.Error(), "disk full") {
				t.Errorf("%s: %v", dialed, err)
			}
			if a, b := o.state("ana"), o.state("bea"); a.Activity != ActivityIdle || b.Activity != ActivityIdle {
				t.Errorf("%s: ana is %s, bea %s", dialed, a.Activity, b.Activity)
			}
		}
	})
}

func TestBreakByPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for _, want := range []Status{StatusBreak, StatusAvailable} {
			in := origination("*5")
			in.Leg = in.Call.Leg(1)
			if p, refusal := o.place(t, in); refusal != nil || p.Service != call.SoundConfirm {
				t.Fatalf("%+v, %v", p, refusal)
			}
			if u := o.state("ana"); u.Status != want || u.Activity != ActivityIdle {
				t.Errorf("ana is %s and %s, want %s", u.Status, u.Activity, want)
			}
		}
	})
}

func TestPickUpTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for _, user := range []string{"ana", "bea"} {
			if err := o.SetStatus(t.Context(), UserStatus{User: user, Status: StatusBreak}); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now()
		o.Seek(call.Request{Call: "later", Playbook: "sales", Arrived: now, Strategy: call.LongestIdle})
		o.Seek(call.Request{Call: "first", Playbook: "sales", Arrived: now.Add(-time.Second), Strategy: call.LongestIdle})
		o.Seek(call.Request{Call: "others", Playbook: "late", Arrived: now.Add(-time.Minute), Strategy: call.LongestIdle})
		in := origination("*8")
		in.Leg = in.Call.Leg(1)
		p, refusal := o.place(t, in)
		if refusal != nil || p.Pickup != "first" {
			t.Fatalf("%+v, %v", p, refusal)
		}
		if u := o.state("ana"); u.Activity != ActivityOffered || u.CallID != "first" {
			t.Errorf("ana is %+v", u)
		}
	})
}

func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.desk.contacts["c"] = Contact{ID: "c", Numbers: []string{"+34600999999"}, DoNotCall: true}
		rec := call.Record{ID: "call", Playbook: "sales", User: "ana"}
		for _, to := range []string{"bea", "102"} { // whose phones ring as for any offer of sales
			if err := o.Directable(t.Context(), rec, to); err != nil {
				t.Errorf("to %s: %v", to, err)
			}
			d, err := o.Direct(t.Context(), rec, to, "ana")
			if err != nil || d.Route.User != "bea" || d.Route.RingTimeout != 20*time.Second || o.state("bea").CallID != "call" {
				t.Errorf("to %s: %+v, %v", to, d, err)
			}
			o.Over("call", "bea", call.OutcomeWithdrawn)
			synctest.Wait()
		}
		if d, err := o.Direct(t.Context(), rec, "late", "ana"); err != nil || d.Playbook != "late" || d.Queue.Music != "music:late" {
			t.Errorf("to a playbook: %+v, %v", d, err)
		}
		if d, err := o.Direct(t.Context(), rec, "600 777 888", "ana"); err != nil || d.Route.Number != "+34600777888" || d.Route.CallerID != "+34910000001" {
			t.Errorf("to a number: %+v, %v", d, err)
		}
		o.Talk("other", "bea")
		synctest.Wait()
		for to, kind := range map[string]call.RefusalKind{
			"bea": call.RefusedBusy, "eva": call.RefusedBusy, "910000003": call.RefusedNumber, "nonsense": call.RefusedNumber,
			"600 999 999": call.RefusedContact,
		} {
			for _, err := range []error{o.Directable(t.Context(), rec, to), second(o.Direct(t.Context(), rec, to, "ana"))} {
				if refusal, ok := errors.AsType[*call.Refusal](err); !ok || refusal.Kind != kind {
					t.Errorf("to %s: %v, want kind %d", to, err, kind)
				}
			}
		}
	})
}

// A redirection obeys the rules of a dialed call: only a plain number is
// followed, shown the number that the call has, and nobody is reserved for it.
func TestRedirectedNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.desk.contacts["c"] = Contact{ID: "c", Numbers: []string{"+34600999999"}, DoNotCall: true}
		rec := call.Record{ID: "call", Playbook: "sales", User: "ana", Number: "+34910000001"}
		for _, to := range []string{"+34600777888", "0034600777888", "600 777 888"} {
			d, err := o.Redirect(t.Context(), rec, to)
			if err != nil || d.Route.Number != "+34600777888" || d.Route.CallerID != rec.Number || len(d.Route.Trunks) == 0 || d.Route.User != "" {
				t.Errorf("to %s: %+v, %v", to, d, err)
			}
		}
		for to, kind := range map[string]call.RefusalKind{
			"bea": call.RefusedNumber, "102": call.RefusedNumber, "late": call.RefusedNumber, "112": call.RefusedNumber, "010": call.RefusedNumber,
			"910000003": call.RefusedNumber, "*9": call.RefusedNumber, "": call.RefusedNumber, "600 999 999": call.RefusedContact,
		} {
			_, err := o.Redirect(t.Context(), rec, to)
			if refusal, ok := errors.AsType[*call.Refusal](err); !ok || refusal.Kind != kind {
				t.Errorf("to %s: %v, want kind %d", to, err, kind)
			}
		}
		if o.state("bea").CallID != "" {
			t.Error("somebody is reserved")
		}
		rec.Number = "" // a colleague was called: any number of ours may be shown
		if d, err := o.Redirect(t.Context(), rec, "+34600777888"); err != nil || d.Route.CallerID == "" {
			t.Errorf("%+v, %v", d, err)
		}
		o.down = []string{"carrier", "spare"}
		if _, err := o.Redirect(t.Context(), rec, "+34600777888"); err == nil {
			t.Error("followed without a trunk")
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestRecall: the wrap-up that began when they hung up does not keep a call from
// coming back to its user.
func TestRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.Talk("call", "ana")
		o.Free("call", "ana")
		if u := o.state("ana"); u.Activity != ActivityWrapUp {
			t.Fatalf("ana is %+v", u)
		}
		if d, err := o.Direct(t.Context(), call.Record{ID: "call"}, "ana", ""); err != nil || d.Route.User != "ana" || d.Route.RingTimeout != summonTime {
			t.Errorf("%+v, %v", d, err)
		}
	})
}
