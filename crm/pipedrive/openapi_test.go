package pipedrive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// descriptions are Pipedrive's own, beside the repository.
const descriptions = "../../../shared/crm-openapi/"

// described returns a router for each version of the API that Pipedrive
// describes.
var described = sync.OnceValues(func() (map[string]routers.Router, error) {
	versions := make(map[string]routers.Router)
	for prefix, file := range map[string]string{"/api/v1/": "pipedrive-v1.json", "/api/v2/": "pipedrive-v2.json"} {
		text, err := os.ReadFile(descriptions + file)
		if err != nil {
			return nil, err
		}
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			return nil, err
		}
		doc.Servers = openapi3.Servers{{URL: "https://described" + strings.TrimSuffix(prefix, "/")}}
		router, err := gorillamux.NewRouter(doc)
		if err != nil {
			return nil, err
		}
		versions[prefix] = router
	}
	return versions, nil
})

// checkAgainstDescription fails the test when a request is not what Pipedrive
// describes. Where the descriptions are absent it does nothing: TestDescribed
// says so.
func checkAgainstDescription(t *testing.T, r *http.Request, body []byte) {
	versions, err := described()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Errorf("Pipedrive's description: %v", err)
		return
	}
	path := r.URL.Path
	if strings.HasPrefix(path, "/v1/") {
		path = "/api" + path
	}
	for prefix, router := range versions {
		if strings.HasPrefix(path, prefix) {
			if err := matches(router, r, path, body); err != nil {
				t.Errorf("%s %s %s: %v", r.Method, path, body, err)
			}
			return
		}
	}
	t.Errorf("%s %s is in no version of the API", r.Method, path)
}

// matches compares a request with a description.
func matches(router routers.Router, r *http.Request, path string, body []byte) error {
	asked := r.Clone(context.Background())
	asked.URL = &url.URL{Scheme: "https", Host: "described", Path: path, RawQuery: r.URL.RawQuery}
	asked.Host = "described"
	asked.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := router.FindRoute(asked)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: carriesToken},
	})
}

// carriesToken reports whether a request authorizes itself as described.
func carriesToken(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if scheme := in.SecurityScheme; scheme.Type == "apiKey" && in.RequestValidationInput.Request.Header.Get(scheme.Name) != "" {
		return nil
	}
	return errors.New("not authorized")
}

// TestDescribed shows that the check can fail, and says where it cannot be made.
func TestDescribed(t *testing.T) {
	versions, err := described()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("requests are not compared with Pipedrive's description: it is not at " + descriptions)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, path, body string
		fine               bool
	}{
		"an activity":         {"POST", "/api/v2/activities", `{"subject":"s","done":true,"duration":"00:02"}`, true},
		"done as a number":    {"POST", "/api/v2/activities", `{"subject":"s","done":1}`, false},
		"an integer duration": {"POST", "/api/v1/callLogs", callLogWith(`"duration":61`), false},
		"a text for duration": {"POST", "/api/v1/callLogs", callLogWith(`"duration":"61"`), true},
		"an outcome of ours":  {"POST", "/api/v1/callLogs", callLogWith(`"outcome":"failed"`), false},
		"a spaced time":       {"POST", "/api/v1/callLogs", callLogWith(`"end_time":"2026-11-22 10:00:00"`), false},
		"a search for what":   {"GET", "/api/v2/persons/search", "", false},
		"an unknown order":    {"GET", "/api/v2/activities?sort_by=subject", "", false},
		"a deletion of types": {"DELETE", "/api/v1/activityTypes", "", false},
	} {
		r, err := http.NewRequest(test.method, "https://described"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("x-api-token", secret)
		r.Header.Set("Content-Type", "application/json")
		prefix := r.URL.Path[:len("/api/v1/")]
		if err := matches(versions[prefix], r, r.URL.Path, []byte(test.body)); (err == nil) != test.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// callLogWith is a good call log with one member in another way.
func callLogWith(member string) string {
	key, _, _ := strings.Cut(member, ":")
	members := []string{member}
	for _, good := range []string{
		`"to_phone_number":"+1"`, `"outcome":"busy"`, `"start_time":"2026-11-22T10:00:00Z"`, `"end_time":"2026-11-22T10:00:00Z"`,
	} {
		if !strings.HasPrefix(good, key) {
			members = append(members, good)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}
