package web

import (
	"reflect"
	"strings"
	"testing"

	"tandem/call"
	"tandem/routing"
)

// coachedWorld has ana in a conversation that eva coaches, who is on her way out
// of evasID, where boss waits after it.
func coachedWorld() *world {
	w := newWorld()
	rec := w.live[liveID]
	left := at(34)
	rec.State, rec.Coaches = call.StateActive, []string{"eva", "boss"}
	rec.Coachings = []call.CoachSession{
		{User: "boss", JoinedAt: at(31), LeftAt: &left, Modes: []call.CoachTurn{{Mode: call.CoachListens, At: at(31)}}},
		{User: "eva", JoinedAt: at(32), Modes: []call.CoachTurn{{Mode: call.CoachListens, At: at(32)}, {Mode: call.CoachWhispers, At: at(33)}}},
	}
	rec.Trail = []call.Mark{{At: at(30), What: "connected"}, {At: at(32), What: "coach_joined", User: "eva"}}
	w.live[liveID] = rec
	w.live[unknownID] = call.Record{ID: unknownID, State: call.StateEnded} // boss waits there
	for i := range w.users {
		if w.users[i].Name == "boss" {
			w.users[i].Activity, w.users[i].CallID = routing.ActivityCoaching, unknownID
		}
	}
	return w
}

func TestCoach(t *testing.T) {
	path := "/api/v1/calls/" + string(liveID) + "/coach"
	tests := []struct {
		caller, method, path, body string
		want                       int
		says                       string
		posted                     call.Input
	}{
		{"eva", "POST", path, `{}`, 202, `"user":"ana"`, call.Coach{Coaching: call.Coaching{User: "eva", Mode: call.CoachListens}}},
		{"", "POST", path, `{"user":"eva","mode":"whisper","follow":"user"}`, 202, "", call.Coach{Coaching: call.Coaching{User: "eva", Mode: call.CoachWhispers, Stays: true}}},
		{"", "POST", path, `{}`, 422, "body.user", nil},
		{"", "POST", path, `{"user":"eva","mode":"shout"}`, 422, "body.mode", nil},
		{"", "POST", path, `{"user":"eva","follow":"me"}`, 422, "body.follow", nil},
		{"ana", "POST", path, `{}`, 403, "supervisor, admin", nil},
		{"", "POST", path, `{"user":"nobody"}`, 404, "refused", nil},
		{"", "POST", path, `{"user":"ana"}`, 403, "body.user", nil},
		{"", "POST", path, `{"user":"leo"}`, 409, "body.user", nil},
		{"eva", "POST", "/api/v1/calls/" + string(endedID) + "/coach", `{}`, 409, "ended", nil},
		{"eva", "POST", "/api/v1/calls/01JZ0000000000000000000008/coach", `{}`, 404, "call", nil},

		{"eva", "PATCH", path + "/eva", `{"mode":"listen"}`, 202, "", call.CoachSwitch{User: "eva", Mode: call.CoachListens}},
		{"boss", "PATCH", path + "/eva", `{"mode":"whisper"}`, 202, "", call.CoachSwitch{User: "eva", Mode: call.CoachWhispers}},
		{"eva", "PATCH", path + "/eva", `{"mode":"barge"}`, 403, "coaching.barge", nil},
		{"eva", "PATCH", path + "/eva", `{}`, 422, "mode", nil},
		{"eva", "PATCH", path + "/boss", `{"mode":"listen"}`, 409, "does not coach", nil},
		{"ana", "PATCH", path + "/eva", `{"mode":"listen"}`, 403, "coaching is for", nil},

		{"eva", "DELETE", path + "/eva", ``, 202, "", call.CoachLeave{User: "eva"}},
		{"boss", "DELETE", path + "/boss", ``, 202, "", call.CoachLeave{User: "boss"}},
		{"eva", "DELETE", path + "/ana", ``, 409, "does not coach", nil},
		{"ana", "DELETE", path + "/eva", ``, 403, "", nil},
	}
	for _, tt := range tests {
		w := coachedWorld()
		w.refusals = map[string]call.RefusalKind{"nobody": call.RefusedUnknown, "ana": call.RefusedForbidden, "leo": call.RefusedBusy}
		rec := ask(t, w, w.server(t), tt.caller, tt.method, tt.path, tt.body)
		if rec.Code != tt.want || !strings.Contains(rec.Body.String(), tt.says) {
			t.Errorf("%s %s %s %s: %d %s, want %d with %q", tt.caller, tt.method, tt.path, tt.body, rec.Code, rec.Body, tt.want, tt.says)
		}
		var posted call.Input
		if len(w.posted) > 0 {
			posted = w.posted[0]
		}
		if !reflect.DeepEqual(posted, tt.posted) {
			t.Errorf("%s %s %s %s: posted %+v, want %+v", tt.caller, tt.method, tt.path, tt.body, posted, tt.posted)
		}
	}
}

func TestCoachMayBargeWhereItIsAllowed(t *testing.T) {
	w := coachedWorld()
	w.barge = true
	rec := ask(t, w, w.server(t), "eva", "PATCH", "/api/v1/calls/"+string(liveID)+"/coach/eva", `{"mode":"barge"}`)
	if rec.Code != 202 || len(w.posted) != 1 {
		t.Errorf("%d %s, posted %v", rec.Code, rec.Body, w.posted)
	}
}

// A call that ends in that instant gives the coach back.
func TestCoachTooLate(t *testing.T) {
	w := coachedWorld()
	rec := w.live[liveID]
	delete(w.live, liveID)
	w.stored[0] = rec
	if got := ask(t, w, w.server(t), "eva", "POST", "/api/v1/calls/"+string(liveID)+"/coach", `{}`); got.Code != 409 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if len(w.released) != 1 || w.released[0] != "eva" {
		t.Errorf("released %v", w.released)
	}
}

// Salespeople see who coaches them unless the configuration says otherwise.
func TestSalespersonSeesCoaches(t *testing.T) {
	for _, discreet := range []bool{false, true} {
		w := coachedWorld()
		w.discreet = discreet
		server := w.server(t)
		for _, user := range []string{"ana", "eva"} {
			shown := !discreet || user == "eva"
			for _, path := range []string{"", "/explain"} {
				rec := ask(t, w, server, user, "GET", "/api/v1/calls/"+string(liveID)+path, "")
				if got := strings.Contains(rec.Body.String(), "eva"); rec.Code != 200 || got != shown {
					t.Errorf("discreet %v: %s asks for %q and gets %d %s", discreet, user, path, rec.Code, rec.Body)
				}
			}
			live := w.live[liveID]
			event := call.Event{Type: call.EventCallCoached, User: "ana", Call: &live}
			if got := server.seesEvent(Caller{User: user, Role: map[string]Role{"ana": RoleSalesperson, "eva": RoleSupervisor}[user]}, event); got != shown {
				t.Errorf("discreet %v: %s sees the event: %v", discreet, user, got)
			}
		}
	}
}
