package hubspot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

// openAPIDir names the folder with HubSpot's own descriptions of its API
// (hubspot-*.json). Without it a folder beside the repository's is tried.
const (
	openAPIDir    = "TANDEM_CRM_OPENAPI_DIR"
	openAPIBeside = "../../../shared/crm-openapi"
)

// descriptions are HubSpot's of what we use.
func descriptions(t *testing.T) []routers.Router {
	t.Helper()
	dir := os.Getenv(openAPIDir)
	if dir == "" {
		dir = openAPIBeside
	}
	var all []routers.Router
	for _, name := range []string{"calls-" + version, "contacts-" + version, "properties-v3", "oauth-" + version} {
		path := filepath.Join(dir, "hubspot-"+name+".json")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			t.Skipf("HubSpot's description of its API is not there (%s names the folder): %v", openAPIDir, err)
		}
		description, err := openapi3.NewLoader().LoadFromFile(path)
		if err != nil {
			t.Fatal(err)
		}
		router, err := gorillamux.NewRouter(description)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, router)
	}
	return all
}

// inspector lets only those requests pass that HubSpot's description allows.
type inspector struct {
	http.RoundTripper
	t            *testing.T
	descriptions []routers.Router

	mu   sync.Mutex
	seen map[string]int // requests by method and described path
}

func (i *inspector) RoundTrip(r *http.Request) (*http.Response, error) {
	described, err := i.inspect(r)
	if err != nil {
		i.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	path := "undescribed"
	if described != nil {
		path = described.Route.Path
	}
	i.mu.Lock()
	i.seen[r.Method+" "+path]++
	i.mu.Unlock()
	answer, err := i.RoundTripper.RoundTrip(r)
	if err == nil && described != nil {
		i.inspectAnswer(described, answer)
	}
	return answer, err
}

// inspectAnswer holds the stand-in's answer against the description.
func (i *inspector) inspectAnswer(described *openapi3filter.RequestValidationInput, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		i.t.Error(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: described, Status: answer.StatusCode, Header: answer.Header, Options: described.Options,
	}
	if err := openapi3filter.ValidateResponse(i.t.Context(), input.SetBodyBytes(body)); err != nil {
		i.t.Errorf("the stand-in answers %s: %v", body, err)
	}
}

// inspect returns the description of a request; nil for the two that HubSpot
// describes in words only.
func (i *inspector) inspect(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	if r.URL.Path == outcomesPath || strings.Contains(r.URL.Path, "/associations/default/") {
		return nil, nil
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	defer func() { r.Body = io.NopCloser(bytes.NewReader(body)) }()
	for _, router := range i.descriptions {
		r.Body = io.NopCloser(bytes.NewReader(body))
		route, parameters, err := router.FindRoute(r)
		if err != nil {
			continue
		}
		described := &openapi3filter.RequestValidationInput{
			Request: r, PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		}
		return described, openapi3filter.ValidateRequest(r.Context(), described)
	}
	return nil, errors.New("HubSpot does not describe this")
}

// TestContract holds every request of every step against HubSpot's own
// description of its API.
func TestContract(t *testing.T) {
	inspector := &inspector{t: t, descriptions: descriptions(t), seen: make(map[string]int)}
	for _, scopes := range [][]string{nil, unmarked()} {
		for name, activity := range states() {
			t.Run(fmt.Sprintf("%s %v", name, scopes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := open(t, standin.Options{Scopes: scopes})
					inspector.RoundTripper = a.way
					a.way = inspector
					for range 2 {
						a.restart(t, Options{Country: "US"})
						refs, err := a.carryOut(t.Context(), activity)
						if err != nil {
							t.Fatal(err)
						}
						activity.Recording = "https://tandem.example.com/r"
						if err := a.persist(t.Context(), crm.StepRecording, activity, &refs); err != nil {
							t.Fatal(err)
						}
					}
				})
			})
		}
	}
	for _, wanted := range []string{
		"POST /crm/objects/2026-03/contacts", "POST /crm/objects/2026-03/contacts/search", "POST /crm/objects/2026-03/contacts/batch/upsert",
		"POST /crm/objects/2026-03/calls", "POST /crm/objects/2026-03/calls/search", "POST /crm/objects/2026-03/calls/batch/upsert",
		"PATCH /crm/objects/2026-03/calls/{callId}", "POST /crm/v3/properties/{objectType}", "GET /crm/v3/properties/{objectType}/groups",
		"GET /crm/v3/properties/{objectType}/{propertyName}", "PUT undescribed", "GET undescribed",
	} {
		if inspector.seen[wanted] == 0 {
			t.Errorf("%s was never sent", wanted)
		}
	}
}

// TestContractHolds shows that the description refuses what HubSpot refuses.
func TestContractHolds(t *testing.T) {
	i := &inspector{t: t, descriptions: descriptions(t)}
	for name, c := range map[string]struct{ method, path, body string }{
		"number":          {"POST", "/crm/objects/2026-03/calls", `{"properties":{"hs_call_duration":61000},"associations":[]}`},
		"no associations": {"POST", "/crm/objects/2026-03/calls", `{"properties":{}}`},
		"no after":        {"POST", "/crm/objects/2026-03/contacts/search", `{"filterGroups":[],"properties":[],"sorts":[],"limit":1}`},
		"no inputs":       {"POST", "/crm/objects/2026-03/calls/batch/upsert", `{}`},
		"field type":      {"POST", "/crm/v3/properties/calls", `{"groupName":"call","name":"x","label":"x","type":"string","fieldType":"words"}`},
		"no such path":    {"POST", "/crm/objects/2026-03/calls/upsert", `{}`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, standardBase+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if _, err := i.inspect(request); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
