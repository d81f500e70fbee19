// Package standin is a Pipedrive of our own, in memory: for the demonstration
// and for tests, without an account and without the internet.
//
// It keeps what it is told, refuses what Pipedrive refuses, counts tokens as
// Pipedrive does, and misbehaves on command. Where Pipedrive overlooks a field
// that it does not know, the stand-in refuses the request: nobody would notice
// the slip otherwise.
package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"tandem/crm/trouble"
)

// Options say whom the stand-in serves and how much it puts up with.
type Options struct {
	Token    string        // the API token that requests have to carry
	Users    []int         // the company's users; the token belongs to the first; default: 1
	Admin    bool          // the token's user may log calls for others
	Tokens   int           // what the day's requests may cost; 0: any number, and no headers about it
	Burst    int           // requests within two seconds; 0: any number
	Searches int           // searches within two seconds; 0: any number
	IndexLag time.Duration // until the search finds a person who was added
}

// Server is the stand-in. Its methods may be called from any goroutine.
type Server struct {
	options Options
	mux     *http.ServeMux

	trouble.Queue

	mu         sync.Mutex // guards all below
	gate       gate
	persons    []Person
	activities []Activity
	types      []ActivityType
	logs       []CallLog
	recordings map[string][]byte // by call log
}

// New returns a stand-in with nobody in it and the activity types of a new
// account.
func New(options Options) *Server {
	if len(options.Users) == 0 {
		options.Users = []int{1}
	}
	s := &Server{
		options:    options,
		mux:        http.NewServeMux(),
		gate:       gate{tokens: options.Tokens},
		recordings: make(map[string][]byte),
		types: []ActivityType{
			{ID: 1, Name: "Call", Key: "call", Icon: "call", Active: true},
			{ID: 2, Name: "Meeting", Key: "meeting", Icon: "meeting", Active: true},
		},
	}
	// The costs are those of Pipedrive's own description.
	for _, v1 := range []string{"/api/v1", "/v1"} {
		s.route("GET "+v1+"/users/me", 2, s.me)
		s.route("GET "+v1+"/activityTypes", 20, s.listTypes)
		s.route("POST "+v1+"/callLogs", 10, s.addCallLog)
		s.route("GET "+v1+"/callLogs", 20, s.listCallLogs)
		s.route("POST "+v1+"/callLogs/{id}/recordings", 10, s.addRecording)
	}
	s.route("GET /api/v2/persons/search", 20, s.searchPersons)
	s.route("POST /api/v2/persons", 5, s.addPerson)
	s.route("GET /api/v2/persons", 10, s.listPersons)
	s.route("POST /api/v2/activities", 5, s.addActivity)
	s.route("GET /api/v2/activities", 10, s.listActivities)
	s.route("PATCH /api/v2/activities/{id}", 5, s.changeActivity)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// reply is an answer of the API: data when it went well, else why not.
type reply struct {
	status int
	data   any
	more   any // additional_data
	fault  string
}

func ok(data any) reply { return reply{status: http.StatusOK, data: data} }

func refuse(status int, why string) reply { return reply{status: status, fault: why} }

// route serves a pattern through the gate, at a cost in tokens.
func (s *Server) route(pattern string, cost int, carryOut func(*http.Request) reply) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		order := s.Receive(r)
		if upset(order, w, r) || !s.admit(w, r, cost) {
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 50<<20))
		if err != nil {
			send(w, refuse(http.StatusBadRequest, err.Error()))
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
			_, _ = w.Write([]byte(`{"success":true,"data":{"id":`))
			return
		}
		send(w, answer)
	})
}

// send writes an answer in the envelope of the API.
func send(w http.ResponseWriter, answer reply) {
	envelope := map[string]any{"success": answer.fault == "", "data": answer.data, "additional_data": answer.more}
	if answer.fault != "" {
		envelope["error"] = answer.fault
		envelope["error_info"] = "Please check developers.pipedrive.com"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(answer.status)
	_ = json.NewEncoder(w).Encode(envelope)
}

// decode reads a request's body: every field known and of its type.
func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func (s *Server) isUser(id int) bool { return slices.Contains(s.options.Users, id) }

func (s *Server) me(*http.Request) reply {
	return ok(map[string]any{"id": s.options.Users[0], "name": "Stand-in", "is_you": true})
}
