package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest: whatever a client writes into a body or the name of a thing, the
// answer is one of ours: JSON, no fault of the server's, and short when it
// refuses.
func FuzzRequest(f *testing.F) {
	verbs := []string{
		"PATCH /calls/{}", "DELETE /calls/{}", "POST /calls/{}/accept", "GET /calls/{}/explain", "POST /contacts", "PATCH /contacts/{}",
		"POST /contacts/{}/merge", "POST /contacts/import", "POST /playbooks/{}/override", "PATCH /tasks/{}", "POST /tokens",
		"PUT /users/{}/status", "GET /calls/{}/recording", "GET /explain?from={}", "GET /contacts?query={}",
	}
	for i := range verbs {
		for _, thing := range []string{string(endedID), "c1", "t1", "ana", "sales-es", "../..", "%00", "+34600000001"} {
			f.Add(uint8(i), thing, `{"notes":"a\u0000","disposition":"x","name":"Luis","numbers":["600000009"],"state":"done","status":"break","reason":"lunch","open":true,"until":"2026-11-23T15:00:00Z","user":"ana","from":"c2","to":"c1"}`)
		}
		f.Add(uint8(i), "c1", `{"numbers":[null],"notes":1e999}`)
		f.Add(uint8(i), "", "name;phone\nLuis;600111222\n")
		f.Add(uint8(i), "x", "[[[[")
	}
	w := newWorld()
	h := w.server(f).SocketHandler()
	f.Fuzz(func(t *testing.T, verb uint8, thing, body string) {
		method, path, _ := strings.Cut(verbs[int(verb)%len(verbs)], " ")
		r := httptest.NewRequest(method, "/api/v1"+strings.Replace(path, "{}", url.QueryEscape(thing), 1), strings.NewReader(body))
		if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
			r.Header.Set("Content-Type", "application/json")
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code >= 500 || rec.Code < 200 {
			t.Fatalf("%s %s: %d %s", method, r.URL, rec.Code, rec.Body)
		}
		kind := rec.Header().Get("Content-Type")
		if strings.Contains(kind, "json") != json.Valid(rec.Body.Bytes()) && rec.Code != http.StatusOK {
			t.Fatalf("%s %s: %d, %s: %s", method, r.URL, rec.Code, kind, rec.Body)
		}
		if rec.Code >= 400 && rec.Body.Len() > 8<<10 {
			t.Fatalf("%s %s: refused with %d bytes", method, r.URL, rec.Body.Len())
		}
	})
}
