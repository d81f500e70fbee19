package standin

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gate counts what the token has asked for.
type gate struct {
	recent   []time.Time // requests of the last ten seconds
	searches []time.Time // of the last second
	today    int
}

// admit lets a request pass that is authorized and within the limits, and
// answers any other.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, scope string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.authorized(r) {
		send(w, problem(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found.", nil))
		return false
	}
	if policy := s.gate.count(s.options, strings.HasSuffix(r.URL.Path, "/search"), time.Now()); policy != "" {
		send(w, tooMany(policy))
		return false
	}
	if s.options.Scopes != nil && scope != "" && !slices.Contains(s.options.Scopes, scope) {
		send(w, problem(http.StatusForbidden, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call.",
			map[string][]string{"requiredGranularScopes": {scope}}))
		return false
	}
	// HubSpot's answers to searches do not say where the limits are.
	if s.options.PerTenSeconds > 0 && !strings.HasSuffix(r.URL.Path, "/search") {
		w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
		w.Header().Set("X-HubSpot-RateLimit-Max", strconv.Itoa(s.options.PerTenSeconds))
		w.Header().Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(s.options.PerTenSeconds-len(s.gate.recent)))
	}
	return true
}

// authorized reports whether a request carries the token.
func (s *Server) authorized(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.options.Token)) == 1 || time.Now().Before(s.issued[token])
}

// count counts a request and returns the limit that it is over, if any.
func (g *gate) count(o Options, search bool, now time.Time) string {
	before := func(age time.Duration) func(time.Time) bool {
		return func(at time.Time) bool { return now.Sub(at) >= age }
	}
	g.recent = slices.DeleteFunc(g.recent, before(10*time.Second))
	g.searches = slices.DeleteFunc(g.searches, before(time.Second))
	switch {
	case o.PerDay > 0 && g.today >= o.PerDay:
		return "DAILY"
	case o.PerTenSeconds > 0 && len(g.recent) >= o.PerTenSeconds:
		return "TEN_SECONDLY_ROLLING"
	case search && o.Searches > 0 && len(g.searches) >= o.Searches:
		return "SECONDLY"
	}
	g.today++
	g.recent = append(g.recent, now)
	if search {
		g.searches = append(g.searches, now)
	}
	return ""
}

// Midnight gives the token a new day.
func (s *Server) Midnight() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate.today = 0
}

// problem is a failure in HubSpot's envelope.
func problem(status int, category, message string, context map[string][]string) reply {
	body := map[string]any{
		"status": "error", "category": category, "message": message,
		"correlationId": "7f9a2c50-0000-4000-8000-000000000000",
	}
	if context != nil {
		body["errors"] = []any{map[string]any{"message": message, "context": context}}
	}
	return reply{status, body}
}

// tooMany is a 429, whose envelope differs from all others.
func tooMany(policy string) reply {
	return reply{http.StatusTooManyRequests, map[string]string{
		"status": "error", "errorType": "RATE_LIMIT", "policyName": policy,
		"message":       fmt.Sprintf("You have reached your %s limit.", strings.ToLower(policy)),
		"correlationId": "7f9a2c50-0000-4000-8000-000000000000",
	}}
}

func invalid(message string) reply {
	return problem(http.StatusBadRequest, "VALIDATION_ERROR", message, nil)
}

func notFound(message string) reply {
	return problem(http.StatusNotFound, "OBJECT_NOT_FOUND", message, nil)
}
