package web

import (
	"context"
	"net/http"
	"time"

	"tandem/call"
)

func (s *Server) plantRoutes() {
	handle(s, route{"listNumbers", http.MethodGet, "/numbers", "List the account's numbers", RoleSalesperson, 0}, s.listNumbers)
	handle(s, route{"listTrunks", http.MethodGet, "/trunks", "List carrier links", RoleSupervisor, 0}, s.listTrunks)
	handle(s, route{"listRegistrations", http.MethodGet, "/registrations", "List registered phones", RoleSupervisor, 0}, s.listRegistrations)
}

func (s *Server) listNumbers(_ context.Context, p *Paging) (*listing[Number], error) {
	numbers := s.plant.Numbers()
	for i := range numbers {
		if numbers[i].Trunks == nil {
			numbers[i].Trunks = []string{}
		}
	}
	return cut(numbers, *p, func(n Number) string { return n.Number }, false), nil
}

func (s *Server) listTrunks(_ context.Context, p *Paging) (*listing[Trunk], error) {
	trunks := s.plant.Trunks()
	for i := range trunks {
		trunks[i].Since = utc(trunks[i].Since)
	}
	return cut(trunks, *p, func(t Trunk) string { return t.Name }, false), nil
}

// Registration is one registered phone.
type Registration struct {
	User         string    `json:"user"`
	Contact      string    `json:"contact" doc:"The phone's SIP address"`
	Transport    string    `json:"transport"`
	Source       string    `json:"source" doc:"Where it registered from"`
	UserAgent    string    `json:"user_agent"`
	RegisteredAt time.Time `json:"registered_at"`
	ExpiresAt    time.Time `json:"expires_at"`
	Suspect      bool      `json:"suspect" doc:"It did not answer when it was called last"`
}

// key orders registrations: by user, then by phone.
func (r Registration) key() string { return r.User + " " + r.Contact }

func (s *Server) listRegistrations(_ context.Context, p *Paging) (*listing[Registration], error) {
	bindings := s.plant.Registrations()
	registrations := make([]Registration, len(bindings))
	for i, b := range bindings {
		registrations[i] = shownBinding(b)
	}
	sortBy(registrations, Registration.key)
	return cut(registrations, *p, Registration.key, false), nil
}

func shownBinding(b call.Binding) Registration {
	return Registration{
		User: b.User, Contact: b.ContactURI, Transport: b.Transport, Source: b.Source.String(), UserAgent: b.UserAgent,
		RegisteredAt: b.Registered.UTC(), ExpiresAt: b.Expires.UTC(), Suspect: b.Suspect,
	}
}
