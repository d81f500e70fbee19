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

// Playbook is one playbook as it stands.
type Playbook struct {
	Name       string            `json:"name"`
	Users      []string          `json:"users" nullable:"false"`
	MainNumber string            `json:"main_number" doc:"E.164"`
	Open       bool              `json:"open"`
	Why        string            `json:"why" doc:"The rule that says so"`
	Next       *time.Time        `json:"next" doc:"When that changes; null: not soon, or by command alone"`
	Override   *Override         `json:"override" doc:"null: the hours hold"`
	Hours      map[string]string `json:"hours" doc:"Weekday to intervals; null: always open"`
	Waiting    int               `json:"waiting" doc:"Calls for which nobody rings yet"`
	Oldest     *time.Time        `json:"oldest" doc:"When the first of them arrived"`
}

// Override is a playbook opened or closed by command.
type Override struct {
	Open  bool       `json:"open"`
	Until *time.Time `json:"until" doc:"null: until it is cleared"`
	By    string     `json:"by"`
	At    time.Time  `json:"at"`
}

type playbookOutput struct{ Body Playbook }

func (s *Server) listPlaybooks(_ context.Context, p *Paging) (*listing[Playbook], error) {
	playbooks := s.shownPlaybooks(now())
	sortBy(playbooks, playbookName)
	return cut(playbooks, *p, playbookName, false), nil
}

func playbookName(p Playbook) string { return p.Name }

// shownPlaybooks returns all playbooks as they stand at a time.
func (s *Server) shownPlaybooks(at time.Time) []Playbook {
	queues := s.floor.Queues()
	var list []Playbook
	for _, state := range s.playbooks.Playbooks(at) {
		p := shownPlaybook(state)
		for _, q := range queues {
			if q.Playbook == p.Name && q.Calls > 0 {
				p.Waiting, p.Oldest = q.Calls, utc(&q.Oldest)
			}
		}
		list = append(list, p)
	}
	return list
}

func shownPlaybook(state routing.PlaybookState) Playbook {
	p := Playbook{
		Name: state.Name, Users: append([]string{}, state.Users...), MainNumber: state.MainNumber,
		Open: state.Open, Why: state.Why, Next: utc(state.Next), Hours: state.Hours.Week(),
	}
	if o := state.Override; o != nil {
		p.Override = &Override{Open: o.Open, By: o.By, At: o.At.UTC()}
		if !o.Until.IsZero() {
			p.Override.Until = utc(&o.Until)
		}
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
	return s.playbook(in.Name)
}

func (s *Server) clearOverride(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
}) (*playbookOutput, error) {
	if err := s.playbooks.ClearOverride(ctx, in.Name); err != nil {
		return nil, unknownPlaybook(err)
	}
	return s.playbook(in.Name)
}

// playbook returns a playbook as it stands now, after a change.
func (s *Server) playbook(name string) (*playbookOutput, error) {
	for _, p := range s.shownPlaybooks(now()) {
		if p.Name == name {
			return &playbookOutput{p}, nil
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
