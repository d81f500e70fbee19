package web

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probeRoutes registers what machines ask: no token, and nothing about people.
func (s *Server) probeRoutes(metrics prometheus.Gatherer) {
	register(s, probe("healthz", "/healthz", "200 when the switch is alive"), s.healthz)
	register(s, probe("readyz", "/readyz", "200 when the switch takes calls, else 503"), s.readyz)
	handler := promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
	op := probe("metrics", "/metrics", "Prometheus metrics")
	op.Responses = map[string]*huma.Response{
		"200": {Description: "Metrics", Content: map[string]*huma.MediaType{"text/plain": {}}},
	}
	op.SkipValidateParams = true // a scraper may add some of its own
	register(s, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			handler.ServeHTTP(w, r)
		}}, nil
	})
	s.mux.HandleFunc("GET /api/openapi.json", s.describe)
}

func probe(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"probes"}}
}

// Health is a probe's answer.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

type healthOutput struct{ Body Health }

func (s *Server) healthz(context.Context, *struct{}) (*healthOutput, error) {
	return &healthOutput{Health{"ok"}}, nil
}

func (s *Server) readyz(context.Context, *struct{}) (*healthOutput, error) {
	if err := s.operator.Ready(); err != nil {
		return nil, huma.Error503ServiceUnavailable("takes no calls: " + err.Error())
	}
	return &healthOutput{Health{"ok"}}, nil
}

// describe answers with the OpenAPI description.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// A peer that is gone needs no description.
	_, _ = w.Write(s.spec)
}
