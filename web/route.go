package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiConfig describes the API as a whole. Schemas are strict: a field that is
// not described is refused.
func apiConfig(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Tandem",
				Version:     version,
				Description: "The softswitch's API. Times are RFC 3339 in UTC, numbers E.164, errors RFC 9457.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "A token of `tandem token create`"},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{clipEcho},
	}
}

// route is one endpoint of the API.
type route struct {
	id      string // operationId
	method  string
	path    string // below apiPrefix
	summary string
	need    Role
	status  int // on success; 0: 200, or 204 without a body
}

// operation describes the route for OpenAPI, with its check of the role.
func (s *Server) operation(r route) huma.Operation {
	tag, _, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
	return huma.Operation{
		OperationID:   r.id,
		Method:        r.method,
		Path:          apiPrefix + r.path,
		Summary:       r.summary,
		Description:   "Needs the role " + string(r.need) + ".",
		Tags:          []string{tag},
		DefaultStatus: r.status,
		Security:      []map[string][]string{{"token": {}}},
		Middlewares:   huma.Middlewares{mayAsk(s.api, r.need)},
	}
}

// handle registers a route whose handler's errors are mapped by problem.
func handle[I, O any](s *Server, r route, h func(context.Context, *I) (*O, error)) {
	register(s, s.operation(r), h)
}

// register is handle for an operation that says more about itself.
func register[I, O any](s *Server, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// fallback is the mux with problems in place of plain text for paths and
// methods that are not there, and for queries that cannot be read.
func (s *Server) fallback() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkQuery(r.URL.RawQuery); err != nil {
			writeProblem(w, err)
			return
		}
		h, pattern := s.mux.Handler(r)
		if pattern != "" {
			s.mux.ServeHTTP(w, r)
			return
		}
		probe := &statusProbe{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", probe.header.Get("Allow"))
			writeProblem(w, huma.Error405MethodNotAllowed(r.Method+" is not possible here"))
			return
		}
		writeProblem(w, notFound("path"))
	})
}

// checkQuery refuses a query that a lenient parser would read as something
// else: broken escapes, and parameters that are given twice.
func checkQuery(raw string) huma.StatusError {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return huma.Error400BadRequest("the query cannot be read", &huma.ErrorDetail{Location: "query", Message: err.Error()})
	}
	for name, values := range query {
		if len(values) > 1 {
			return huma.Error422UnprocessableEntity("validation failed",
				&huma.ErrorDetail{Location: "query." + name, Message: "is given more than once"})
		}
	}
	return nil
}

// statusProbe takes the mux's own answer apart.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
