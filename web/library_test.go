package web

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

func (w *world) Peaks(id call.ID, layout string) (Peaks, error) {
	if id == liveID {
		return Peaks{}, routing.ErrConflict
	}
	if id != endedID {
		return Peaks{}, fs.ErrNotExist
	}
	p := Peaks{SampleRate: 8000, Samples: 160, SamplesPerPoint: 160, Channels: []PeakChannel{
		{Side: "contact", Min: []int8{-128}, Max: []int8{127}}, {Side: "salesperson", Min: []int8{-1}, Max: []int8{1}},
	}}
	if layout == "caller-left" {
		slices.Reverse(p.Channels)
	}
	return p, nil
}

func (w *world) RemoveRecording(_ context.Context, id call.ID, by, why string) error {
	w.removed = append(w.removed, string(id)+" "+by+" "+why)
	return nil
}

// recording returns the stored call with a recording.
func (w *world) recording(id call.ID) (*call.Record, error) {
	for i := range w.stored {
		if w.stored[i].ID == id && w.stored[i].Recording != nil {
			return &w.stored[i], nil
		}
	}
	return nil, routing.ErrNotFound
}

func (w *world) HoldRecording(_ context.Context, id call.ID, h call.LegalHold) (call.Record, error) {
	rec, err := w.recording(id)
	if err != nil {
		return call.Record{}, err
	}
	rec.Recording.Hold = &h
	return *rec, nil
}

func (w *world) ReleaseRecording(_ context.Context, id call.ID, _ string, _ time.Time) (call.Record, error) {
	rec, err := w.recording(id)
	if err != nil {
		return call.Record{}, err
	}
	rec.Recording.Hold = nil
	return *rec, nil
}

func (w *world) DropRecording(context.Context, call.ID, routing.Deletion) error { return w.fail }

func (w *world) LogAccess(_ context.Context, a routing.Access) error {
	if w.fail != nil {
		return w.fail
	}
	w.accesses = append(w.accesses, a)
	return nil
}

func (w *world) Accesses(_ context.Context, id call.ID, p routing.Page) ([]routing.Access, string, error) {
	if p.Limit == 1 {
		return w.accesses[:1], w.accesses[0].ID, w.fail
	}
	return slices.DeleteFunc(slices.Clone(w.accesses), func(a routing.Access) bool { return a.CallID != id }), "", w.fail
}

func (w *world) ForgetAccesses(context.Context, time.Time, int) (int, error) { return 0, w.fail }

const recordingPath = "/api/v1/calls/" + string(endedID) + "/recording"

// TestWhoHears: a salesperson hears their own recordings, a supervisor those of
// their playbooks or, without any, of all, an administrator all.
func TestWhoHears(t *testing.T) {
	for _, tt := range []struct {
		user      string
		playbooks []string
		hears     bool
	}{
		{"", nil, true}, {"boss", nil, true}, {"boss", []string{"support"}, true}, {"ana", []string{"support"}, true}, {"leo", []string{"sales-es"}, false},
		{"eva", nil, true}, {"eva", []string{"sales-es"}, true}, {"eva", []string{"support"}, false}, {"eva", []string{"support", "sales-es"}, true},
	} {
		w := newWorld()
		w.stored[1].Playbook = "sales-es"
		for i := range w.users {
			if w.users[i].Name == tt.user {
				w.users[i].Playbooks = tt.playbooks
			}
		}
		s := w.server(t)
		want := 404
		if tt.hears {
			want = 200
		}
		for _, path := range []string{"", "/peaks", "?channel=contact"} {
			if rec := ask(t, w, s, tt.user, "GET", recordingPath+path, ""); rec.Code != want {
				t.Errorf("%q of %v: %s: status %d", tt.user, tt.playbooks, path, rec.Code)
			}
		}
		for _, query := range []string{"", "?playbook=sales-es", "?user=ana", "?contact=c1", "?from=2026-11-23T10:20:00Z&until=2026-11-23T10:21:00Z"} {
			got := ids(t, ask(t, w, s, tt.user, "GET", "/api/v1/recordings"+query, ""))
			if tt.hears != slices.Equal(got, []call.ID{endedID}) || !tt.hears && len(got) > 0 {
				t.Errorf("%q of %v: %s: %v", tt.user, tt.playbooks, query, got)
			}
		}
		for _, query := range []string{"?playbook=support", "?user=leo", "?contact=c2", "?until=2026-11-23T10:20:00Z", "?held=true"} {
			if got := ids(t, ask(t, w, s, tt.user, "GET", "/api/v1/recordings"+query, "")); len(got) > 0 {
				t.Errorf("%q of %v: %s: %v", tt.user, tt.playbooks, query, got)
			}
		}
		if tt.hears == (len(w.accesses) == 0) {
			t.Errorf("%q of %v: %d accesses", tt.user, tt.playbooks, len(w.accesses))
		}
	}
}

func TestPeaks(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	got := decode[Peaks](t, ask(t, w, s, "ana", "GET", recordingPath+"/peaks?layout=caller-left", ""))
	if len(got.Channels) != 2 || got.Channels[0].Side != "salesperson" || got.Channels[1].Min[0] != -128 || got.SamplesPerPoint != 160 {
		t.Errorf("peaks: %+v", got)
	}
	if len(w.accesses) != 1 || w.accesses[0].Use != routing.UsePeaks || w.accesses[0].Layout != "caller-left" {
		t.Errorf("accesses: %+v", w.accesses)
	}
}

// TestAccesses: what is asked for is remembered before it is given, with who
// and from where, and an administrator reads it.
func TestAccesses(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	ask(t, w, s, "leo", "GET", recordingPath, "")
	ask(t, w, s, "eva", "GET", recordingPath+"?layout=caller-left&channel=right&purpose=download", "")
	res := ask(t, w, s, "", "GET", recordingPath+"?purpose=export", "")
	if got := res.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("an export is shown: %s", got)
	}
	list := decode[List[routing.Access]](t, ask(t, w, s, "boss", "GET", recordingPath+"/accesses", ""))
	if len(list.Items) != 2 {
		t.Fatalf("accesses: %+v", list)
	}
	first, second := list.Items[0], list.Items[1]
	if first.User != "eva" || first.Via != "api" || first.From != "192.0.2.1" || first.Use != "download" || first.Layout != "caller-left" ||
		first.Channel != "right" || !slices.Equal(first.Ranges, []string{"bytes=0-"}) || first.CallID != endedID || first.At.IsZero() {
		t.Errorf("by the API: %+v", first)
	}
	if second.User != "administrator" || second.Via != "socket" || second.From != "" || second.Use != "export" || second.ID == first.ID {
		t.Errorf("by the socket: %+v", second)
	}
	page := decode[List[routing.Access]](t, ask(t, w, s, "boss", "GET", recordingPath+"/accesses?limit=1", ""))
	if len(page.Items) != 1 || page.Next != first.ID {
		t.Errorf("page: %+v", page)
	}
}

// TestNothingIsHeardUnseen: nobody gets a recording while that cannot be
// remembered.
func TestNothingIsHeardUnseen(t *testing.T) {
	w := newWorld()
	w.live[endedID] = w.stored[1] // so that the call is found without the store
	o := w.options(t)
	o.Accesses = full{w}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/peaks"} {
		if rec := ask(t, w, s, "", "GET", recordingPath+path, ""); rec.Code != 500 || strings.Contains(rec.Body.String(), "0123456789") {
			t.Errorf("%s: status %d: %s", path, rec.Code, rec.Body)
		}
	}
}

// full is a log of accesses on a full disk.
type full struct{ *world }

func (full) LogAccess(context.Context, routing.Access) error { return fs.ErrInvalid }

func TestHold(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	const hold = recordingPath + "/hold"
	got := decode[Call](t, ask(t, w, s, "boss", "PUT", hold, `{"reason":"a complaint"}`))
	if h := got.Recording.Hold; h == nil || h.By != "boss" || h.Reason != "a complaint" || h.At.IsZero() {
		t.Errorf("held: %+v", got.Recording)
	}
	if got := ids(t, ask(t, w, s, "", "GET", "/api/v1/recordings?held=true", "")); !slices.Equal(got, []call.ID{endedID}) {
		t.Errorf("held ones: %v", got)
	}
	if rec := ask(t, w, s, "", "DELETE", recordingPath+"?reason=asked", ""); rec.Code != 409 || !strings.Contains(rec.Body.String(), "by boss: a complaint") {
		t.Errorf("deletion of a held recording: %d %s", rec.Code, rec.Body)
	}
	if rec := ask(t, w, s, "boss", "DELETE", hold, ""); rec.Code != 204 {
		t.Errorf("release: %d %s", rec.Code, rec.Body)
	}
	if rec := ask(t, w, s, "", "DELETE", recordingPath+"?reason=asked", ""); rec.Code != 204 || !slices.Equal(w.removed, []string{string(endedID) + " administrator asked"}) {
		t.Errorf("deletion: %d %s, %v", rec.Code, rec.Body, w.removed)
	}
}

// TestNoSuchRecording: calls that are unknown, another's, live or without a
// recording, and callers without the role.
func TestNoSuchRecording(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	const hold = `{"reason":"a complaint"}`
	for _, tt := range []struct {
		user, method string
		id           call.ID
		path, body   string
		status       int
	}{
		{"", "GET", unknownID, "", "", 404}, {"", "GET", "x", "", "", 404}, {"", "GET", evasID, "", "", 404},
		{"leo", "GET", endedID, "", "", 404}, {"", "GET", unknownID, "/peaks", "", 404}, {"", "GET", evasID, "/peaks", "", 404},
		{"ana", "GET", liveID, "/peaks", "", 409}, {"", "PUT", liveID, "/hold", hold, 409}, {"", "PUT", unknownID, "/hold", hold, 404},
		{"", "PUT", evasID, "/hold", hold, 404}, {"eva", "PUT", endedID, "/hold", hold, 403}, {"ana", "DELETE", endedID, "/hold", "", 403},
		{"", "DELETE", unknownID, "/hold", "", 404}, {"", "DELETE", evasID, "?reason=x", "", 404}, {"", "DELETE", liveID, "?reason=x", "", 409},
		{"eva", "DELETE", endedID, "?reason=x", "", 403}, {"eva", "GET", endedID, "/accesses", "", 403}, {"", "GET", unknownID, "/accesses", "", 404},
	} {
		if rec := ask(t, w, s, tt.user, tt.method, "/api/v1/calls/"+string(tt.id)+"/recording"+tt.path, tt.body); rec.Code != tt.status {
			t.Errorf("%q %s %s%s: %d %s", tt.user, tt.method, tt.id, tt.path, rec.Code, rec.Body)
		}
	}
	if len(w.accesses) > 0 {
		t.Errorf("accesses: %+v", w.accesses)
	}
}
