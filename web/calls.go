package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) callRoutes() {
	handle(s, route{"listCalls", http.MethodGet, "/calls", "List calls, newest first", RoleSalesperson, 0}, s.listCalls)
	handle(s, route{"getCall", http.MethodGet, "/calls/{id}", "Get a call", RoleSalesperson, 0}, s.getCall)
	handle(s, route{"noteCall", http.MethodPatch, "/calls/{id}", "Write notes and disposition", RoleSalesperson, 0}, s.noteCall)
	handle(s, route{"hangUp", http.MethodDelete, "/calls/{id}", "Hang up", RoleSalesperson, http.StatusNoContent}, s.hangUp)
	handle(s, route{"acceptCall", http.MethodPost, "/calls/{id}/accept", "Accept an offered call: the user's phone lifts by itself",
		RoleSalesperson, http.StatusAccepted}, s.accept)
	handle(s, route{"rejectCall", http.MethodPost, "/calls/{id}/reject", "Reject an offered call", RoleSalesperson, http.StatusAccepted}, s.reject)
	handle(s, route{"explainCall", http.MethodGet, "/calls/{id}/explain", "Explain why a call went as it did", RoleSalesperson, 0}, s.explainCall)
}

// callPath is a call in a path.
type callPath struct {
	ID call.ID `path:"id" doc:"ULID"`
}

// callOutput is one call.
type callOutput struct{ Body Call }

type callQuery struct {
	Active    Optional[bool] `query:"active" doc:"true: live calls, false: ended ones"`
	Result    string         `query:"result" enum:"completed,no_answer,busy,failed,cancelled,office_closed"`
	Direction string         `query:"direction" enum:"inbound,outbound"`
	User      string         `query:"user" maxLength:"64"`
	Contact   string         `query:"contact" maxLength:"64" doc:"The contact's id"`
	From      time.Time      `query:"from" doc:"Began at this time or later"`
	Until     time.Time      `query:"until" doc:"Began before this time"`
	Paging
}

// filter is the query for the store.
func (q *callQuery) filter() (routing.CallFilter, error) {
	if !q.From.IsZero() && !q.Until.IsZero() && q.Until.Before(q.From) {
		return routing.CallFilter{}, refuse("query.until", "is before query.from", q.Until)
	}
	return routing.CallFilter{
		Active: q.Active.pointer(), Result: call.Result(q.Result), Direction: call.Direction(q.Direction),
		User: q.User, Contact: q.Contact, From: q.From, Until: q.Until, Page: q.page(),
	}, nil
}

func (s *Server) listCalls(ctx context.Context, q *callQuery) (*listing[Call], error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	if q.Active.Set && q.Active.Value {
		return s.liveCalls(ctx, f, q.Paging)
	}
	if c := callerOf(ctx); !c.all() {
		if f.User != "" && f.User != c.User {
			return listed[Call](nil, ""), nil
		}
		f.User = c.User
	}
	items, next, err := s.calls.Calls(ctx, f)
	if err != nil {
		return nil, err
	}
	calls := make([]Call, 0, len(items))
	for _, rec := range items {
		if live, ok := s.lines.Live(rec.ID); ok {
			rec = latest(live, rec)
		}
		calls = append(calls, s.shown(ctx, rec))
	}
	return listed(calls, next), nil
}

// liveCalls lists the exchange's calls; what the store says of them may be older.
func (s *Server) liveCalls(ctx context.Context, f routing.CallFilter, p Paging) (*listing[Call], error) {
	c := callerOf(ctx)
	live := slices.DeleteFunc(s.lines.Active(), func(rec call.Record) bool {
		return !matches(f, rec) || !s.seesCall(c, rec)
	})
	if f.Contact != "" {
		live = s.withContact(ctx, live, f.Contact)
	}
	slices.SortFunc(live, func(a, b call.Record) int { return cmp.Compare(b.ID, a.ID) })
	page := cut(live, p, func(rec call.Record) string { return string(rec.ID) }, true).Body
	calls := make([]Call, 0, len(page.Items))
	for _, rec := range page.Items {
		// A call that the store does not have yet has no annotations either.
		if stored, err := s.calls.Call(ctx, rec.ID); err == nil {
			rec = latest(rec, stored)
		}
		if rec.Result == call.ResultNone {
			calls = append(calls, s.shown(ctx, rec))
		}
	}
	return listed(calls, page.Next), nil
}

// withContact returns the calls with a contact. Contacts may have been merged
// since a call began, and the store knows into which.
func (s *Server) withContact(ctx context.Context, live []call.Record, id string) []call.Record {
	if c, err := s.contacts.Contact(ctx, id); err == nil {
		id = c.ID
	}
	return slices.DeleteFunc(live, func(rec call.Record) bool {
		if stored, err := s.calls.Call(ctx, rec.ID); err == nil {
			rec = latest(rec, stored)
		}
		return rec.ContactID != id
	})
}

// matches reports whether a live call is one that the filter selects, but for
// the contact.
func matches(f routing.CallFilter, rec call.Record) bool {
	return rec.State != call.StateEnded &&
		(f.Result == "" || f.Result == rec.Result) &&
		(f.Direction == "" || f.Direction == rec.Direction) &&
		(f.User == "" || f.User == rec.User) &&
		!rec.StartedAt.Before(f.From) &&
		(f.Until.IsZero() || rec.StartedAt.Before(f.Until))
}

func (s *Server) getCall(ctx context.Context, in *callPath) (*callOutput, error) {
	rec, err := s.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &callOutput{s.shown(ctx, rec)}, nil
}

type noteInput struct {
	ID   call.ID `path:"id" doc:"ULID"`
	Body struct {
		Notes       *string `json:"notes,omitempty" maxLength:"10000"`
		Disposition *string `json:"disposition,omitempty" maxLength:"100"`
	}
}

func (s *Server) noteCall(ctx context.Context, in *noteInput) (*callOutput, error) {
	rec, err := s.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	stored, err := s.calls.Note(ctx, in.ID, in.Body.Notes, in.Body.Disposition)
	if err != nil {
		return nil, err
	}
	return &callOutput{s.shown(ctx, latest(rec, stored))}, nil
}

// CallExplanation is a call with every step on its way.
type CallExplanation struct {
	Call  Call        `json:"call"`
	Trail []call.Mark `json:"trail" nullable:"false" doc:"Who was offered the call, who not and why, which rule chose the number"`
}

type callExplanationOutput struct{ Body CallExplanation }

func (s *Server) explainCall(ctx context.Context, in *callPath) (*callExplanationOutput, error) {
	rec, err := s.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	trail := []call.Mark{}
	for _, k := range rec.Trail {
		if s.seesCoaches(callerOf(ctx)) || !strings.HasPrefix(k.What, "coach_") {
			trail = append(trail, k)
		}
	}
	return &callExplanationOutput{CallExplanation{Call: s.shown(ctx, rec), Trail: trail}}, nil
}
