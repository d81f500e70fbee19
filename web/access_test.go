package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tandem/routing"
)

// TestRoles is the table of who may ask for what.
func TestRoles(t *testing.T) {
	// Columns: ana (salesperson, whose things they are), leo (salesperson),
	// eva (supervisor), boss (admin), the socket.
	users := []string{"ana", "leo", "eva", "boss", ""}
	tests := []struct {
		method, path, body string
		want               [5]int
	}{
		{"GET", "/calls", "", [5]int{200, 200, 200, 200, 200}},
		{"GET", "/calls/" + string(endedID), "", [5]int{200, 404, 200, 200, 200}},
		{"GET", "/calls/" + string(evasID), "", [5]int{404, 404, 200, 200, 200}},
		{"PATCH", "/calls/" + string(endedID), `{"notes":"x"}`, [5]int{200, 404, 200, 200, 200}},
		{"DELETE", "/calls/" + string(liveID), "", [5]int{204, 404, 204, 204, 204}},
		{"GET", "/calls/" + string(endedID) + "/recording", "", [5]int{200, 404, 200, 200, 200}},
		{"GET", "/calls/" + string(endedID) + "/explain", "", [5]int{200, 404, 200, 200, 200}},
		{"GET", "/contacts", "", [5]int{200, 200, 200, 200, 200}},
		{"GET", "/contacts/c1", "", [5]int{200, 200, 200, 200, 200}},
		{"POST", "/contacts", `{"numbers":["+34600000077"],"owner":"leo"}`, [5]int{403, 201, 201, 201, 201}},
		{"PATCH", "/contacts/c1", `{"owner":"leo"}`, [5]int{403, 200, 200, 200, 200}},
		{"POST", "/contacts/c2/merge", `{"contact_id":"c1"}`, [5]int{403, 403, 200, 200, 200}},
		{"POST", "/contacts/import", "numbers\n+34600000078\n", [5]int{403, 403, 200, 200, 200}},
		{"GET", "/tasks", "", [5]int{200, 200, 200, 200, 200}},
		{"GET", "/tasks/t1", "", [5]int{200, 404, 200, 200, 200}},
		{"PATCH", "/tasks/t1", `{"state":"done"}`, [5]int{200, 404, 200, 200, 200}},
		{"GET", "/users", "", [5]int{200, 200, 200, 200, 200}},
		{"PUT", "/users/ana/status", `{"status":"break"}`, [5]int{200, 403, 200, 200, 200}},
		{"GET", "/playbooks", "", [5]int{200, 200, 200, 200, 200}},
		{"POST", "/playbooks/sales-es/override", `{"open":false}`, [5]int{403, 403, 200, 200, 200}},
		{"DELETE", "/playbooks/sales-es/override", "", [5]int{403, 403, 200, 200, 200}},
		{"GET", "/numbers", "", [5]int{200, 200, 200, 200, 200}},
		{"GET", "/trunks", "", [5]int{403, 403, 200, 200, 200}},
		{"GET", "/registrations", "", [5]int{403, 403, 200, 200, 200}},
		{"GET", "/explain?number=600000001", "", [5]int{403, 403, 200, 200, 200}},
		{"POST", "/tokens", `{"user":"ana"}`, [5]int{403, 403, 403, 201, 201}},
		{"GET", "/tokens", "", [5]int{403, 403, 403, 200, 200}},
		{"GET", "/status", "", [5]int{403, 403, 200, 200, 200}},
		{"POST", "/reload", "", [5]int{403, 403, 403, 204, 204}},
		{"POST", "/drain", "", [5]int{403, 403, 403, 202, 202}},
		{"POST", "/backup", `{"path":"/var/backups/a.db"}`, [5]int{403, 403, 403, 403, 204}},
	}
	for _, tt := range tests {
		for i, user := range users {
			w := newWorld()
			rec := ask(t, w, w.server(t), user, tt.method, "/api/v1"+tt.path, tt.body)
			if rec.Code != tt.want[i] {
				t.Errorf("%s %s as %q: %d, want %d: %s", tt.method, tt.path, user, rec.Code, tt.want[i], rec.Body)
			}
		}
	}
}

// A salesperson sees no more of a list than what is theirs.
func TestListsAreFiltered(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	tasks := decode[List[routing.Task]](t, ask(t, w, s, "leo", "GET", "/api/v1/tasks", ""))
	if len(tasks.Items) != 1 || tasks.Items[0].ID != "t2" {
		t.Errorf("leo's tasks: %v", tasks.Items)
	}
	tasks = decode[List[routing.Task]](t, ask(t, w, s, "leo", "GET", "/api/v1/tasks?user=ana", ""))
	if len(tasks.Items) != 0 {
		t.Errorf("leo sees of ana: %v", tasks.Items)
	}
	users := decode[List[User]](t, ask(t, w, s, "ana", "GET", "/api/v1/users", ""))
	for _, u := range users.Items {
		if (u.CallID != "") != (u.Name == "ana") {
			t.Errorf("ana sees the call %q of %s", u.CallID, u.Name)
		}
	}
}

func TestTokens(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	created := decode[CreatedToken](t, ask(t, w, s, "", "POST", "/api/v1/tokens", `{"user":"ana"}`))
	if !strings.HasPrefix(created.Token, tokenPrefix) || len(created.Token) < 50 {
		t.Fatalf("token %q", created.Token)
	}
	for _, kept := range w.tokens {
		if strings.Contains(fmt.Sprint(kept), created.Token) {
			t.Error("the token itself is kept")
		}
	}
	if strings.Contains(w.log.String(), created.Token) {
		t.Error("the token is logged")
	}
	status := func(authorization string) int {
		r := httptest.NewRequest("GET", "/api/v1/calls", nil)
		r.Header.Set("Authorization", authorization)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		if rec.Code == 401 && rec.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: 401 without a challenge", authorization)
		}
		return rec.Code
	}
	for authorization, want := range map[string]int{
		"Bearer " + created.Token: 200, "bearer " + created.Token: 200, "": 401, "Bearer ": 401, "Bearer x": 401, created.Token: 401,
		"Basic " + created.Token: 401, "Bearer " + strings.Repeat("x", 10_000): 401, "Bearer " + hashToken(created.Token): 401,
	} {
		if got := status(authorization); got != want {
			t.Errorf("%.40q: %d, want %d", authorization, got, want)
		}
	}
	list := ask(t, w, s, "", "GET", "/api/v1/tokens", "")
	if strings.Contains(list.Body.String(), hashToken(created.Token)) {
		t.Error("the hash is shown")
	}
	if rec := ask(t, w, s, "", "DELETE", "/api/v1/tokens/"+created.ID, ""); rec.Code != http.StatusNoContent {
		t.Errorf("revoke: %d", rec.Code)
	}
	if got := status("Bearer " + created.Token); got != 401 {
		t.Errorf("a revoked token: %d", got)
	}
}

// Whatever way a path is written, nothing is told without a token.
func TestNoWayAroundTheToken(t *testing.T) {
	w := newWorld()
	h := w.server(t).Handler()
	for _, path := range []string{"/api/v1/calls", "//api/v1/calls", "/api//v1/calls", "/api/./v1/calls", "/x/../api/v1/calls", "/api/v1/calls/", "/api%2Fv1/calls", "/API/v1/calls"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawPath = path, path
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code < 300 || strings.Contains(rec.Body.String(), string(endedID)) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, rec.Header())
		}
	}
}

func TestTokenOfARemovedUser(t *testing.T) {
	w := newWorld()
	if rec := ask(t, w, w.server(t), "gone", "GET", "/api/v1/calls", ""); rec.Code != 401 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestTokensThatCannotBeChecked(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	w.fail = fmt.Errorf("store is closed")
	if rec := ask(t, w, s, "ana", "GET", "/api/v1/numbers", ""); rec.Code != 503 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestRoleOrder(t *testing.T) {
	for _, tt := range []struct {
		have, need Role
		want       bool
	}{
		{RoleAdmin, RoleSalesperson, true}, {RoleSupervisor, RoleSupervisor, true}, {RoleSalesperson, RoleSupervisor, false},
		{RoleSupervisor, RoleAdmin, false}, {"", RoleSalesperson, false}, {"root", RoleSalesperson, false},
	} {
		if got := tt.have.includes(tt.need); got != tt.want {
			t.Errorf("%q includes %q: %t", tt.have, tt.need, got)
		}
	}
}
