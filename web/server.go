package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
	"tandem/routing"
)

// apiPrefix is where the API begins.
const apiPrefix = "/api/v1"

// Options is what a Server is made of. All of it is needed but PublicURL.
type Options struct {
	Lines      Lines
	Transfers  Transfers
	Coaching   Coaching
	Calls      Calls
	Contacts   Contacts
	Book       Book
	Tasks      Tasks
	TaskList   TaskList
	Floor      Floor
	Playbooks  Playbooks
	Plant      Plant
	Recordings Recordings
	Shelf      routing.Shelf
	Accesses   routing.AccessLog
	Explainer  Explainer
	Operator   Operator
	CRM        CRM
	Tokens     routing.Tokens
	Bus        *call.Bus // whose events go out
	Metrics    prometheus.Gatherer
	// Normalize makes E.164 of a number as people write it; false: it is none.
	Normalize func(raw string) (e164 string, ok bool)
	Log       *slog.Logger
	Version   string
	PublicURL string // in front of the paths in answers, e.g. https://pbx.example
}

// check names the first option that is missing.
func (o Options) check() error {
	given := []struct {
		name string
		ok   bool
	}{
		{"Lines", o.Lines != nil}, {"Transfers", o.Transfers != nil}, {"Coaching", o.Coaching != nil}, {"Calls", o.Calls != nil}, {"Contacts", o.Contacts != nil}, {"Book", o.Book != nil},
		{"Tasks", o.Tasks != nil}, {"TaskList", o.TaskList != nil},
		{"Floor", o.Floor != nil}, {"Playbooks", o.Playbooks != nil}, {"Plant", o.Plant != nil},
		{"Recordings", o.Recordings != nil}, {"Shelf", o.Shelf != nil}, {"Accesses", o.Accesses != nil},
		{"Explainer", o.Explainer != nil}, {"Operator", o.Operator != nil}, {"CRM", o.CRM != nil},
		{"Tokens", o.Tokens != nil}, {"Bus", o.Bus != nil}, {"Metrics", o.Metrics != nil},
		{"Normalize", o.Normalize != nil}, {"Log", o.Log != nil}, {"Version", o.Version != ""},
	}
	for _, g := range given {
		if !g.ok {
			return fmt.Errorf("web: option %s is missing", g.name)
		}
	}
	return nil
}

// Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	lines      Lines
	transfers  Transfers
	coaching   Coaching
	calls      Calls
	contacts   Contacts
	book       Book
	tasks      Tasks
	taskList   TaskList
	floor      Floor
	playbooks  Playbooks
	plant      Plant
	recordings Recordings
	shelf      routing.Shelf
	accesses   routing.AccessLog
	explainer  Explainer
	operator   Operator
	crm        CRM
	tokens     routing.Tokens
	bus        *call.Bus
	normalize  func(raw string) (e164 string, ok bool)
	log        *slog.Logger
	publicURL  string

	api     huma.API
	mux     *http.ServeMux
	spec    []byte        // the OpenAPI description
	streams chan struct{} // holds one token per open event stream
	closing chan struct{} // closed when the server goes down: streams end
}

// New returns a server with all its routes.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		lines: o.Lines, transfers: o.Transfers, coaching: o.Coaching, calls: o.Calls, contacts: o.Contacts, book: o.Book, tasks: o.Tasks, taskList: o.TaskList, floor: o.Floor, playbooks: o.Playbooks,
		plant: o.Plant, recordings: o.Recordings, shelf: o.Shelf, accesses: o.Accesses, explainer: o.Explainer, operator: o.Operator, crm: o.CRM, tokens: o.Tokens,
		bus: o.Bus, normalize: o.Normalize, log: o.Log, publicURL: o.PublicURL,
		mux:     http.NewServeMux(),
		streams: make(chan struct{}, maxStreams),
		closing: make(chan struct{}),
	}
	s.api = humago.New(s.mux, apiConfig(o.Version))
	s.routes(o.Metrics)
	spec, err := s.api.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("web: describe the API: %w", err)
	}
	s.spec = spec
	return s, nil
}

// routes registers every endpoint.
func (s *Server) routes(metrics prometheus.Gatherer) {
	s.callRoutes()
	s.dialRoutes()
	s.coachRoutes()
	s.recordingRoutes()
	s.contactRoutes()
	s.taskRoutes()
	s.userRoutes()
	s.playbookRoutes()
	s.plantRoutes()
	s.explainRoutes()
	s.eventRoutes()
	s.tokenRoutes()
	s.crmRoutes()
	s.operatorRoutes()
	s.probeRoutes(metrics)
}

// Handler serves requests that need a token.
func (s *Server) Handler() http.Handler { return s.guard(s.authenticate(s.fallback())) }

// SocketHandler serves requests of administrators on the switch's own machine.
func (s *Server) SocketHandler() http.Handler { return s.guard(trust(s.fallback())) }

// guard keeps answers out of caches, since they are about people, and answers
// for a handler that panics, so that the log has the request and the caller an
// answer.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(fault) // net/http's own way to cut a connection
			}
			s.log.ErrorContext(r.Context(), "request crashed", "method", r.Method, "path", r.URL.Path, "error", fault)
			writeProblem(w, huma.Error500InternalServerError("the switch could not do this; its log says why"))
		}()
		next.ServeHTTP(w, r)
	})
}

// now is the time that goes into what people change.
func now() time.Time { return time.Now().UTC() }
