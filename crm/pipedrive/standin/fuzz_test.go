package standin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests asks the stand-in for anything; it answers, and stays usable.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/api/v2/activities", `{"subject":"s","type":"call","participants":[{"person_id":1,"primary":true}]}`)
	f.Add("PATCH", "/api/v2/activities/1", `{"note":null,"duration":"24:00"}`)
	f.Add("POST", "/api/v1/callLogs", callLog+`}`)
	f.Add("GET", "/api/v2/activities?limit=1&cursor=-1&sort_by=id&sort_direction=desc", "")
	f.Add("GET", "/api/v2/persons/search?term=%25&fields=phone", "")
	f.Add("GET", "/v1/callLogs?start=99999999999999999999&limit=0", "")
	f.Add("POST", "/v1/callLogs/CA/recordings", "--x")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://standin"+target, strings.NewReader(body))
		if err != nil || r.URL.Host != "standin" {
			return
		}
		s := New(Options{Token: "secret"})
		s.AddPerson("Ana", "+12015550123")
		r.Header.Set("x-api-token", "secret")
		s.ServeHTTP(httptest.NewRecorder(), r)
		if status, _ := ask(t, s, "POST", "/api/v2/activities", `{"subject":"s","type":"call"}`); status != 200 {
			t.Fatalf("afterwards it answers %d", status)
		}
	})
}
