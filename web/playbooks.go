package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tandem/routing"
)

func (s *Server) playbookRoutes() {
	handle(s, route{"listPlaybooks", http.MethodGet, "/playbooks", "List playbooks and whether they are open", RoleSalesperson, 0}, s.listPlaybooks)
	handle(s, route{"overrideHours", http.MethodPost, "/playbooks/{name}/override", "Open or close a playbook against its hours",
		RoleSupervisor, 0}, s.setOverride)
	handle(s, route{"clearOverride", http.MethodDelete, "/playbooks/{name}/override", "Return a playbook to its hours",
		RoleSupervisor, 0}, s.clearOverride)
}

type playbookOutput struct{ Body Playbook }

func (s *Server) listPlaybooks(_ context.Context, p *Paging) (*listing[Playbook], error) {
	playbooks := s.playbooks.Playbooks(now())
	for i := range playbooks {
		playbooks[i] = shownPlaybook(playbooks[i])
	}
	return cut(playbooks, *p, func(p Playbook) string { return p.Name }, false), nil
}

func shownPlaybook(p Playbook) Playbook {
	if p.Users == nil {
		p.Users = []string{}
	}
	return p
}

func (s *Server) setOverride(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Body struct {
		Open  bool       `json:"open"`
		Until *time.Time `json:"until,omitempty" doc:"Absent: until it is cleared"`
	}
}) (*playbookOutput, error) {
	at := now()
	o := routing.Override{Playbook: in.Name, Open: in.Body.Open, By: callerOf(ctx).name(), At: at}
	if until := in.Body.Until; until != nil {
		if !until.After(at) {
			return nil, refuse("body.until", "is in the past", until.Format(time.RFC3339))
		}
		o.Until = until.UTC()
	}
	if err := s.playbooks.SetOverride(ctx, o); err != nil {
		return nil, unknownPlaybook(err)
	}
	return s.playbook(in.Name, at)
}

func (s *Server) clearOverride(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
}) (*playbookOutput, error) {
	if err := s.playbooks.ClearOverride(ctx, in.Name); err != nil {
		return nil, unknownPlaybook(err)
	}
	return s.playbook(in.Name, now())
}

func (s *Server) playbook(name string, at time.Time) (*playbookOutput, error) {
	for _, p := range s.playbooks.Playbooks(at) {
		if p.Name == name {
			return &playbookOutput{shownPlaybook(p)}, nil
		}
	}
	return nil, notFound("playbook")
}

func unknownPlaybook(err error) error {
	if errors.Is(err, routing.ErrNotFound) {
		return notFound("playbook")
	}
	return err
}
