package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ask sends a request to the stand-in and returns the status and the answer.
func ask(t *testing.T, s *Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("x-api-token", "secret")
	return answerOf(t, s, r)
}

func answerOf(t *testing.T, s *Server, r *http.Request) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return w.Code, map[string]any{"page": w.Body.String()}
	}
	return w.Code, answer
}

const callLog = `{"activity_id":1,"to_phone_number":"+1","outcome":"busy","start_time":"2026-11-22T10:00:00Z","end_time":"2026-11-22T10:01:00Z"`

func TestRefuses(t *testing.T) {
	s := New(Options{Token: "secret", Users: []int{7, 8}})
	s.AddPerson("Ana", "+1 201-555-0123")
	ask(t, s, "POST", "/api/v2/activities", `{"subject":"A call","type":"call"}`)
	ask(t, s, "POST", "/api/v2/activities", `{"subject":"A meeting","type":"meeting"}`)
	for name, test := range map[string]struct {
		method, path, body string
		status             int
	}{
		"activity":               {"POST", "/api/v2/activities", `{"subject":"s","type":"call","owner_id":8,"due_date":"2026-11-22","due_time":"10:00","duration":"00:02","done":true,"participants":[{"person_id":1,"primary":true}]}`, 200},
		"no subject":             {"POST", "/api/v2/activities", `{"type":"call"}`, 400},
		"done as a number":       {"POST", "/api/v2/activities", `{"subject":"s","type":"call","done":1}`, 400},
		"duration as a number":   {"POST", "/api/v2/activities", `{"subject":"s","type":"call","duration":120}`, 400},
		"duration in seconds":    {"POST", "/api/v2/activities", `{"subject":"s","type":"call","duration":"120"}`, 400},
		"due date of elsewhere":  {"POST", "/api/v2/activities", `{"subject":"s","type":"call","due_date":"11/22/2026"}`, 400},
		"no such type":           {"POST", "/api/v2/activities", `{"subject":"s","type":"chat"}`, 400},
		"person by a field":      {"POST", "/api/v2/activities", `{"subject":"s","type":"call","person_id":1}`, 400},
		"nobody of that name":    {"POST", "/api/v2/activities", `{"subject":"s","type":"call","participants":[{"person_id":9,"primary":true}]}`, 404},
		"owner of elsewhere":     {"POST", "/api/v2/activities", `{"subject":"s","type":"call","owner_id":9}`, 400},
		"change":                 {"PATCH", "/api/v2/activities/1", `{"note":"n"}`, 200},
		"change of nothing":      {"PATCH", "/api/v2/activities/99", `{"note":"n"}`, 404},
		"slip of the pen":        {"PATCH", "/api/v2/activities/1", `{"notes":"n"}`, 400},
		"person":                 {"POST", "/api/v2/persons", `{"name":"Bo","phones":[{"value":"+44","primary":true,"label":"work"}]}`, 200},
		"person without name":    {"POST", "/api/v2/persons", `{"phones":[]}`, 400},
		"phones as text":         {"POST", "/api/v2/persons", `{"name":"Bo","phones":"+44"}`, 400},
		"short term":             {"GET", "/api/v2/persons/search?term=5", "", 400},
		"large page":             {"GET", "/api/v2/activities?limit=501", "", 400},
		"unknown order":          {"GET", "/api/v2/activities?sort_by=subject", "", 400},
		"since when":             {"GET", "/api/v2/activities?updated_since=yesterday", "", 400},
		"person's name":          {"GET", "/api/v2/activities?person_id=ana", "", 400},
		"call log":               {"POST", "/api/v1/callLogs", callLog + `}`, 200},
		"duration of a log":      {"POST", "/api/v1/callLogs", callLog + `,"duration":61}`, 400},
		"outcome":                {"POST", "/api/v1/callLogs", strings.Replace(callLog, "busy", "failed", 1) + `}`, 400},
		"spaced time":            {"POST", "/api/v1/callLogs", strings.Replace(callLog, "T10:00:00Z", " 10:00:00", 1) + `}`, 400},
		"no number":              {"POST", "/api/v1/callLogs", strings.Replace(callLog, "+1", "", 1) + `}`, 400},
		"log for others":         {"POST", "/api/v1/callLogs", callLog + `,"user_id":8}`, 403},
		"log of no activity":     {"POST", "/api/v1/callLogs", strings.Replace(callLog, ":1,", ":99,", 1) + `}`, 404},
		"log of a meeting":       {"POST", "/api/v1/callLogs", strings.Replace(callLog, ":1,", ":2,", 1) + `}`, 400},
		"large page of logs":     {"GET", "/api/v1/callLogs?limit=51", "", 400},
		"recording of no log":    {"POST", "/v1/callLogs/CA1/recordings", "", 404},
		"activity types":         {"GET", "/v1/activityTypes", "", 200},
		"the token's user":       {"GET", "/v1/users/me", "", 200},
		"a place that is not":    {"GET", "/api/v2/deals", "", 404},
		"not JSON":               {"POST", "/api/v2/persons", `<name>`, 400},
		"activity of the future": {"POST", "/api/v2/activities", `{"subject":"s","type":"call","due_time":"25:00"}`, 400},
	} {
		status, answer := ask(t, s, test.method, test.path, test.body)
		if status != test.status {
			t.Errorf("%s: answered %d %v, want %d", name, status, answer, test.status)
		}
		if success, _ := answer["success"].(bool); success != (test.status == 200) {
			t.Errorf("%s: success is %v", name, answer["success"])
		}
	}
	r := httptest.NewRequest("GET", "/v1/users/me", nil)
	r.Header.Set("x-api-token", "guess")
	if status, _ := answerOf(t, s, r); status != 401 {
		t.Errorf("a wrong token was answered with %d", status)
	}
}

func TestOneRecordingForEachLog(t *testing.T) {
	s := New(Options{Token: "secret"})
	_, answer := ask(t, s, "POST", "/api/v1/callLogs", strings.Replace(callLog, `"activity_id":1,`, "", 1)+`}`)
	id := s.CallLogs()[0].ID
	if len(s.Activities()) != 1 {
		t.Fatalf("a log of its own made %d activities: %v", len(s.Activities()), answer)
	}
	upload := func() int {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, _ := form.CreateFormFile("file", "call.wav")
		_, _ = io.WriteString(part, "RIFF")
		form.Close()
		r := httptest.NewRequest("POST", "/api/v1/callLogs/"+id+"/recordings", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("x-api-token", "secret")
		status, _ := answerOf(t, s, r)
		return status
	}
	if first, second := upload(), upload(); first != 200 || second != 409 {
		t.Errorf("two uploads were answered with %d and %d", first, second)
	}
	if string(s.Recording(id)) != "RIFF" || !s.CallLogs()[0].HasRecording {
		t.Error("the recording is not there")
	}
}

func TestSearchComparesWhatWasTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Token: "secret", IndexLag: time.Minute})
		s.AddPerson("Ana", "(201) 555-0123", "+12015550199")
		ask(t, s, "POST", "/api/v2/persons", `{"name":"New","phones":[{"value":"+12015550177"}]}`)
		found := func(term, more string) int {
			_, answer := ask(t, s, "GET", "/api/v2/persons/search?fields=phone"+more+"&term="+term, "")
			data, _ := answer["data"].(map[string]any)
			items, _ := data["items"].([]any)
			return len(items)
		}
		for term, want := range map[string]int{"2015550123": 0, "555-0123": 1, "2015550199": 1, "2015550177": 0} {
			if n := found(term, ""); n != want {
				t.Errorf("searching %s finds %d, want %d", term, n, want)
			}
		}
		if n := found("2015550199", "&exact_match=true"); n != 0 {
			t.Errorf("an exact match finds %d", n)
		}
		time.Sleep(time.Minute)
		if n := found("2015550177", ""); n != 1 {
			t.Errorf("after the lag the search finds %d", n)
		}
		s.DeletePerson(1)
		if n := found("555-0123", ""); n != 0 {
			t.Errorf("of the deleted the search finds %d", n)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Token: "secret", Tokens: 26, Burst: 3})
		get := func() (int, http.Header) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/v1/users/me", nil)
			r.Header.Set("x-api-token", "secret")
			s.ServeHTTP(w, r)
			return w.Code, w.Header()
		}
		for i, want := range []int{200, 200, 200, 429} {
			status, header := get()
			if status != want {
				t.Fatalf("request %d was answered with %d", i, status)
			}
			if status == 429 && header.Get("x-ratelimit-reset") != "2" {
				t.Errorf("429 with %v", header)
			}
		}
		time.Sleep(2 * time.Second)
		if status, header := get(); status != 200 || header.Get("x-daily-ratelimit-token-remaining") != "18" {
			t.Errorf("after the burst %d with %v", status, header)
		}
		if status, _ := ask(t, s, "GET", "/api/v2/persons/search?term=12345", ""); status != 429 {
			t.Errorf("a search that costs more than is left was answered with %d", status)
		}
		s.Midnight()
		time.Sleep(2 * time.Second)
		if status, _ := ask(t, s, "GET", "/api/v2/persons/search?term=12345", ""); status != 200 {
			t.Errorf("in the new day the search was answered with %d", status)
		}
		for range 13 {
			get() // deaf to 429
		}
		if status, header := get(); status != 403 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			t.Errorf("after many 429: %d with %v", status, header)
		}
		time.Sleep(time.Minute)
		if status, _ := get(); status == 403 {
			t.Error("blocked for good")
		}
		if s.Spent() != 4*2+20+2*2+2 {
			t.Errorf("spent %d", s.Spent())
		}
	})
}

func TestTroubleOnCommand(t *testing.T) {
	s := New(Options{Token: "secret"})
	server := httptest.NewServer(s)
	defer server.Close()
	post := func() (int, error) {
		r, _ := http.NewRequest("POST", server.URL+"/api/v2/persons", strings.NewReader(`{"name":"Bo"}`))
		r.Header.Set("x-api-token", "secret")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		var answer map[string]any
		return res.StatusCode, json.NewDecoder(res.Body).Decode(&answer)
	}
	for name, test := range map[string]struct {
		trouble Trouble
		status  int
		fails   bool
		added   int
	}{
		"none":     {None, 200, false, 1},
		"too many": {TooMany, 429, false, 0},
		"broken":   {Broken, 500, false, 0},
		"down":     {Down, 0, true, 0},
		"blocked":  {Blocked, 403, true, 0},
		"slow":     {Slow, 200, false, 1},
		"cut":      {CutAfter, 0, true, 1},
		"junk":     {JunkAfter, 200, true, 1},
	} {
		before := len(s.Persons())
		s.Order(Order{Trouble: test.trouble, Method: "POST", Path: "/persons"})
		status, err := post()
		if status != test.status || (err != nil) != test.fails || len(s.Persons())-before != test.added {
			t.Errorf("%s: %d %v, %d added", name, status, err, len(s.Persons())-before)
		}
	}
	s.Order(Order{Trouble: Broken, Times: -1})
	s.Recover()
	if status, err := post(); status != 200 {
		t.Errorf("after the recovery: %d %v", status, err)
	}
	if n := len(s.Requests()); n < 9 {
		t.Errorf("%d requests were noted", n)
	}
}
