package routing

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// talking has ana in a conversation, and eva with a phone.
func talking(t *testing.T) (*office, call.Record) {
	o := newOffice(t)
	o.PhoneUp("eva")
	rec := call.Record{ID: "call", State: call.StateActive, User: "ana"}
	o.Talk(rec.ID, "ana")
	synctest.Wait()
	return o, rec
}

func TestCoachIsReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, rec := talking(t)
		as, err := o.Coach(t.Context(), rec, CoachRequest{User: "eva", Mode: call.CoachWhispers, Stays: true})
		if err != nil {
			t.Fatal(err)
		}
		if as.User != "eva" || as.Mode != call.CoachWhispers || !as.Stays || as.Barge || as.Show.Name != "ana" || as.Music != "music:sales" || as.RingTimeout != 45*time.Second {
			t.Errorf("coaching %+v", as)
		}
		if u := o.state("eva"); u.Activity != ActivityCoaching || u.CallID != "call" || u.Available() {
			t.Errorf("eva is %+v", u)
		}
		for _, as := range []Reservation{ReserveCaller, ReserveColleague, ReserveRecall, ReservePickup, ReserveCoach} {
			if err := o.Reserve(t.Context(), "other", "eva", as); err == nil || !strings.Contains(err.Error(), "coaches a call") {
				t.Errorf("reserved as %d: %v", as, err)
			}
		}
		if refusal, is := errors.AsType[*call.Refusal](o.Directable(t.Context(), rec, "eva")); !is || refusal.Kind != call.RefusedBusy {
			t.Errorf("a call may be passed on to a coach: %v", refusal)
		}
		o.Free("call", "eva")
		if u := o.state("eva"); u.Activity != ActivityIdle || !u.Available() {
			t.Errorf("afterwards eva is %+v", u)
		}
	})
}

func TestCoachIsRefused(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*office, *call.Record)
		in      CoachRequest
		kind    call.RefusalKind
		says    string
	}{
		{"nobody", nil, CoachRequest{User: "zoe"}, call.RefusedUnknown, "zoe"},
		{"a salesperson", nil, CoachRequest{User: "bea"}, call.RefusedForbidden, "supervisor, admin"},
		{"barging", nil, CoachRequest{User: "eva", Mode: call.CoachBarges}, call.RefusedForbidden, "coaching.barge"},
		{"who talks in it", func(_ *office, rec *call.Record) { rec.User = "eva" }, CoachRequest{User: "eva"}, call.RefusedBusy, "talks in this call"},
		{"no conversation", func(_ *office, rec *call.Record) { rec.State = call.StateRinging }, CoachRequest{User: "eva"}, call.RefusedBusy, "ringing"},
		{"a fifth", func(_ *office, rec *call.Record) { rec.Coachings = make([]call.CoachSession, call.MaxCoaches) }, CoachRequest{User: "eva"}, call.RefusedBusy, "4 coach"},
		{"without a phone", func(o *office, _ *call.Record) { o.PhoneDown("eva") }, CoachRequest{User: "eva"}, call.RefusedBusy, "no phone"},
		{"busy", func(o *office, _ *call.Record) { o.Talk("other", "eva") }, CoachRequest{User: "eva"}, call.RefusedBusy, "on another call"},
		{"twice", func(o *office, _ *call.Record) { o.Supervise("call", "eva") }, CoachRequest{User: "eva"}, call.RefusedBusy, "coaches a call"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			o, rec := talking(t)
			if tt.prepare != nil {
				tt.prepare(o, &rec)
			}
			before := o.state("eva")
			_, err := o.Coach(t.Context(), rec, tt.in)
			refusal, is := errors.AsType[*call.Refusal](err)
			if !is || refusal.Kind != tt.kind || !strings.Contains(refusal.Cause.Text, tt.says) {
				t.Errorf("%s: %v, want kind %d with %q", tt.name, err, tt.kind, tt.says)
			}
			if after := o.state("eva"); after.Activity != before.Activity {
				t.Errorf("%s: eva was %s and is %s", tt.name, before.Activity, after.Activity)
			}
		})
	}
}

func TestCoachByPhone(t *testing.T) {
	tests := []struct {
		user, dialed string
		code         int // 0: it is done
	}{
		{"eva", "*9101", 0},
		{"bea", "*9101", 403},
		{"eva", "*9102", 480}, // in no conversation
		{"eva", "*9999", 404},
		{"eva", "*9", 404},
		{"eva", "*9201", 486}, // herself
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			o, _ := talking(t)
			id := call.NewID(time.Now())
			p, refusal := o.place(t, call.Origination{Call: id, User: tt.user, Dialed: tt.dialed, Leg: id.Leg(1)})
			if tt.code != 0 {
				if refusal == nil || refusal.Cause.Code != tt.code || o.state("eva").Activity != ActivityIdle {
					t.Errorf("%s dials %s: %+v, eva %s", tt.user, tt.dialed, refusal, o.state("eva").Activity)
				}
				return
			}
			if refusal != nil || p.Pickup != "call" || p.Coaching == nil || p.Coaching.Mode != call.CoachListens || p.Coaching.User != "eva" {
				t.Fatalf("%s dials %s: %+v, %v", tt.user, tt.dialed, p, refusal)
			}
			if u := o.state("eva"); u.Activity != ActivityCoaching || u.CallID != "call" {
				t.Errorf("eva is %+v", u)
			}
		})
	}
}

// following is a floor on which eva coaches as "wait" and follows ana.
func following(t *testing.T) *stage {
	s := newStage(t, 0, "ana", "bea", "eva")
	s.talk(s.now, "c1", "ana")
	s.supervise(s.now, "c1", "eva")
	s.end(s.now, "c1", "ana")
	s.supervise(s.now, "wait", "eva")
	s.follow("wait", "ana")
	if len(s.news) > 0 {
		t.Fatalf("news %v before anything happened", s.news)
	}
	return s
}

func (s *stage) hears(want ...news) {
	s.t.Helper()
	if len(s.news) != len(want) || len(want) > 0 && s.news[0] != want[0] {
		s.t.Errorf("the floor says %v, want %v", s.news, want)
	}
	s.news = nil
}

func TestFollowedConversationBegins(t *testing.T) {
	s := following(t)
	if err := s.reserve(s.now, "c2", "ana", ReserveCaller); err != nil { // calling out is no conversation
		t.Fatal(err)
	}
	s.talk(s.now, "c3", "bea")
	s.hears()
	s.talk(s.now, "c2", "ana")
	s.hears(news{"wait", call.Conversing{Call: "c2"}})
	s.talk(s.now, "c4", "ana")
	s.hears()
}

// Whoever begins to follow when the conversation has begun is told at once.
func TestFollowedConversationHasBegun(t *testing.T) {
	s := newStage(t, 0, "ana", "eva")
	s.talk(s.now, "c1", "ana")
	s.talk(s.now, "c2", "ana") // a consultation
	s.end(s.now, "c2", "ana")
	s.supervise(s.now, "wait", "eva")
	s.follow("wait", "ana")
	s.hears(news{"wait", call.Conversing{Call: "c1"}})
}

func TestFollowedUserGoes(t *testing.T) {
	over := news{"wait", call.Hangup{By: "switch"}}
	s := following(t)
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusBreak})
	s.phone(s.now, "ana", false)
	s.hears()
	s.setStatus(s.now, UserStatus{User: "ana", Status: StatusOffline})
	s.hears(over)

	s = following(t)
	s.configure(s.now, teamOf(0, "bea", "eva"))
	s.hears(over)

	s = following(t)
	s.follow("wait", "zoe")
	s.hears(over)

	s = following(t)
	s.end(s.now, "wait", "eva") // the coach hangs up
	s.talk(s.now, "c2", "ana")
	s.hears()
}
