package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"tandem/call"
)

func TestCRM(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	rec := ask(t, w, s, "eva", "GET", "/api/v1/crm", "")
	got := decode[CRMStatus](t, rec)
	if rec.Code != http.StatusOK || got.Provider != "hubspot" || got.State != "budget" || got.Pending != 3 || !got.Oldest.Equal(at(5)) {
		t.Errorf("%d: %s", rec.Code, rec.Body)
	}
	if !strings.Contains(rec.Body.String(), `"failures":[]`) || !strings.Contains(rec.Body.String(), `"until":null`) {
		t.Errorf("%s", rec.Body)
	}
	for _, test := range []struct {
		user, body string
		code       int
	}{
		{"boss", `{"calls":["` + string(endedID) + `"]}`, 200},
		{"boss", `{"all":true}`, 200},
		{"", `{"all":true}`, 200},
		{"eva", `{"all":true}`, 403},
		{"ana", `{"all":true}`, 403},
		{"boss", `{}`, 200},
		{"boss", "", 200},
		{"boss", `{"all":true,"calls":["` + string(endedID) + `"]}`, 422},
		{"boss", `{"calls":["x"]}`, 404},
		{"boss", `{"calls":["` + string(unknownID) + `"]}`, 404},
		{"boss", `{"everything":true}`, 422},
	} {
		rec := ask(t, w, s, test.user, "POST", "/api/v1/crm/retry", test.body)
		if rec.Code != test.code {
			t.Errorf("%s %s: %d %s", test.user, test.body, rec.Code, rec.Body)
		}
		if rec.Code == 200 && decode[CRMRetry](t, rec).Calls != 1 {
			t.Errorf("%s", rec.Body)
		}
	}
	if !slices.Equal(w.retried, []call.ID{endedID}) {
		t.Errorf("retried %v", w.retried)
	}
	if rec := ask(t, w, s, "ana", "GET", "/api/v1/crm", ""); rec.Code != http.StatusForbidden {
		t.Errorf("a salesperson: %d", rec.Code)
	}
}
