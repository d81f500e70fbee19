package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tandem/call"
)

// A call that was live while its contact was merged into another is the other's,
// whatever the exchange knows.
func TestLiveCallOfMergedContact(t *testing.T) {
	w := newWorld()
	w.stored[0].ContactID = "c2"
	s := w.server(t)
	for query, want := range map[string]int{"c2": 1, "c1": 0} {
		list := decode[List[Call]](t, ask(t, w, s, "", "GET", "/api/v1/calls?active=true&contact="+query, ""))
		if len(list.Items) != want || want == 1 && list.Items[0].ContactID != "c2" {
			t.Errorf("live calls of %s: %+v", query, list.Items)
		}
	}
	for _, path := range []string{"/calls/" + string(liveID), "/calls"} {
		if rec := ask(t, w, s, "", "GET", "/api/v1"+path, ""); !strings.Contains(rec.Body.String(), `"contact_id":"c2"`) {
			t.Errorf("%s: %s", path, rec.Body)
		}
	}
}

// A call whose result is stored has ended, whatever the exchange still shows: it
// stores a result before it shows it.
func TestStoredResultIsTheLastWord(t *testing.T) {
	w := newWorld()
	end := at(31)
	w.stored[0].State, w.stored[0].Result, w.stored[0].User, w.stored[0].EndedAt = call.StateEnded, call.ResultNoAnswer, "ana", &end
	s := w.server(t)
	for _, path := range []string{"/calls?active=false", "/calls?result=no_answer", "/calls"} {
		list := decode[List[Call]](t, ask(t, w, s, "", "GET", "/api/v1"+path, ""))
		if got := list.Items[0]; got.ID != liveID || got.State != call.StateEnded || got.Result != call.ResultNoAnswer || got.EndedAt == nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := decode[Call](t, ask(t, w, s, "", "GET", "/api/v1/calls/"+string(liveID), "")); got.Result != call.ResultNoAnswer {
		t.Errorf("the call itself: %+v", got)
	}
	for _, query := range []string{"", "&contact=c1"} {
		if live := ids(t, ask(t, w, s, "", "GET", "/api/v1/calls?active=true"+query, "")); len(live) > 0 {
			t.Errorf("live%s: %v", query, live)
		}
	}
}

func TestListCalls(t *testing.T) {
	tests := []struct {
		user, query string
		want        []call.ID
	}{
		{"", "", []call.ID{liveID, endedID, evasID}},
		{"", "?active=true", []call.ID{liveID}},
		{"", "?active=false", []call.ID{endedID, evasID}},
		{"", "?active=&result=&user=&limit=", []call.ID{liveID, endedID, evasID}},
		{"", "?result=busy", []call.ID{evasID}},
		{"", "?direction=inbound", []call.ID{liveID, endedID}},
		{"", "?active=true&direction=outbound", []call.ID{}},
		{"", "?active=true&user=leo", []call.ID{}},
		{"", "?active=true&contact=c1", []call.ID{liveID}},
		{"", "?active=true&from=2026-11-23T10:31:00Z", []call.ID{}},
		{"", "?active=true&until=2026-11-23T10:31:00Z", []call.ID{liveID}},
		{"", "?from=2026-11-23T10:15:00Z&until=2026-11-23T10:25:00Z", []call.ID{endedID}},
		{"", "?contact=c1", []call.ID{liveID, endedID}},
		{"eva", "?user=ana&active=false", []call.ID{endedID}},
		{"ana", "?active=false", []call.ID{endedID}},
		{"ana", "?active=true", []call.ID{liveID}},
		{"ana", "?user=eva", []call.ID{}},
		{"leo", "?active=true", []call.ID{}},
	}
	for _, tt := range tests {
		w := newWorld()
		got := ids(t, ask(t, w, w.server(t), tt.user, "GET", "/api/v1/calls"+tt.query, ""))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: got %v, want %v", tt.user, tt.query, got, tt.want)
		}
	}
}

func TestCallsArePaged(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	var got []call.ID
	cursor := ""
	for range 3 {
		list := decode[List[Call]](t, ask(t, w, s, "", "GET", "/api/v1/calls?limit=1&cursor="+cursor, ""))
		got = append(got, list.Items[0].ID)
		cursor = list.Next
	}
	if want := []call.ID{liveID, endedID, evasID}; !slices.Equal(got, want) || cursor != "" {
		t.Errorf("got %v, then %q", got, cursor)
	}
}

func TestLiveCallsArePagedNewestFirst(t *testing.T) {
	w := newWorld()
	for _, id := range []call.ID{"01JZ0000000000000000000005", "01JZ0000000000000000000004"} {
		w.live[id] = call.Record{ID: id, State: call.StateQueued}
	}
	s := w.server(t)
	first := decode[List[Call]](t, ask(t, w, s, "", "GET", "/api/v1/calls?active=true&limit=2", ""))
	delete(w.live, "01JZ0000000000000000000004") // ends between the pages
	second := decode[List[Call]](t, ask(t, w, s, "", "GET", "/api/v1/calls?active=true&limit=2&cursor="+first.Next, ""))
	if first.Items[0].ID != "01JZ0000000000000000000005" || len(first.Items) != 2 {
		t.Errorf("first page %v", first.Items)
	}
	if len(second.Items) != 1 || second.Items[0].ID != liveID || second.Next != "" {
		t.Errorf("second page %v, next %q", second.Items, second.Next)
	}
}

func TestCallShape(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "", "GET", "/api/v1/calls/"+string(liveID), "")
	got := decode[map[string]json.RawMessage](t, rec)
	want := map[string]string{
		"id": `"` + string(liveID) + `"`, "direction": `"inbound"`, "mode": `"manual"`, "state": `"ringing"`, "result": `""`,
		"missed": "false", "missed_reason": `""`, "from": `"+34600000001"`, "to": `"+34910000001"`, "number": `""`,
		"number_rule": `""`, "trunk": `""`, "contact_id": `"c1"`, "user": `"ana"`, "playbook": `"sales-es"`, "campaign": `""`,
		"started_at": `"2026-11-23T10:30:00Z"`, "answered_at": "null", "ended_at": "null", "wait_seconds": "0",
		"duration_seconds": "0", "sip_code": "0", "q850": "0", "redirected_to": `""`, "recording": "null", "coaches": "[]",
		"notes": `"typed meanwhile"`, "disposition": `""`, "crm": "null", "quality": "{}",
	}
	for key, value := range want {
		if string(got[key]) != value {
			t.Errorf("%s is %s, want %s", key, got[key], value)
		}
	}
	if _, ok := got["trail"]; ok {
		t.Error("the trail is shown")
	}
}

func TestRecordingURL(t *testing.T) {
	w := newWorld()
	o := w.options(t)
	o.PublicURL = "https://pbx.example"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := decode[Call](t, ask(t, w, s, "", "GET", "/api/v1/calls/"+string(endedID), ""))
	if want := "https://pbx.example/api/v1/calls/" + string(endedID) + "/recording"; c.Recording.URL != want {
		t.Errorf("url %q, want %q", c.Recording.URL, want)
	}
	if w.stored[1].Recording.URL != "" {
		t.Error("the stored record was changed")
	}
}

func TestNoteCall(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	c := decode[Call](t, ask(t, w, s, "ana", "PATCH", "/api/v1/calls/"+string(liveID), `{"disposition":"interested"}`))
	if c.Notes != "typed meanwhile" || c.Disposition != "interested" || c.State != call.StateRinging {
		t.Errorf("got %q, %q, %s", c.Notes, c.Disposition, c.State)
	}
	if rec := ask(t, w, s, "leo", "PATCH", "/api/v1/calls/"+string(endedID), `{"notes":"x"}`); rec.Code != 404 {
		t.Errorf("another's call: %d", rec.Code)
	}
}

func TestAnswerAndHangUp(t *testing.T) {
	tests := []struct {
		name, user, method, path, body string
		status                         int
		posted                         call.Input
	}{
		{"accept own", "ana", "POST", "/accept", "", 202, call.Accept{User: "ana"}},
		{"accept own by name", "ana", "POST", "/accept", `{"user":"ana"}`, 202, call.Accept{User: "ana"}},
		{"reject own", "ana", "POST", "/reject", "", 202, call.Reject{User: "ana"}},
		{"supervisor for another", "eva", "POST", "/reject", `{"user":"ana"}`, 202, call.Reject{User: "ana"}},
		{"socket for a user", "", "POST", "/accept", `{"user":"ana"}`, 202, call.Accept{User: "ana"}},
		{"socket for nobody", "", "POST", "/accept", "", 422, nil},
		{"not offered", "eva", "POST", "/accept", "", 409, nil},
		{"not offered to that one", "", "POST", "/accept", `{"user":"leo"}`, 409, nil},
		{"for another", "ana", "POST", "/accept", `{"user":"leo"}`, 403, nil},
		{"unknown user", "eva", "POST", "/accept", `{"user":"nobody"}`, 422, nil},
		{"not visible", "leo", "POST", "/accept", "", 404, nil},
		{"hang up own", "ana", "DELETE", "", "", 204, call.Hangup{By: "ana"}},
		{"hang up by administrator", "", "DELETE", "", "", 204, call.Hangup{By: "administrator"}},
		{"hang up another's", "leo", "DELETE", "", "", 404, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			rec := ask(t, w, w.server(t), tt.user, tt.method, "/api/v1/calls/"+string(liveID)+tt.path, tt.body)
			if rec.Code != tt.status {
				t.Fatalf("status %d, want %d: %s", rec.Code, tt.status, rec.Body)
			}
			if tt.posted == nil {
				if len(w.posted) != 0 {
					t.Errorf("posted %v", w.posted)
				}
				return
			}
			if len(w.posted) != 1 || w.posted[0] != tt.posted {
				t.Errorf("posted %v, want %v", w.posted, tt.posted)
			}
			if tt.status == http.StatusNoContent {
				return
			}
			if c := decode[Call](t, rec); c.ID != liveID {
				t.Errorf("answered with %q", c.ID)
			}
		})
	}
}

func TestEndedCallsAreLeftAlone(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	for _, req := range [][2]string{{"DELETE", ""}, {"POST", "/accept"}, {"POST", "/reject"}} {
		rec := ask(t, w, s, "ana", req[0], "/api/v1/calls/"+string(endedID)+req[1], "")
		if rec.Code != http.StatusConflict {
			t.Errorf("%s %s: %d", req[0], req[1], rec.Code)
		}
	}
}

func TestExplainCall(t *testing.T) {
	w := newWorld()
	e := decode[CallExplanation](t, ask(t, w, w.server(t), "ana", "GET", "/api/v1/calls/"+string(endedID)+"/explain", ""))
	if e.Call.ID != endedID || len(e.Trail) != 1 || e.Trail[0].What != "arrived" {
		t.Errorf("got %+v", e)
	}
	rec := ask(t, w, w.server(t), "ana", "GET", "/api/v1/calls/"+string(liveID)+"/explain", "")
	if !strings.Contains(rec.Body.String(), `"trail":[]`) {
		t.Errorf("a call without a trail: %s", rec.Body)
	}
}

func TestStoreFailureTellsNothing(t *testing.T) {
	w := newWorld()
	w.fail = errors.New("disk /dev/sda1 is on fire")
	rec := ask(t, w, w.server(t), "", "GET", "/api/v1/calls", "")
	if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "fire") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(w.log.String(), "on fire") {
		t.Error("the log does not say why")
	}
}
