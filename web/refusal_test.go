package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

// TestRefusals: whatever is wrong with a request is refused, and the answer
// names the field.
func TestRefusals(t *testing.T) {
	tests := []struct {
		method, path, body string
		status             int
		field              string
	}{
		{"GET", "/calls?limit=0", "", 422, "query.limit"},
		{"GET", "/calls?limit=501", "", 422, "query.limit"},
		{"GET", "/calls?limit=-1", "", 422, "query.limit"},
		{"GET", "/calls?limit=ten", "", 422, "query.limit"},
		{"GET", "/calls?limit=99999999999999999999", "", 422, "query.limit"},
		{"GET", "/calls?limit=5&limit=6", "", 422, "query.limit"},
		{"GET", "/calls?limit=%zz", "", 400, "query"},
		{"GET", "/calls?cursor=" + strings.Repeat("x", 201), "", 422, "query.cursor"},
		{"GET", "/calls?active=maybe", "", 422, "query.active"},
		{"GET", "/calls?result=good", "", 422, "query.result"},
		{"GET", "/calls?direction=sideways", "", 422, "query.direction"},
		{"GET", "/calls?from=yesterday", "", 422, "query.from"},
		{"GET", "/calls?from=2026-11-23T10:00:00Z&until=2026-11-22T10:00:00Z", "", 422, "query.until"},
		{"GET", "/calls?colour=red", "", 422, "query.colour"},
		{"PATCH", "/calls/" + string(endedID), `{"result":"busy"}`, 422, "body.result"},
		{"PATCH", "/calls/" + string(endedID), `{"notes":7}`, 422, "body.notes"},
		{"PATCH", "/calls/" + string(endedID), `{"notes":"` + strings.Repeat("x", 10_001) + `"}`, 422, "body.notes"},
		{"PATCH", "/calls/" + string(endedID), `{"notes":`, 400, "body"},
		{"PATCH", "/calls/" + string(endedID), `[]`, 422, "body"},
		{"POST", "/calls/" + string(liveID) + "/accept", `{"who":"ana"}`, 422, "body.who"},
		{"GET", "/calls/" + string(endedID) + "/recording?layout=upside-down", "", 422, "query.layout"},
		{"GET", "/calls/" + string(endedID) + "/recording?channel=coach", "", 422, "query.channel"},
		{"GET", "/calls/" + string(endedID) + "/recording?purpose=fun", "", 422, "query.purpose"},
		{"GET", "/calls/" + string(endedID) + "/recording/peaks?layout=upside-down", "", 422, "query.layout"},
		{"PUT", "/calls/" + string(endedID) + "/recording/hold", `{}`, 422, "body"},
		{"PUT", "/calls/" + string(endedID) + "/recording/hold", `{"reason":""}`, 422, "body.reason"},
		{"DELETE", "/calls/" + string(endedID) + "/recording", "", 422, "query.reason"},
		{"GET", "/recordings?limit=501", "", 422, "query.limit"},
		{"GET", "/recordings?held=maybe", "", 422, "query.held"},
		{"GET", "/recordings?from=2026-11-23T10:00:00Z&until=2026-11-22T10:00:00Z", "", 422, "query.until"},
		{"GET", "/contacts?number=abc", "", 422, "query.number"},
		{"GET", "/contacts?follow_up=2", "", 422, "query.follow_up"},
		{"POST", "/contacts", `{}`, 422, "body"},
		{"POST", "/contacts", `{"numbers":[]}`, 422, "body.numbers"},
		{"POST", "/contacts", `{"numbers":null}`, 422, "body.numbers"},
		{"POST", "/contacts", `{"numbers":["600000009","12"]}`, 422, "body.numbers"},
		{"POST", "/contacts", `{"numbers":["600000009"],"country":"Spain"}`, 422, "body.country"},
		{"POST", "/contacts", `{"numbers":["600000009"],"owner":"nobody"}`, 422, "body.owner"},
		{"POST", "/contacts", `{"numbers":["600000009"],"id":"x"}`, 422, "body.id"},
		{"POST", "/contacts", `{"numbers":["600000001"]}`, 409, "body.numbers"},
		{"PATCH", "/contacts/c1", `{"numbers":["600000002"]}`, 409, "body.numbers"},
		{"PATCH", "/contacts/c1", `{"follow_up":"yes"}`, 422, "body.follow_up"},
		{"PATCH", "/contacts/c1", `{"owner":"nobody"}`, 422, "body.owner"},
		{"GET", "/contacts?do_not_call=2", "", 422, "query.do_not_call"},
		{"POST", "/contacts/c1/merge", `{}`, 422, "body"},
		{"POST", "/contacts/c1/merge", `{"contact_id":"c1"}`, 422, "body.contact_id"},
		{"POST", "/contacts/c1/merge", `{"contact_id":"c9"}`, 404, ""},
		{"POST", "/contacts/c9/merge", `{"contact_id":"c1"}`, 404, ""},
		{"POST", "/contacts/import?dry_run=2", "numbers\n", 422, "query.dry_run"},
		{"GET", "/tasks?kind=chore", "", 422, "query.kind"},
		{"GET", "/tasks?state=late", "", 422, "query.state"},
		{"PATCH", "/tasks/t1", `{"state":"gone"}`, 422, "body.state"},
		{"PATCH", "/tasks/t1", `{"user":"nobody"}`, 422, "body.user"},
		{"PATCH", "/tasks/t1", `{"due_at":"soon"}`, 422, "body.due_at"},
		{"PATCH", "/tasks/t1", `{"count":3}`, 422, "body.count"},
		{"PUT", "/users/ana/status", `{}`, 422, "body"},
		{"PUT", "/users/ana/status", `{"status":"asleep"}`, 422, "body.status"},
		{"PUT", "/users/ana/status", ``, 400, ""},
		{"POST", "/playbooks/sales-es/override", `{"open":true,"until":"2020-01-01T00:00:00Z"}`, 422, "body.until"},
		{"POST", "/playbooks/sales-es/override", `{"until":"2030-01-01T00:00:00Z"}`, 422, "body"},
		{"GET", "/explain", "", 422, "query.number"},
		{"GET", "/explain?number=abc", "", 422, "query.number"},
		{"GET", "/explain?number=600000001&at=noon", "", 422, "query.at"},
		{"GET", "/events?after=-1", "", 422, "query.after"},
		{"POST", "/tokens", `{"user":"nobody"}`, 422, "body.user"},
		{"POST", "/backup", `{"path":"relative.db"}`, 422, "body.path"},
		{"POST", "/backup", `{"path":"/var/taken"}`, 422, "body.path"},
		{"POST", "/contacts/import", "name;shoe size\n", 422, "body"},
		{"GET", "/calls/" + string(unknownID), "", 404, ""},
		{"GET", "/calls/not-an-id", "", 404, ""},
		{"GET", "/calls/" + string(liveID) + "/recording", "", 404, ""},
		{"GET", "/contacts/c9", "", 404, ""},
		{"PATCH", "/contacts/c9", `{}`, 404, ""},
		{"GET", "/tasks/t9", "", 404, ""},
		{"PATCH", "/tasks/t9", `{}`, 404, ""},
		{"PUT", "/users/nobody/status", `{"status":"offline"}`, 404, ""},
		{"POST", "/playbooks/nope/override", `{"open":true}`, 404, ""},
		{"DELETE", "/playbooks/nope/override", "", 404, ""},
		{"DELETE", "/tokens/nope", "", 404, ""},
		{"GET", "/nothing", "", 404, ""},
		{"DELETE", "/contacts/c1", "", 405, ""},
	}
	for _, tt := range tests {
		w := newWorld()
		rec := ask(t, w, w.server(t), "", tt.method, "/api/v1"+tt.path, tt.body)
		name := tt.method + " " + tt.path + " " + tt.body
		if len(name) > 100 {
			name = name[:100]
		}
		if rec.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", name, rec.Code, tt.status, rec.Body)
			continue
		}
		if ct := rec.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: Content-Type %q", name, ct)
		}
		problem := decode[huma.ErrorModel](t, rec)
		if problem.Status != tt.status || problem.Title == "" || problem.Detail == "" {
			t.Errorf("%s: %s", name, rec.Body)
		}
		if tt.field != "" && (len(problem.Errors) == 0 || problem.Errors[0].Location != tt.field) {
			t.Errorf("%s: want the field %s: %s", name, tt.field, rec.Body)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	big := `{"notes":"` + strings.Repeat("x", 1<<20) + `"}`
	if rec := ask(t, w, s, "", "PATCH", "/api/v1/calls/"+string(endedID), big); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("1 MB of notes: %d", rec.Code)
	}
	if rec := ask(t, w, s, "", "POST", "/api/v1/contacts/import", strings.Repeat("x", routing.ImportBytes+1)); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 32 MB of contacts: %d", rec.Code)
	}
	if rec := ask(t, w, s, "", "POST", "/api/v1/contacts/import", "numbers\n"+strings.Repeat("\n", routing.ImportBytes-8)); rec.Code != http.StatusOK {
		t.Errorf("just 32 MB of contacts: %d %s", rec.Code, rec.Body)
	}
}

func TestEchoIsClipped(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "", "PATCH", "/api/v1/calls/"+string(endedID), `{"notes":"`+strings.Repeat("secret", 5000))
	if rec.Body.Len() > 1000 {
		t.Errorf("a broken body of 30 kB is answered with %d bytes", rec.Body.Len())
	}
}

func TestMethodNotAllowed(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "", "PUT", "/api/v1/calls/"+string(endedID), "")
	if rec.Code != 405 || !strings.Contains(rec.Header().Get("Allow"), "PATCH") {
		t.Errorf("%d, Allow %q", rec.Code, rec.Header().Get("Allow"))
	}
}

func TestPanicIsAnswered(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	s.mux.HandleFunc("GET /api/v1/crash", func(http.ResponseWriter, *http.Request) { panic("boom") })
	rec := ask(t, w, s, "", "GET", "/api/v1/crash", "")
	if rec.Code != 500 || !strings.Contains(w.log.String(), "boom") {
		t.Errorf("%d, log %s", rec.Code, &w.log)
	}
}

func FuzzCheckQuery(f *testing.F) {
	w := newWorld()
	h := w.server(f).SocketHandler()
	for _, q := range []string{"limit=5", "limit=%zz", "active=true&active=false", "a;b", "&&=", "cursor=%00", "from=2026-11-23T10:00:00+01:00"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		r, err := http.NewRequest("GET", "http://switch/api/v1/calls", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = q
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != 200 && rec.Code != 400 && rec.Code != 422 {
			t.Errorf("%q: %d %s", q, rec.Code, rec.Body)
		}
	})
}
