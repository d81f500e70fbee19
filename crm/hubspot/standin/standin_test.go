package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	token    = "secret"
	objects  = "/crm/objects/2026-03/"
	talked   = `{"properties":{"hs_timestamp":"2026-11-22T10:00:00Z","hs_call_duration":"61000"},"associations":[]}`
	anyone   = `{"filterGroups":[{"filters":[{"propertyName":"phone","operator":"EQ","value":"+15551234567"}]}],"properties":["phone"],"sorts":[],"limit":5,"after":"0"}`
	property = `{"name":"mark","label":"Mark","groupName":"call","type":"string","fieldType":"text","hasUniqueValue":true}`
)

// ask sends a request with the token, and returns the answer.
func ask(t *testing.T, s *Server, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.String()
}

// TestRefusals is what HubSpot refuses.
func TestRefusals(t *testing.T) {
	s := New(Options{Token: token, Owners: []string{"77"}})
	contact := s.AddContact(map[string]string{"phone": "+15551234567"})
	_, made := ask(t, s, "POST", objects+"calls", talked)
	var call struct{ ID string }
	if err := json.Unmarshal([]byte(made), &call); err != nil || call.ID == "" {
		t.Fatal(made, err)
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		says               string
	}{
		"number":              {"POST", objects + "calls", `{"properties":{"hs_timestamp":"2026-11-22T10:00:00Z","hs_call_duration":61000},"associations":[]}`, 400, "Invalid input JSON"},
		"no associations":     {"POST", objects + "calls", `{"properties":{"hs_timestamp":"2026-11-22T10:00:00Z"}}`, 400, "associations"},
		"no properties":       {"POST", objects + "contacts", `{"associations":[]}`, 400, "properties"},
		"no time":             {"POST", objects + "calls", `{"properties":{"hs_call_title":"x"},"associations":[]}`, 400, "hs_timestamp"},
		"bad time":            {"POST", objects + "calls", `{"properties":{"hs_timestamp":"today"},"associations":[]}`, 400, "valid date"},
		"unknown property":    {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hs_call_colour":"red"}}`, 400, "does not exist"},
		"calculated property": {"PATCH", objects + "contacts/" + contact, `{"properties":{"hs_searchable_calculated_phone_number":"1"}}`, 400, "read only"},
		"two Ls":              {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hs_call_status":"CANCELLED"}}`, 400, "allowed options"},
		"outcome by name":     {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hs_call_disposition":"Busy"}}`, 400, "disposition"},
		"duration in words":   {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hs_call_duration":"1:01"}}`, 400, "valid long"},
		"plain recording":     {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hs_call_recording_url":"http://x/r"}}`, 400, "https"},
		"unknown owner":       {"PATCH", objects + "calls/" + call.ID, `{"properties":{"hubspot_owner_id":"1"}}`, 400, "Owner 1"},
		"unknown call":        {"PATCH", objects + "calls/9", `{"properties":{}}`, 404, "OBJECT_NOT_FOUND"},
		"unknown contact":     {"PUT", objects + "calls/" + call.ID + "/associations/default/contacts/9", ``, 404, "OBJECT_NOT_FOUND"},
		"the wrong way":       {"PUT", objects + "contacts/" + contact + "/associations/default/deals/9", ``, 400, "association"},
		"bad association":     {"POST", objects + "calls", strings.Replace(talked, "[]", `[{"to":{"id":"`+contact+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]}]`, 1), 400, "association"},
		"not unique":          {"POST", objects + "calls/batch/upsert", `{"inputs":[{"id":"1","idProperty":"hs_call_external_id","properties":{}}]}`, 400, "non-unique"},
		"no inputs":           {"POST", objects + "calls/batch/upsert", `{"inputs":[]}`, 400, "inputs"},
		"search without after": {
			"POST", objects + "contacts/search", strings.Replace(anyone, `,"after":"0"`, "", 1), 400, "after",
		},
		"search of 201":      {"POST", objects + "contacts/search", strings.Replace(anyone, `"limit":5`, `"limit":201`, 1), 400, "limit"},
		"search by no such":  {"POST", objects + "contacts/search", strings.Replace(anyone, `"propertyName":"phone"`, `"propertyName":"fon"`, 1), 400, "fon"},
		"property, no group": {"POST", "/crm/v3/properties/calls", strings.Replace(property, `"groupName":"call",`, "", 1), 400, "groupName"},
		"property, bad group": {
			"POST", "/crm/v3/properties/calls", strings.Replace(property, `"call"`, `"fax"`, 1), 400, "fax",
		},
		"property twice":          {"POST", "/crm/v3/properties/calls", strings.Replace(property, `"mark"`, `"hs_call_title"`, 1), 409, "CONFLICT"},
		"unknown property, shown": {"GET", "/crm/v3/properties/calls/x", ``, 404, "OBJECT_NOT_FOUND"},
		"unknown records":         {"POST", objects + "cats", talked, 404, "object type"},
		"another version":         {"POST", "/crm/objects/2020-01/calls", talked, 404, "OBJECT_NOT_FOUND"},
		"junk":                    {"POST", objects + "calls", `{`, 400, "Invalid input JSON"},
	} {
		status, says := ask(t, s, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d %s", name, status, says)
		}
	}
	if n := len(s.Calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestTakes is what HubSpot takes, in a form that our client does not use.
func TestTakes(t *testing.T) {
	s := New(Options{Token: token})
	contact := s.AddContact(map[string]string{"phone": "+15551234567"})
	ours := strings.Replace(talked, "[]", `[{"to":{"id":"`+contact+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":194}]}]`, 1)
	ours = strings.Replace(ours, "2026-11-22T10:00:00Z", "1763805600000", 1)
	if status, says := ask(t, s, "POST", objects+"calls", ours); status != http.StatusCreated {
		t.Fatal(says)
	}
	call := s.Calls()[0]
	if len(call.Contacts) != 1 || call.Contacts[0] != contact {
		t.Errorf("got %+v", call)
	}
	if status, says := ask(t, s, "PATCH", objects+"calls/"+call.ID, `{"properties":{"hs_call_duration":""}}`); status != http.StatusOK {
		t.Error(says)
	}
	if got := s.Calls()[0].Properties; got["hs_call_duration"] != "" || call.Properties["hs_call_duration"] != "61000" {
		t.Errorf("not cleared, or not a copy: %v, %v", got, call)
	}
	s.AddProperty("calls", Property{Name: "mark", Unique: true})
	marked := `{"inputs":[{"id":"m","idProperty":"mark","properties":{"hs_timestamp":"1763805600000"}}]}`
	for _, says := range []string{`"new":true`, `"new":false`} {
		if _, got := ask(t, s, "POST", objects+"calls/batch/upsert", marked); !strings.Contains(got, says) {
			t.Errorf("want %s in %s", says, got)
		}
	}
	if status, says := ask(t, s, "PATCH", objects+"calls/m?idProperty=mark", `{"properties":{"hs_call_title":"t"}}`); status != http.StatusOK || len(s.Calls()) != 2 {
		t.Errorf("%s, %d calls", says, len(s.Calls()))
	}
}

// TestGate lets nobody in without a token or a scope.
func TestGate(t *testing.T) {
	s := New(Options{Token: token, Scopes: []string{"crm.objects.contacts.read"}})
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer other", token} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", objects+"calls", strings.NewReader(talked))
		r.Header.Set("Authorization", header)
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusUnauthorized || !strings.Contains(recorder.Body.String(), "INVALID_AUTHENTICATION") {
			t.Errorf("%q: %d", header, recorder.Code)
		}
	}
	if status, says := ask(t, s, "POST", objects+"calls", talked); status != http.StatusForbidden || !strings.Contains(says, `"requiredGranularScopes":["crm.objects.contacts.write"]`) {
		t.Errorf("%d %s", status, says)
	}
	if status, says := ask(t, s, "POST", objects+"contacts/search", anyone); status != http.StatusOK {
		t.Error(says)
	}
}

// TestLimits is when HubSpot says that it is too much, and of what.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Token: token, Searches: 2, PerTenSeconds: 4, PerDay: 6})
		search := func() string {
			status, says := ask(t, s, "POST", objects+"contacts/search", anyone)
			if status == http.StatusOK {
				return ""
			}
			var p struct{ PolicyName string }
			if err := json.Unmarshal([]byte(says), &p); err != nil || status != http.StatusTooManyRequests {
				t.Errorf("%d %s", status, says)
			}
			return p.PolicyName
		}
		expect := func(policies ...string) {
			t.Helper()
			for _, want := range policies {
				if got := search(); got != want {
					t.Errorf("at %v: got %q, want %q", time.Now(), got, want)
				}
			}
		}
		expect("", "", "SECONDLY")
		time.Sleep(time.Second)
		expect("", "", "TEN_SECONDLY_ROLLING")
		time.Sleep(10 * time.Second)
		expect("", "", "DAILY")
		s.Midnight()
		time.Sleep(10 * time.Second)
		expect("")
	})
}

// TestIndex finds what is old enough, by what is calculated too.
func TestIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Token: token, IndexLag: 5 * time.Second})
		s.AddContact(map[string]string{"phone": "(555) 123-4567"})
		calculated := strings.NewReplacer(`"propertyName":"phone"`, `"propertyName":"hs_searchable_calculated_phone_number"`, "+1555", "555").Replace(anyone)
		for _, want := range []string{`"total":0`, `"total":1`} {
			if _, got := ask(t, s, "POST", objects+"contacts/search", calculated); !strings.Contains(got, want) {
				t.Errorf("want %s in %s", want, got)
			}
			time.Sleep(5 * time.Second)
		}
		if _, got := ask(t, s, "POST", objects+"contacts/search", anyone); !strings.Contains(got, `"total":0`) {
			t.Errorf("another spelling is found: %s", got)
		}
	})
}

// TestTroubles are what comes over a real connection.
func TestTroubles(t *testing.T) {
	s := New(Options{Token: token})
	server := httptest.NewServer(s)
	defer server.Close()
	post := func() (int, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+objects+"calls", bytes.NewReader([]byte(talked)))
		if err != nil {
			t.Fatal(err)
		}
		r.GetBody = nil // or the transport sends it again
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}
	for name, c := range map[string]struct {
		trouble Trouble
		status  int // 0: none
		says    string
		made    int
	}{
		"429":     {TooMany, 429, "TEN_SECONDLY_ROLLING", 0},
		"day":     {DayIsOver, 429, "DAILY", 0},
		"500":     {Broken, 500, "INTERNAL_ERROR", 0},
		"down":    {Down, 0, "", 0},
		"blocked": {Blocked, 403, "<html>", 0},
		"slow":    {Slow, 201, "createdAt", 1},
		"cut":     {CutAfter, 0, "", 1},
		"junk":    {JunkAfter, 200, `{"id":"1`, 1},
	} {
		before := len(s.Calls())
		s.Order(Order{Trouble: c.trouble, Method: "POST", Path: "/calls", Delay: time.Millisecond})
		s.Order(Order{Trouble: Broken, Path: "/elsewhere"})
		status, says, err := post()
		if status != c.status || !strings.Contains(says, c.says) || (err != nil) != (c.status == 0) || len(s.Calls())-before != c.made {
			t.Errorf("%s: %d %s %v, made %d", name, status, says, err, len(s.Calls())-before)
		}
		if status, says, err := post(); status != http.StatusCreated {
			t.Errorf("after %s: %d %s %v", name, status, says, err)
		}
	}
	s.Order(Order{Trouble: Broken, Times: -1})
	for range 3 {
		if status, _, _ := post(); status != http.StatusInternalServerError {
			t.Errorf("got %d", status)
		}
	}
	s.Recover()
	if status, says, _ := post(); status != http.StatusCreated {
		t.Errorf("after all: %d %s", status, says)
	}
}
