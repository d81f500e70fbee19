// Package standin is a HubSpot of our own, in memory: for the demonstration and
// for tests, without an account and without the internet.
//
// It keeps what it is told, refuses what HubSpot refuses in HubSpot's words,
// keeps the limits, finds new records no sooner than it was told, and misbehaves
// on command.
package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"tandem/crm/trouble"
)

// Options say whom the stand-in serves and how much it puts up with.
type Options struct {
	Token         string        // that requests have to carry
	App           App           // that may ask for tokens of its own
	Scopes        []string      // what the token may do; nil: everything
	Owners        []string      // IDs of those whom records may belong to
	PerTenSeconds int           // requests; 0: any number
	PerDay        int           // requests; 0: any number
	Searches      int           // a second; 0: any number
	IndexLag      time.Duration // until a search finds what was written
	// NoUnique refuses properties with unique values for these types of records.
	NoUnique []string
}

// Server is the stand-in. Its methods may be called from any goroutine.
type Server struct {
	options Options
	mux     *http.ServeMux

	trouble.Queue

	mu       sync.Mutex // guards all below
	gate     gate
	serial   int // of the last ID
	kinds    map[string]*kind
	outcomes []Outcome
	issued   map[string]time.Time // access tokens of the app, and until when
}

// Outcome is what the account calls the end of a call.
type Outcome struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Deleted bool   `json:"deleted"`
}

// New returns a stand-in with nobody in it, and with the properties and the
// outcomes of a new account.
func New(options Options) *Server {
	s := &Server{
		options:  options,
		mux:      http.NewServeMux(),
		serial:   100,
		kinds:    map[string]*kind{"contacts": contactKind(), "calls": callKind()},
		outcomes: newOutcomes(),
		issued:   make(map[string]time.Time),
	}
	const objects, properties = "/crm/objects/2026-03/", "/crm/v3/properties/"
	s.route("POST "+objects+"{kind}", "crm.objects.contacts.write", s.create)
	s.route("PATCH "+objects+"{kind}/{id}", "crm.objects.contacts.write", s.change)
	s.route("POST "+objects+"{kind}/batch/upsert", "crm.objects.contacts.write", s.upsert)
	s.route("POST "+objects+"{kind}/search", "crm.objects.contacts.read", s.search)
	s.route("PUT "+objects+"{kind}/{id}/associations/default/{other}/{otherID}", "crm.objects.contacts.write", s.associate)
	s.route("GET "+properties+"{kind}/groups", "crm.schemas.contacts.read", s.listGroups)
	s.route("GET "+properties+"{kind}/{name}", "crm.schemas.contacts.read", s.showProperty)
	s.route("POST "+properties+"{kind}", "crm.schemas.contacts.write", s.addProperty)
	s.route("GET /calling/v1/dispositions", "crm.objects.contacts.read", s.listOutcomes)
	s.mux.HandleFunc("POST /oauth/2026-03/token", s.issue)
	s.route("/", "", func(*http.Request) reply { return notFound("resource not found") })
	return s
}

func newOutcomes() []Outcome {
	return []Outcome{
		{ID: "9d9162e7-6cf3-4944-bf63-4dff82258764", Label: "Busy"},
		{ID: "f240bbac-87c9-4f6e-bf70-924b57d47db7", Label: "Connected"},
		{ID: "a4c4c377-d246-4b32-a13b-75a56a4cd0ff", Label: "Left live message"},
		{ID: "b2cf5968-551e-4856-9783-52b3da59a7d0", Label: "Left voicemail"},
		{ID: "73a0d17f-1163-4015-bdd5-ec830791da20", Label: "No answer"},
		{ID: "17b47fee-58de-441e-a44c-c6300d46f273", Label: "Wrong number"},
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// reply is an answer of the API.
type reply struct {
	status int
	body   any
}

// route serves a pattern to tokens with the scope.
func (s *Server) route(pattern, scope string, carryOut func(*http.Request) reply) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		order := s.Receive(r)
		if upset(order, w, r) || !s.admit(w, r, scope) {
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 5<<20))
		if err != nil {
			send(w, invalid(err.Error()))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		answer := carryOut(r)
		s.mu.Unlock()
		if order.Trouble == CutAfter {
			panic(http.ErrAbortHandler)
		}
		if order.Trouble == JunkAfter {
			_, _ = w.Write([]byte(`{"id":"1`))
			return
		}
		send(w, answer)
	})
}

func send(w http.ResponseWriter, answer reply) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(answer.status)
	_ = json.NewEncoder(w).Encode(answer.body)
}

// nextID returns the ID of a new record.
func (s *Server) nextID() string {
	s.serial++
	return strconv.Itoa(s.serial)
}

// Outcomes returns what the account may call the end of a call.
func (s *Server) Outcomes() []Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outcomes)
}

// AddOutcome gives the account an outcome of its own.
func (s *Server) AddOutcome(o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = append(s.outcomes, o)
}

// RemoveOutcome deletes one of the account's outcomes.
func (s *Server) RemoveOutcome(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.outcomes {
		if s.outcomes[i].ID == id {
			s.outcomes[i].Deleted = true
		}
	}
}

func (s *Server) listOutcomes(*http.Request) reply {
	return reply{http.StatusOK, s.outcomes}
}
