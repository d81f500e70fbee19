package web

import (
	"slices"
	"strings"
	"testing"

	"tandem/call"
)

func TestDial(t *testing.T) {
	refusals := map[string]call.RefusalKind{
		"nobody": call.RefusedUnknown, "12": call.RefusedNumber, "+34600000003": call.RefusedContact,
		"+34600000004": call.RefusedBusy, "+34600000005": call.RefusedNoNumber,
	}
	tests := []struct {
		user, body string
		want       int
		says       string
	}{
		{"ana", `{"to":"+34600000001"}`, 202, `"user":"ana"`},
		{"", `{"user":"ana","to":"+34600000001","number":"+34910000001"}`, 202, `"direction":"outbound"`},
		{"eva", `{"user":"ana","to":"+34600000001"}`, 202, `"user":"ana"`},
		{"ana", `{"contact_id":"c1"}`, 202, ""},
		{"ana", `{"task_id":"t1"}`, 202, ""},
		{"ana", `{"task_id":"t2"}`, 404, "task"},
		{"ana", `{"user":"leo","to":"+34600000001"}`, 403, "body.user"},
		{"", `{"to":"+34600000001"}`, 422, "body.user"},
		{"ana", `{}`, 422, "body.to"},
		{"ana", `{"to":"1","contact_id":"c1"}`, 422, "body.to"},
		{"ana", `{"to":"nobody"}`, 404, ""},
		{"ana", `{"to":"12"}`, 422, "body.to"},
		{"ana", `{"to":"+34600000003"}`, 403, "body.to"},
		{"ana", `{"to":"+34600000004"}`, 409, "body.user"},
		{"ana", `{"to":"+34600000005"}`, 409, ""},
	}
	for _, tt := range tests {
		w := newWorld()
		w.refusals = refusals
		rec := ask(t, w, w.server(t), tt.user, "POST", "/api/v1/calls", tt.body)
		if rec.Code != tt.want || !strings.Contains(rec.Body.String(), tt.says) {
			t.Errorf("%s %s: %d %s, want %d with %q", tt.user, tt.body, rec.Code, rec.Body, tt.want, tt.says)
		}
		if placed := len(w.placed) == 1; placed != (tt.want == 202) {
			t.Errorf("%s %s: placed %v", tt.user, tt.body, w.placed)
		}
	}
}

func TestDialWhenFull(t *testing.T) {
	for _, err := range []error{call.ErrFull, call.ErrDraining} {
		w := newWorld()
		w.fail = err
		if rec := ask(t, w, w.server(t), "ana", "POST", "/api/v1/calls", `{"to":"+34600000001"}`); rec.Code != 503 {
			t.Errorf("%v: %d %s", err, rec.Code, rec.Body)
		}
	}
}

func TestActsInACall(t *testing.T) {
	tests := []struct {
		path, body string
		want       call.Input
	}{
		{"hold", "", call.Hold{By: "ana", On: true}},
		{"resume", "", call.Hold{By: "ana"}},
		{"mute", "", call.Mute{By: "ana", On: true}},
		{"unmute", "", call.Mute{By: "ana"}},
		{"recording/pause", "", call.PauseRecording{By: "ana", On: true}},
		{"recording/resume", "", call.PauseRecording{By: "ana"}},
		{"transfer", `{"to":"leo"}`, call.Transfer{By: "ana", To: "leo"}},
	}
	for _, tt := range tests {
		for _, state := range []call.State{call.StateActive, call.StateHeld, call.StateRinging} {
			w := newWorld()
			rec := w.live[liveID]
			rec.State = state
			w.live[liveID] = rec
			got := ask(t, w, w.server(t), "ana", "POST", "/api/v1/calls/"+string(liveID)+"/"+tt.path, tt.body)
			if state == call.StateRinging {
				if got.Code != 409 || len(w.posted) != 0 {
					t.Errorf("%s while it rings: %d, posted %v", tt.path, got.Code, w.posted)
				}
				continue
			}
			if got.Code != 202 || !slices.Equal(w.posted, []call.Input{tt.want}) {
				t.Errorf("%s: %d %s, posted %v", tt.path, got.Code, got.Body, w.posted)
			}
		}
		w := newWorld()
		if got := ask(t, w, w.server(t), "leo", "POST", "/api/v1/calls/"+string(liveID)+"/"+tt.path, tt.body); got.Code != 404 {
			t.Errorf("%s of somebody else's call: %d", tt.path, got.Code)
		}
	}
}

func TestTransferIsCheckedFirst(t *testing.T) {
	w := newWorld()
	w.refusals = map[string]call.RefusalKind{"leo": call.RefusedBusy, "999": call.RefusedNumber}
	rec := w.live[liveID]
	rec.State = call.StateActive
	w.live[liveID] = rec
	for to, want := range map[string]int{"leo": 409, "999": 422, "": 422} {
		got := ask(t, w, w.server(t), "ana", "POST", "/api/v1/calls/"+string(liveID)+"/transfer", `{"to":"`+to+`"}`)
		if got.Code != want || len(w.posted) != 0 {
			t.Errorf("to %q: %d %s, posted %v", to, got.Code, got.Body, w.posted)
		}
	}
}

// TestPickUp: a call that waits is there for everybody of its playbook.
func TestPickUp(t *testing.T) {
	tests := []struct {
		user, body string
		state      call.State
		want       int
	}{
		{"", `{"user":"eva"}`, call.StateQueued, 202},
		{"", `{"user":"eva"}`, call.StateRinging, 409}, // others are being asked
		{"", `{"user":"eva"}`, call.StateActive, 409},
		{"", `{"user":"leo"}`, call.StateQueued, 409}, // busy
		{"mia", "", call.StateQueued, 202},
		{"mia", "", call.StateRinging, 404}, // others are being asked: not hers to see
		{"leo", "", call.StateQueued, 404},  // of another playbook
	}
	for _, tt := range tests {
		w := newWorld()
		w.users = append(w.users, userOf("mia", "sales-es"))
		rec := w.live[liveID]
		rec.State = tt.state
		w.live[liveID] = rec
		got := ask(t, w, w.server(t), tt.user, "POST", "/api/v1/calls/"+string(liveID)+"/accept", tt.body)
		if got.Code != tt.want {
			t.Errorf("%s %s, %s: %d %s, want %d", tt.user, tt.body, tt.state, got.Code, got.Body, tt.want)
		}
		if posted := len(w.posted) == 1; posted != (tt.want == 202) {
			t.Errorf("%s %s, %s: posted %v", tt.user, tt.body, tt.state, w.posted)
		}
	}
}
