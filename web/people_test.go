package web

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

func TestCreateContact(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "ana", "POST", "/api/v1/contacts", `{"numbers":["600 000 009","+34600000009","600000008"],"owner":"ana"}`)
	c := decode[routing.Contact](t, rec)
	if rec.Code != 201 || rec.Header().Get("Location") != "/api/v1/contacts/"+c.ID || !call.ValidID(c.ID) {
		t.Errorf("%d, Location %q", rec.Code, rec.Header().Get("Location"))
	}
	if strings.Join(c.Numbers, " ") != "+34600000009 +34600000008" || c.Name != "+34600000009" || c.Country != "ES" || c.Owner != "ana" {
		t.Errorf("got %+v", c)
	}
}

func TestFindContacts(t *testing.T) {
	for query, want := range map[string]string{"?owner=ana": "c1", "?do_not_call=true": "", "?do_not_call=false&owner=ana": "c1", "": "c1 c2", "?number=600%20000%20002": "c2", "?q=MAR": "c2", "?follow_up=true": "", "?follow_up=false": "c1 c2"} {
		w := newWorld()
		list := decode[List[routing.Contact]](t, ask(t, w, w.server(t), "ana", "GET", "/api/v1/contacts"+query, ""))
		var got []string
		for _, c := range list.Items {
			got = append(got, c.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", query, got)
		}
	}
}

func TestChangeContact(t *testing.T) {
	w := newWorld()
	c := decode[routing.Contact](t, ask(t, w, w.server(t), "", "PATCH", "/api/v1/contacts/c1", `{"do_not_call":true,"owner":"","numbers":["600000003"]}`))
	if !c.DoNotCall || c.Owner != "" || c.Name != "Luis" || strings.Join(c.Numbers, " ") != "+34600000003" {
		t.Errorf("got %+v", c)
	}
}

func TestMergeContact(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "eva", "POST", "/api/v1/contacts/c2/merge", `{"contact_id":"c1"}`)
	c := decode[routing.Contact](t, rec)
	if rec.Code != 200 || c.ID != "c2" || c.Name != "Marta" || c.Owner != "ana" || strings.Join(c.Numbers, " ") != "+34600000002 +34600000001" {
		t.Errorf("%d, merged %+v", rec.Code, c)
	}
	if !strings.Contains(w.log.String(), `msg="contacts merged" by=eva contact=c2 other=c1`) {
		t.Errorf("log %s", w.log.String())
	}
}

func TestImport(t *testing.T) {
	w := newWorld()
	w.contacts[0].Country = "ES"
	file := "numbers;name\n600000010|600000011;Nuria\n600000001;Luis\n12;Broken\n600000002|600000012;\n"
	for _, query := range []string{"?dry_run=true", ""} {
		rec := ask(t, w, w.server(t), "eva", "POST", "/api/v1/contacts/import"+query, file)
		got := decode[routing.ImportReport](t, rec)
		if got.Created != 1 || got.Updated != 1 || got.Unchanged != 1 || got.Refused != 1 || len(got.Lines) != 4 || got.DryRun != (query != "") {
			t.Errorf("got %s", rec.Body)
		}
		if stored := len(w.contacts) > 2; stored == got.DryRun {
			t.Errorf("dry run %t: stored %t", got.DryRun, stored)
		}
	}
	if !strings.Contains(w.log.String(), `msg="contacts imported" by=eva dry_run=false created=1`) {
		t.Errorf("log %s", w.log.String())
	}
	if c, err := (book{w}).ContactByNumber(t.Context(), "+34600000011"); err != nil || c.Name != "Nuria" {
		t.Errorf("Nuria is %+v, %v", c, err)
	}
}

func TestChangeTask(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	due := at(40)
	got := decode[routing.Task](t, ask(t, w, s, "ana", "PATCH", "/api/v1/tasks/t1", `{"state":"in_progress","due_at":"2026-11-23T11:40:00+01:00"}`))
	if got.State != call.TaskInProgress || got.DueAt == nil || !got.DueAt.Equal(due) || got.DueAt.Location() != time.UTC || got.User != "ana" {
		t.Errorf("got %+v", got)
	}
	got = decode[routing.Task](t, ask(t, w, s, "ana", "PATCH", "/api/v1/tasks/t1", `{"user":"eva"}`))
	if got.User != "eva" || got.DueAt == nil {
		t.Errorf("given on: %+v", got)
	}
	got = decode[routing.Task](t, ask(t, w, s, "eva", "PATCH", "/api/v1/tasks/t1", `{"due_at":null}`))
	if got.DueAt != nil {
		t.Errorf("due at %v", got.DueAt)
	}
}

func TestSetStatus(t *testing.T) {
	w := newWorld()
	u := decode[User](t, ask(t, w, w.server(t), "ana", "PUT", "/api/v1/users/ana/status", `{"status":"break","reason":"lunch"}`))
	if u.Status != routing.StatusBreak || u.Reason != "lunch" || u.Since.IsZero() {
		t.Errorf("got %+v", u)
	}
}

func TestOverride(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	until := time.Now().Add(time.Hour).Format(time.RFC3339)
	p := decode[Playbook](t, ask(t, w, s, "eva", "POST", "/api/v1/playbooks/sales-es/override", `{"open":false,"until":"`+until+`"}`))
	if p.Open || p.Override == nil || p.Override.By != "eva" || p.Override.Until == nil || p.Waiting != 2 || p.Oldest == nil {
		t.Errorf("got %+v", p)
	}
	p = decode[Playbook](t, ask(t, w, s, "", "DELETE", "/api/v1/playbooks/sales-es/override", ""))
	if p.Override != nil {
		t.Errorf("got %+v", p.Override)
	}
}

func TestListsHaveNoNulls(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	for _, path := range []string{"/users", "/playbooks", "/numbers", "/trunks", "/registrations", "/tokens", "/calls?user=nobody", "/contacts?q=zzz", "/tasks?state=done"} {
		var list struct {
			Items []map[string]json.RawMessage `json:"items"`
			Next  *string                      `json:"next"`
		}
		rec := ask(t, w, s, "", "GET", "/api/v1"+path, "")
		if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil || list.Items == nil || list.Next == nil {
			t.Errorf("%s: %v: %s", path, err, rec.Body)
		}
		for _, item := range list.Items {
			for _, key := range []string{"playbooks", "users", "trunks"} {
				if string(item[key]) == "null" {
					t.Errorf("%s: %s is null", path, key)
				}
			}
		}
	}
}

func TestRegistrationsAreSorted(t *testing.T) {
	w := newWorld()
	list := decode[List[Registration]](t, ask(t, w, w.server(t), "", "GET", "/api/v1/registrations?limit=1", ""))
	if len(list.Items) != 1 || list.Items[0].User != "ana" || list.Next == "" {
		t.Errorf("got %+v", list)
	}
}

func TestExplainNumber(t *testing.T) {
	w := newWorld()
	rec := ask(t, w, w.server(t), "", "GET", "/api/v1/explain?number=%2B34600000001&at=2026-11-23T11:00:00%2B01:00", "")
	e := decode[routing.Explanation](t, rec)
	if e.Number != "+34600000001" || !e.At.Equal(at(0)) || len(e.Inbound) != 1 {
		t.Errorf("got %s", rec.Body)
	}
}

func TestOperatorVerbs(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	if st := decode[Status](t, ask(t, w, s, "", "GET", "/api/v1/status", "")); st.Version != "test" || !st.Ready {
		t.Errorf("status %+v", st)
	}
	ask(t, w, s, "", "POST", "/api/v1/backup", `{"path":"/var/backups/tandem.db"}`)
	if len(w.backups) != 1 || w.backups[0] != "/var/backups/tandem.db" {
		t.Errorf("backups %v", w.backups)
	}
	if ask(t, w, s, "", "POST", "/api/v1/drain", ""); !w.drained {
		t.Error("not drained")
	}
	w.reload = errors.New("tandem.yaml:3:1: sip.domain: is missing")
	if rec := ask(t, w, s, "", "POST", "/api/v1/reload", ""); rec.Code != 422 || !strings.Contains(rec.Body.String(), "tandem.yaml:3:1") {
		t.Errorf("reload: %d %s", rec.Code, rec.Body)
	}
}

func TestProbes(t *testing.T) {
	w := newWorld()
	h := w.server(t).Handler() // without a token
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		return rec.Code, rec.Body.String()
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("healthz %d", code)
	}
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("readyz %d", code)
	}
	if code, _ := get("/metrics?format=text"); code != 200 {
		t.Errorf("metrics %d", code)
	}
	w.ready = errors.New("the store is read-only")
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "read-only") {
		t.Errorf("readyz when not ready: %d %s", code, body)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("healthz when not ready: %d", code)
	}
}
