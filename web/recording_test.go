package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRecordingRanges(t *testing.T) {
	tests := []struct {
		name, rng, ifRange string
		status             int
		body, contentRange string
	}{
		{"whole", "", "", 200, strings.Repeat("0123456789", 100), ""},
		{"first bytes", "bytes=0-9", "", 206, "0123456789", "bytes 0-9/1000"},
		{"last bytes", "bytes=-3", "", 206, "789", "bytes 997-999/1000"},
		{"from there", "bytes=995-", "", 206, "56789", "bytes 995-999/1000"},
		{"beyond", "bytes=1000-", "", 416, "", "bytes */1000"},
		{"same file", "bytes=0-1", `"abc.."`, 206, "01", "bytes 0-1/1000"},
		{"other file", "bytes=0-1", `"xyz.."`, 200, strings.Repeat("0123456789", 100), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			s := w.server(t)
			r := httptest.NewRequest("GET", "/api/v1/calls/"+string(endedID)+"/recording", nil)
			r.Header.Set("Authorization", "Bearer "+w.token("ana"))
			if tt.rng != "" {
				r.Header.Set("Range", tt.rng)
			}
			if tt.ifRange != "" {
				r.Header.Set("If-Range", tt.ifRange)
			}
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			if rec.Code != tt.status || rec.Header().Get("Content-Range") != tt.contentRange {
				t.Errorf("%d, Content-Range %q", rec.Code, rec.Header().Get("Content-Range"))
			}
			if tt.status == 416 {
				return
			}
			if rec.Body.String() != tt.body || rec.Header().Get("Content-Type") != "audio/wav" {
				t.Errorf("%s: %.40q", rec.Header().Get("Content-Type"), rec.Body)
			}
		})
	}
}

func TestRecordingView(t *testing.T) {
	for query, want := range map[string]RecordingView{
		"":                                  {},
		"?layout=caller-left":               {Layout: "caller-left"},
		"?layout=caller-left&channel=right": {Layout: "caller-left", Channel: "right"},
		"?channel=left":                     {Channel: "left"},
		"?channel=contact":                  {Layout: "contact-left", Channel: "left"},
		"?layout=caller-left&channel=salesperson": {Layout: "contact-left", Channel: "right"},
	} {
		w := newWorld()
		ask(t, w, w.server(t), "", "GET", "/api/v1/calls/"+string(endedID)+"/recording"+query, "")
		if len(w.views) != 1 || w.views[0] != want {
			t.Errorf("%s: views %v", query, w.views)
		}
	}
}

func TestRecordingAccessIsLogged(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	ask(t, w, s, "leo", "GET", "/api/v1/calls/"+string(endedID)+"/recording", "")
	if strings.Contains(w.log.String(), "recording used") {
		t.Error("a refused access is logged as played")
	}
	ask(t, w, s, "eva", "GET", "/api/v1/calls/"+string(endedID)+"/recording", "")
	for _, part := range []string{"recording used", "use=play", "call_id=" + string(endedID), "user=eva"} {
		if !strings.Contains(w.log.String(), part) {
			t.Errorf("no %q in %s", part, &w.log)
		}
	}
}
