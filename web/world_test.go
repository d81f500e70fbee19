package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
	"tandem/routing"
)

// world stands for everything behind the API.
type world struct {
	mu        sync.Mutex
	live      map[call.ID]call.Record
	posted    []call.Input
	placed    []call.Origination
	released  []string                    // users given back
	refusals  map[string]call.RefusalKind // by what is dialed
	stored    []call.Record               // newest first
	contacts  []routing.Contact
	tasks     []routing.Task
	users     []routing.UserState
	playbooks []routing.PlaybookState
	tokens    []routing.Token
	wav       []byte
	views     []RecordingView
	accesses  []routing.Access
	removed   []string
	barge     bool // coaches may be heard by contacts
	discreet  bool // salespeople are not shown who coaches them
	ready     error
	reload    error
	backups   []string
	drained   bool
	retried   []call.ID
	fail      error // what the store answers, when set
	bus       *call.Bus
	log       bytes.Buffer
}

const (
	liveID    = call.ID("01JZ0000000000000000000003")
	endedID   = call.ID("01JZ0000000000000000000002")
	evasID    = call.ID("01JZ0000000000000000000001")
	unknownID = call.ID("01JZ0000000000000000000009")
)

func at(minute int) time.Time { return time.Date(2026, 11, 23, 10, minute, 0, 0, time.UTC) }

func newWorld() *world {
	end := at(25)
	w := &world{
		live: map[call.ID]call.Record{},
		users: []routing.UserState{
			{Name: "ana", Display: "Ana García", Role: "salesperson", Status: routing.StatusAvailable, Activity: routing.ActivityOffered, CallID: liveID, Playbooks: []string{"sales-es"}},
			{Name: "boss", Role: "admin", Status: routing.StatusOffline},
			{Name: "eva", Role: "supervisor", Status: routing.StatusAvailable, Activity: routing.ActivityTalking, CallID: evasID},
			{Name: "leo", Role: "salesperson", Status: routing.StatusBreak, Reason: "lunch"},
		},
		playbooks: []routing.PlaybookState{{
			Playbook: routing.Playbook{Name: "sales-es", MainNumber: "+34910000001"}, Opening: routing.Opening{Open: true},
		}},
		contacts: []routing.Contact{
			{ID: "c1", Name: "Luis", Numbers: []string{"+34600000001"}, Owner: "ana", CreatedAt: at(0)},
			{ID: "c2", Name: "Marta", Numbers: []string{"+34600000002"}, CreatedAt: at(0)},
		},
		tasks: []routing.Task{
			{ID: "t1", Kind: routing.TaskMissedCall, State: call.TaskOpen, User: "ana", ContactID: "c1", CreatedAt: at(1)},
			{ID: "t2", Kind: routing.TaskInboundCall, State: call.TaskOpen, User: "leo", ContactID: "c2", CreatedAt: at(1)},
		},
		wav: bytes.Repeat([]byte("0123456789"), 100),
		bus: call.NewBus(at(0)),
	}
	w.live[liveID] = call.Record{
		ID: liveID, Direction: call.Inbound, Mode: call.Manual, State: call.StateRinging, From: "+34600000001",
		To: "+34910000001", ContactID: "c1", User: "ana", Playbook: "sales-es", TaskID: "t1", StartedAt: at(30),
	}
	w.stored = []call.Record{
		{ID: liveID, Direction: call.Inbound, State: call.StateQueued, ContactID: "c1", StartedAt: at(30), Notes: "typed meanwhile"},
		{ID: endedID, Direction: call.Inbound, State: call.StateEnded, Result: call.ResultCompleted, ContactID: "c1", User: "ana",
			StartedAt: at(20), AnsweredAt: &end, EndedAt: &end, Recording: &call.Recording{Seconds: 3, SHA256: "abc"},
			Trail: []call.Mark{{At: at(20), What: "arrived"}}},
		{ID: evasID, Direction: call.Outbound, State: call.StateEnded, Result: call.ResultBusy, User: "eva", StartedAt: at(10), EndedAt: &end},
	}
	return w
}

func (w *world) Active() []call.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []call.Record
	for _, rec := range w.live {
		all = append(all, rec)
	}
	return all
}

func (w *world) Live(id call.ID) (call.Record, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rec, ok := w.live[id]
	return rec, ok
}

func (w *world) Offered(id call.ID, user string) bool {
	u, ok := w.User(user)
	return ok && u.Activity == routing.ActivityOffered && u.CallID == id
}

// Place refuses what the rules of a world name, and places all else.
func (w *world) Place(_ context.Context, in call.Origination) (call.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if kind, refused := w.refusals[cmp.Or(in.Dialed, in.ContactID, in.TaskID)]; refused {
		return call.Record{}, &call.Refusal{Kind: kind, Cause: call.Cause{Code: 403, Text: "refused"}}
	}
	w.placed = append(w.placed, in)
	return call.Record{ID: in.Call, Direction: call.Outbound, State: call.StateDialing, User: in.User, StartedAt: at(40)}, w.fail
}

func (w *world) Directable(_ context.Context, _ call.Record, to string) error {
	if kind, refused := w.refusals[to]; refused {
		return &call.Refusal{Kind: kind, Cause: call.Cause{Text: "refused"}}
	}
	return nil
}

func (w *world) CoachingRules() routing.CoachingRules {
	return routing.CoachingRules{Roles: []string{"supervisor", "admin"}, Barge: w.barge, Notify: !w.discreet}
}

func (w *world) Coach(_ context.Context, _ call.Record, in routing.CoachRequest) (call.Coaching, error) {
	if kind, refused := w.refusals[in.User]; refused {
		return call.Coaching{}, &call.Refusal{Kind: kind, Cause: call.Cause{Text: "refused"}}
	}
	return call.Coaching{User: in.User, Mode: in.Mode, Stays: in.Stays}, nil
}

func (w *world) Reserve(_ context.Context, _ call.ID, user string, _ routing.Reservation) error {
	if user == "leo" {
		return &routing.BusyError{User: user, Why: "on another call"}
	}
	return nil
}

func (w *world) Over(_ call.ID, user string, _ call.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = append(w.released, user)
}

func (w *world) Post(id call.ID, in call.Input) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.live[id]
	if ok {
		w.posted = append(w.posted, in)
	}
	return ok
}

func (w *world) Call(_ context.Context, id call.ID) (call.Record, error) {
	if w.fail != nil {
		return call.Record{}, w.fail
	}
	for _, rec := range w.stored {
		if rec.ID == id {
			return rec, nil
		}
	}
	return call.Record{}, routing.ErrNotFound
}

func (w *world) Calls(_ context.Context, f routing.CallFilter) ([]call.Record, string, error) {
	if w.fail != nil {
		return nil, "", w.fail
	}
	var hits []call.Record
	for _, rec := range w.stored {
		ended := rec.State == call.StateEnded
		if (f.Active == nil || *f.Active == !ended) && (f.User == "" || f.User == rec.User) &&
			(f.Result == "" || f.Result == rec.Result) && (f.Contact == "" || f.Contact == rec.ContactID) &&
			(!f.Recorded || rec.Recording != nil) && (!f.Held || rec.Recording.Hold != nil) &&
			(len(f.Playbooks) == 0 || slices.Contains(f.Playbooks, rec.Playbook)) &&
			(f.Direction == "" || f.Direction == rec.Direction) && !rec.StartedAt.Before(f.From) &&
			(f.Until.IsZero() || rec.StartedAt.Before(f.Until)) && (f.Page.Cursor == "" || string(rec.ID) < f.Page.Cursor) {
			hits = append(hits, rec)
		}
	}
	if len(hits) > f.Page.Limit {
		return hits[:f.Page.Limit], string(hits[f.Page.Limit-1].ID), nil
	}
	return hits, "", nil
}

func (w *world) Note(_ context.Context, id call.ID, notes, disposition *string) (call.Record, error) {
	for i := range w.stored {
		if rec := &w.stored[i]; rec.ID == id {
			if notes != nil {
				rec.Notes = *notes
			}
			if disposition != nil {
				rec.Disposition = *disposition
			}
			return *rec, nil
		}
	}
	return call.Record{}, routing.ErrNotFound
}

func (w *world) Users() []routing.UserState { return slices.Clone(w.users) }

func (w *world) User(name string) (routing.UserState, bool) {
	for _, u := range w.users {
		if u.Name == name {
			return u, true
		}
	}
	return routing.UserState{}, false
}

func (w *world) Queues() []routing.Queue {
	return []routing.Queue{{Playbook: "sales-es", Calls: 2, Oldest: at(29)}}
}

func (w *world) SetStatus(_ context.Context, s routing.UserStatus) error {
	for i := range w.users {
		if w.users[i].Name == s.User {
			w.users[i].Status, w.users[i].Reason, w.users[i].Since = s.Status, s.Reason, s.Since
			return nil
		}
	}
	return routing.ErrNotFound
}

// offices is the world's playbooks.
type offices struct{ *world }

// Playbooks heeds an override from the instant on at which it was given.
func (o offices) Playbooks(at time.Time) []routing.PlaybookState {
	list := slices.Clone(o.world.playbooks)
	if over := list[0].Override; over != nil && !at.Before(over.At) {
		list[0].Open = over.Open
	}
	return list
}

func (o offices) SetOverride(_ context.Context, ov routing.Override) error {
	if ov.Playbook != "sales-es" {
		return routing.ErrNotFound
	}
	ov.At = time.Now()
	o.world.playbooks[0].Override = &ov
	return nil
}

func (o offices) ClearOverride(_ context.Context, name string) error {
	if name != "sales-es" {
		return routing.ErrNotFound
	}
	o.world.playbooks[0].Override = nil
	return nil
}

func (w *world) Numbers() []Number { return []Number{{Number: "+34910000001", Playbook: "sales-es"}} }
func (w *world) Trunks() []Trunk   { return []Trunk{{Name: "carrier", Up: true}} }
func (w *world) Registrations() []call.Binding {
	return []call.Binding{{User: "leo", ContactURI: "sip:leo@10.0.0.2"}, {User: "ana", ContactURI: "sip:ana@10.0.0.1"}}
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func (w *world) OpenRecording(id call.ID, view RecordingView) (Playback, error) {
	if id != endedID {
		return Playback{}, fs.ErrNotExist
	}
	w.views = append(w.views, view)
	return Playback{ReadSeekCloser: closer{bytes.NewReader(w.wav)}, Modified: at(26)}, nil
}

func (w *world) Explain(_ context.Context, number string, at time.Time) (routing.Explanation, error) {
	if number == "abc" {
		return routing.Explanation{}, &routing.InvalidError{Field: "number", Why: "is no phone number"}
	}
	return routing.Explanation{Number: number, At: at, Inbound: []routing.Finding{{What: "assigned", User: "ana", Why: "longest idle"}}}, nil
}

func (w *world) Status() Status               { return Status{Version: "test", Ready: w.ready == nil} }
func (w *world) Ready() error                 { return w.ready }
func (w *world) Reload(context.Context) error { return w.reload }
func (w *world) Drain()                       { w.drained = true }
func (w *world) Backup(_ context.Context, path string) error {
	if strings.HasSuffix(path, "taken") {
		return fs.ErrExist
	}
	w.backups = append(w.backups, path)
	return nil
}

func (w *world) CRMStatus(context.Context) (CRMStatus, error) {
	oldest := at(5)
	return CRMStatus{Provider: "hubspot", State: "budget", Pending: 3, Failed: 1, Oldest: &oldest, Error: "used up"}, w.fail
}

func (w *world) RetryCRM(_ context.Context, ids []call.ID) (int, error) {
	if slices.Contains(ids, unknownID) {
		return 0, routing.ErrNotFound
	}
	w.retried = append(w.retried, ids...)
	return max(len(ids), 1), w.fail
}

func (w *world) options(t testing.TB) Options {
	t.Helper()
	account := routing.Account{Country: "ES"}
	for _, u := range w.users {
		account.Users = append(account.Users, routing.User{Name: u.Name, Role: u.Role})
	}
	directory, err := routing.NewDirectory(account)
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := routing.NewAddressBook(routing.AddressBookOptions{Contacts: book{w}, Directory: directory, Events: w.bus})
	if err != nil {
		t.Fatal(err)
	}
	todo, err := routing.NewTaskList(routing.TaskListOptions{Tasks: desk{w}, Directory: directory, Events: w.bus})
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Lines: w, Transfers: w, Coaching: w, Calls: w, Contacts: book{w}, Book: addresses, Tasks: desk{w}, TaskList: todo, Floor: w, Playbooks: offices{w},
		Plant: w, Recordings: w, Shelf: w, Accesses: w, Explainer: w, Operator: w, CRM: w, Tokens: safe{w}, Bus: w.bus, Metrics: prometheus.NewRegistry(),
		Normalize: directory.Normalize, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Version: "test",
	}
}

func (w *world) server(t testing.TB) *Server {
	t.Helper()
	s, err := New(w.options(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// token makes a token for a user.
func (w *world) token(user string) string {
	secret := newToken()
	w.tokens = append(w.tokens, routing.Token{ID: user, Hash: hashToken(secret), User: user})
	return secret
}

// ask makes a request as a user, or on the socket when the user is empty.
func ask(t testing.TB, w *world, s *Server, user, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	h := s.SocketHandler()
	if user != "" {
		h = s.Handler()
		r.Header.Set("Authorization", "Bearer "+w.token(user))
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// decode reads a JSON answer.
func decode[T any](t testing.TB, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
	}
	return v
}

// ids returns the IDs of a list of calls.
func ids(t testing.TB, rec *httptest.ResponseRecorder) []call.ID {
	t.Helper()
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	list := decode[List[Call]](t, rec)
	got := []call.ID{}
	for _, c := range list.Items {
		got = append(got, c.ID)
	}
	slices.SortFunc(got, func(a, b call.ID) int { return cmp.Compare(b, a) })
	return got
}

func drop(r io.ReadCloser) { _, _ = io.Copy(io.Discard, r); r.Close() }

// userOf is a salesperson of a playbook, with nothing to do.
func userOf(name, playbook string) routing.UserState {
	return routing.UserState{
		Name: name, Role: "salesperson", Status: routing.StatusAvailable, Activity: routing.ActivityIdle, Playbooks: []string{playbook},
	}
}
