package standin

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	burst    = 2 * time.Second // how long requests count as one burst
	patience = 10              // requests over the limit in a row, then the firewall steps in
	blockade = time.Minute     // for how long
)

// gate counts what the token has asked for.
type gate struct {
	tokens   int // left of the day
	spent    int // in all
	since    time.Time
	requests int // since then
	searches int
	refused  int // in a row
	blocked  time.Time
}

// admit lets a request pass that is authorized and within the limits, and
// answers any other.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, cost int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, now := &s.gate, time.Now()
	if now.Before(g.blocked) {
		block(w)
		return false
	}
	if !s.authorized(r) {
		send(w, refuse(http.StatusUnauthorized, "unauthorized access"))
		return false
	}
	fits, reset := s.within(g, now, strings.HasSuffix(r.URL.Path, "/search"))
	solvent := s.options.Tokens == 0 || g.tokens >= cost
	if fits && solvent {
		g.tokens, g.spent, g.refused = g.tokens-cost, g.spent+cost, 0
	}
	s.limits(w, g, reset)
	if fits && solvent {
		return true
	}
	g.refused++
	if g.refused >= patience {
		g.refused, g.blocked = 0, now.Add(blockade)
	}
	send(w, refuse(http.StatusTooManyRequests, "request over limit"))
	return false
}

// authorized reports whether a request carries the token as Pipedrive takes it.
func (s *Server) authorized(r *http.Request) bool {
	token := r.Header.Get("x-api-token")
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.options.Token)) == 1 && token != ""
}

// within counts a request towards the burst and reports whether it fits, and
// when the burst ends.
func (s *Server) within(g *gate, now time.Time, search bool) (bool, time.Duration) {
	if now.Sub(g.since) >= burst {
		g.since, g.requests, g.searches = now, 0, 0
	}
	g.requests++
	if search {
		g.searches++
	}
	fits := (s.options.Burst == 0 || g.requests <= s.options.Burst) &&
		(s.options.Searches == 0 || g.searches <= s.options.Searches)
	return fits, burst - now.Sub(g.since)
}

// limits tells the client where it stands, as Pipedrive's headers do.
func (s *Server) limits(w http.ResponseWriter, g *gate, reset time.Duration) {
	set := func(name string, value int) { w.Header().Set(name, strconv.Itoa(max(value, 0))) }
	if s.options.Burst > 0 {
		set("x-ratelimit-limit", s.options.Burst)
		set("x-ratelimit-remaining", s.options.Burst-g.requests)
		set("x-ratelimit-reset", int((reset+time.Second-1)/time.Second))
	}
	if s.options.Tokens > 0 {
		set("x-daily-ratelimit-token-limit", s.options.Tokens)
		set("x-daily-ratelimit-token-remaining", g.tokens)
	}
}

// block answers as the firewall in front of Pipedrive does.
func block(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>Access denied</title></head><body>You have been blocked.</body></html>"))
}

// Midnight gives the token a new day.
func (s *Server) Midnight() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate.tokens = s.options.Tokens
}

// Spent returns what the requests that were carried out have cost.
func (s *Server) Spent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate.spent
}
