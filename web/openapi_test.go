package web

import (
	"cmp"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

func updateGolden() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite golden files")
	flag.Parse()
	os.Exit(m.Run())
}

type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string           `json:"operationId"`
		Summary     string           `json:"summary"`
		Security    []map[string]any `json:"security"`
	} `json:"paths"`
}

// TestOpenAPI compares the endpoints with testdata/endpoints.txt (-update
// rewrites it) and asks that each says what it is.
func TestOpenAPI(t *testing.T) {
	w := newWorld()
	rec := httptest.NewRecorder()
	w.server(t).Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/api/openapi.json", nil))
	var d description
	if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil || rec.Code != 200 {
		t.Fatalf("%d: %v", rec.Code, err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", d.OpenAPI)
	}
	var lines []string
	seen := map[string]bool{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			lines = append(lines, path+" "+strings.ToUpper(method)+" "+op.OperationID)
			if op.Summary == "" || op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s %s: summary %q, operationId %q", method, path, op.Summary, op.OperationID)
			}
			seen[op.OperationID] = true
			if strings.HasPrefix(path, apiPrefix) != (len(op.Security) > 0) {
				t.Errorf("%s %s: security %v", method, path, op.Security)
			}
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/endpoints.txt"
	if updateGolden() {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("endpoints are\n%swant (%v)\n%s", got, err, want)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Lines") {
		t.Errorf("got %v", err)
	}
	o := newWorld().options(t)
	o.Tokens = nil
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "Tokens") {
		t.Errorf("got %v", err)
	}
}
