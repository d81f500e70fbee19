package daemon_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/media/codec"
	"tandem/media/tone"
	"tandem/routing"
)

// The tones of those who coach, and of the music, in Hz.
const (
	evaTone   = 1270
	pauTone   = 1830
	musicTone = 330
)

// Levels in dBFS: of what must not be heard beside other tones, and of a coach at
// the contact's ear.
const (
	trace = -46
	leak  = -60
)

// studio is a house with two supervisors, whose contact talks with ana.
type studio struct {
	*house
	ana, luis, eva, pau *peer.Phone
	contact, user       *peer.Call
	id                  call.ID
}

// supervisors are further users of a house.
const supervisors = `- { name: eva, display: "Eva Ruiz", extension: "201", sip_password: secret-eva, role: supervisor }
- { name: pau, display: "Pau Vila", extension: "202", sip_password: secret-pau, role: supervisor }`

func studioSettings(t *testing.T) settings {
	t.Helper()
	return settings{
		users: supervisors, members: "ana", extra: "coaching: { barge: true }",
		reception: "timeout: 15s, hold_music: " + toneFile(t, musicTone),
	}
}

func newStudio(t *testing.T, s settings) *studio {
	t.Helper()
	h := &studio{house: newHouse(t, s)}
	h.open()
	return h
}

// open registers the telephones and lets ana answer the contact.
func (h *studio) open() {
	h.t.Helper()
	h.ana, h.luis = h.phone("ana", anaTone), h.phone("luis", luisTone)
	h.eva = h.phone("eva", evaTone, func(o *peer.Options) { o.Media.Codecs = []string{"PCMU"} }) // the others speak PCMA
	h.pau = h.phone("pau", pauTone)
	h.contact, h.user, h.id = h.conversation(h.ana)
}

// toneFile writes a second of a tone that goes on seamlessly when repeated.
func toneFile(t *testing.T, hz float64) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "music.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcm := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: codec.Rate}, SourceBitDepth: 16}
	source := tone.Sine(hz, -10)
	for range codec.FramesPerSecond {
		var f codec.Frame
		source.Next(&f)
		for _, s := range f {
			pcm.Data = append(pcm.Data, int(s))
		}
	}
	e := wav.NewEncoder(file, codec.Rate, 16, 1, 1)
	if err := e.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// ear is what somebody is to hear, and nothing else of all the tones.
type ear struct {
	who   string
	c     *peer.Call
	hears []float64
}

// ears fails unless everybody hears exactly what they are to.
func (h *studio) ears(when string, list ...ear) {
	h.t.Helper()
	h.t.Logf("who hears whom: %s", when)
	for _, e := range list {
		for _, hz := range e.hears {
			h.hears(when+": "+e.who, e.c, hz)
		}
	}
	ctx, cancel := wait()
	defer cancel()
	h.must(list[0].c.Media().WaitPackets(ctx, 40)) // what was on its way, and half a second
	for _, e := range list {
		if len(e.hears) == 0 {
			h.hearsSilence(when+": "+e.who, e.c)
			continue
		}
		heard := e.c.Media().Heard()
		heard = heard[max(0, len(heard)-25*codec.FrameSamples):]
		for _, hz := range []float64{contactTone, anaTone, luisTone, outsideTone, evaTone, pauTone, musicTone} {
			limit := float64(trace)
			if coach := hz == evaTone || hz == pauTone; coach && e.c == h.contact {
				limit = leak
			}
			if level := tone.Power(heard, hz); !slices.Contains(e.hears, hz) && level > limit {
				h.t.Errorf("%s: %s hears %.0f Hz at %.1f dBFS", when, e.who, hz, level)
			}
		}
	}
}

func hears(hz ...float64) []float64 { return hz }

// coachings is the conversation's coachings as the API shows them.
func (h *studio) coachings() []call.CoachSession {
	h.t.Helper()
	return daemontest.Read[call.Record](h.api, "/calls/"+string(h.id)).Coachings
}

// coaches waits until a user coaches the call in a mode.
func (h *studio) coaches(user string, mode call.CoachMode) {
	h.t.Helper()
	daemontest.Eventually(h.t, user+" coaches: "+string(mode), func() bool {
		return slices.ContainsFunc(h.coachings(), func(s call.CoachSession) bool {
			return s.User == user && s.LeftAt == nil && s.Mode() == mode
		})
	})
}

// left waits until a user no longer coaches the call and is free.
func (h *studio) left(user string) {
	h.t.Helper()
	daemontest.Eventually(h.t, user+" has left", func() bool {
		return !slices.ContainsFunc(h.coachings(), func(s call.CoachSession) bool { return s.User == user && s.LeftAt == nil })
	})
	h.userIs(user, routing.UserState.Available)
}

// dialsIn has a supervisor dial themself into ana's conversation.
func (h *studio) dialsIn(p *peer.Phone, user string) *peer.Call {
	h.t.Helper()
	c := h.dials(p, "*9101")
	ctx, cancel := wait()
	defer cancel()
	h.must(c.WaitAnswered(ctx))
	h.coaches(user, call.CoachListens)
	return c
}

// joins lets a supervisor join from the screen: their phone lifts by itself.
func (h *studio) joins(p *peer.Phone, body map[string]string) *peer.Call {
	h.t.Helper()
	h.api.Want(http.StatusAccepted, http.MethodPost, h.path(""), body)
	c := h.answered(p)
	if c.Invite().Get("Alert-Info") == "" && c.Invite().Get("Call-Info") == "" {
		h.t.Errorf("the phone of %s is not asked to lift by itself", body["user"])
	}
	return c
}

func (h *studio) path(user string) string {
	if user != "" {
		user = "/" + user
	}
	return "/calls/" + string(h.id) + "/coach" + user
}

// TestWhoHearsWhom is the whole table in audio: with keys in RTP and in INFO,
// from the screen, one coach and two. The recording holds none of it.
func TestWhoHearsWhom(t *testing.T) {
	h := newStudio(t, studioSettings(t))
	ctx, cancel := wait()
	defer cancel()
	eva := h.dialsIn(h.eva, "eva")
	alone := func(atContact, atAna []float64) []ear {
		return []ear{{"the contact", h.contact, atContact}, {"ana", h.user, atAna}, {"eva", eva, hears(contactTone, anaTone)}}
	}
	h.ears("eva listens", alone(hears(anaTone), hears(contactTone))...)
	h.must(eva.Media().SendDTMF("4"))
	h.coaches("eva", call.CoachWhispers)
	h.ears("eva whispers", alone(hears(anaTone), hears(contactTone, evaTone))...)
	h.must(eva.Info(ctx, '5'))
	h.coaches("eva", call.CoachListens)
	h.ears("eva listens again", alone(hears(anaTone), hears(contactTone))...)
	h.must(eva.Info(ctx, '6'))
	h.coaches("eva", call.CoachBarges)
	h.ears("eva barges", alone(hears(anaTone, evaTone), hears(contactTone, evaTone))...)
	if n := h.api.Metrics().Value(`tandem_coaches{mode="barge"}`); n != 1 {
		t.Errorf("%v coaches barge", n)
	}
	h.must(eva.Media().SendDTMF("74"))
	h.coaches("eva", call.CoachWhispers)

	pau := h.joins(h.pau, map[string]string{"user": "pau", "mode": "whisper"})
	h.coaches("pau", call.CoachWhispers)
	both := func(atEva, atPau []float64) []ear {
		return []ear{
			{"the contact", h.contact, hears(anaTone)}, {"ana", h.user, hears(contactTone, evaTone, pauTone)}, {"eva", eva, atEva}, {"pau", pau, atPau},
		}
	}
	h.ears("both whisper", both(hears(contactTone, anaTone, pauTone), hears(contactTone, anaTone, evaTone))...)
	h.must(eva.Hangup(ctx))
	h.left("eva")
	h.ears("eva has hung up",
		ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone, pauTone)}, ear{"pau", pau, hears(contactTone, anaTone)})
	h.api.Want(http.StatusAccepted, http.MethodDelete, h.path("pau"), nil)
	h.ended("pau", pau)
	h.left("pau")
	h.ears("alone again", ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)})

	for who, c := range map[string]*peer.Call{"ana": h.user, "the contact": h.contact} {
		h.oneStream(who, c)
		if s := c.Media().Stats(); s.Digits != "" || s.EventEnds > 0 {
			t.Errorf("%s is told keys of a coach: %q", who, s.Digits)
		}
	}
	h.hangsUp(h.contact, "ana", h.user)
	h.told(h.record(1))
}

// told checks what the record and the recording say of TestWhoHearsWhom.
func (h *studio) told(rec call.Record) {
	h.t.Helper()
	var modes []string
	for _, s := range rec.Coachings {
		line := s.User
		for _, m := range s.Modes {
			line += " " + string(m.Mode)
		}
		if s.LeftAt == nil || s.LeftAt.Before(s.JoinedAt) || s.JoinedAt.Before(*rec.AnsweredAt) {
			h.t.Errorf("%s joined at %s and left at %v", s.User, s.JoinedAt, s.LeftAt)
		}
		modes = append(modes, line)
	}
	if got, want := strings.Join(modes, "; "), "eva listen whisper listen barge whisper; pau whisper"; got != want {
		h.t.Errorf("coachings %q, want %q", got, want)
	}
	if !slices.Equal(rec.Coaches, []string{"eva", "pau"}) {
		h.t.Errorf("coaches %v", rec.Coaches)
	}
	way := h.way(rec.ID)
	for _, mark := range []string{"coach_joined", "coach_turned", "coach_left"} {
		if !strings.Contains(way, mark) {
			h.t.Errorf("no %s in %s", mark, way)
		}
	}
	h.sealed(rec.ID)
	left, right := h.wholeChannels(rec.ID)
	for _, hz := range []float64{evaTone, pauTone, musicTone} {
		if l, r := tone.Power(left, hz), tone.Power(right, hz); l > leak || r > leak {
			h.t.Errorf("the recording holds %.0f Hz: %.1f and %.1f dBFS", hz, l, r)
		}
	}
	h.recordingHolds(rec.ID, contactTone, anaTone)
}

// TestCoachUnderHold: the contact on hold hears music alone, a coach stays with
// the salesperson, and a whisper takes the place of the salesperson's music.
func TestCoachUnderHold(t *testing.T) {
	h := newStudio(t, studioSettings(t))
	ctx, cancel := wait()
	defer cancel()
	eva := h.joins(h.eva, map[string]string{"user": "eva", "mode": "whisper"})
	h.coaches("eva", call.CoachWhispers)
	act := func(what string, state call.State) {
		h.t.Helper()
		h.api.Want(http.StatusAccepted, http.MethodPost, "/calls/"+string(h.id)+"/"+what, nil)
		h.becomes(h.id, state)
	}
	whispering := []ear{{"the contact", h.contact, hears(anaTone)}, {"ana", h.user, hears(contactTone, evaTone)}, {"eva", eva, hears(contactTone, anaTone)}}
	h.ears("before", whispering...)
	act("hold", call.StateHeld)
	h.ears("held on the screen", ear{"the contact", h.contact, hears(musicTone)}, ear{"ana", h.user, hears(evaTone)}, ear{"eva", eva, hears(anaTone)})
	act("resume", call.StateActive)
	h.ears("resumed on the screen", whispering...)

	h.must(h.user.Hold(ctx))
	h.becomes(h.id, call.StateHeld)
	h.ears("ana's phone holds", ear{"the contact", h.contact, hears(musicTone)}, ear{"eva", eva, nil})
	h.must(h.user.Resume(ctx))
	h.becomes(h.id, call.StateActive)
	h.ears("ana's phone resumes", whispering...)

	h.must(h.contact.Hold(ctx))
	h.becomes(h.id, call.StateHeld)
	h.ears("the contact holds", ear{"ana", h.user, hears(evaTone)}, ear{"eva", eva, hears(anaTone)})
	h.must(eva.Media().SendDTMF("5"))
	h.coaches("eva", call.CoachListens)
	h.ears("the contact holds, eva listens", ear{"ana", h.user, hears(musicTone)}, ear{"eva", eva, hears(anaTone)})
	h.must(h.contact.Resume(ctx))
	h.becomes(h.id, call.StateActive)
	h.ears("the contact resumes",
		ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)}, ear{"eva", eva, hears(contactTone, anaTone)})

	act("mute", call.StateActive)
	h.ears("ana is muted", ear{"eva", eva, hears(contactTone, anaTone)}, ear{"ana", h.user, hears(contactTone)}, ear{"the contact", h.contact, nil})
	act("unmute", call.StateActive)

	h.must(eva.Media().SendDTMF("4"))
	h.coaches("eva", call.CoachWhispers)
	h.must(eva.Hold(ctx))
	h.ears("eva's phone holds", ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)})
	h.must(eva.Resume(ctx))
	h.ears("eva's phone resumes", whispering...)
	h.oneStream("the contact", h.contact)
	h.hangsUp(h.user, "eva", eva)
	h.ended("the contact", h.contact)
	h.left("eva")
}

// TestCoachThroughTransfer: the coach stays with the contact through new SDP
// offers of everybody and through a transfer.
func TestCoachThroughTransfer(t *testing.T) {
	h := newStudio(t, studioSettings(t))
	ctx, cancel := wait()
	defer cancel()
	eva := h.dialsIn(h.eva, "eva")
	h.must(eva.Media().SendDTMF("4"))
	h.coaches("eva", call.CoachWhispers)
	whispering := []ear{{"the contact", h.contact, hears(anaTone)}, {"ana", h.user, hears(contactTone, evaTone)}, {"eva", eva, hears(contactTone, anaTone)}}
	h.ears("before", whispering...)
	for who, offer := range map[string]func() error{
		"eva": func() error { return eva.Reinvite(ctx, "sendrecv") }, "ana": func() error { return h.user.Update(ctx, "sendrecv") },
		"the contact": func() error { return h.contact.Reinvite(ctx, "sendrecv") },
	} {
		h.must(offer())
		h.ears("after an offer of "+who, whispering...)
	}
	h.refers(h.user, "102", nil)
	luis := h.rung(h.luis)
	h.ears("while luis's phone rings", ear{"the contact", h.contact, hears(musicTone)}, ear{"ana", h.user, hears(evaTone)}, ear{"eva", eva, hears(anaTone)})
	h.must(luis.Answer())
	h.ended("ana", h.user)
	h.ears("luis talks", ear{"the contact", h.contact, hears(luisTone)}, ear{"luis", luis, hears(contactTone, evaTone)}, ear{"eva", eva, hears(contactTone, luisTone)})
	h.oneStream("the contact", h.contact)
	h.hangsUp(h.contact, "luis", luis)
	h.ended("eva", eva)
	h.left("eva")
	if rec := h.record(1); len(rec.Coachings) != 1 || rec.Coachings[0].LeftAt == nil || segments(rec) != "ana luis" {
		t.Errorf("coachings %+v, segments %s", rec.Coachings, segments(rec))
	}
}

// TestCoachsPhoneDies: a coach whose phone falls silent is let go; nobody else
// notices.
func TestCoachsPhoneDies(t *testing.T) {
	s := studioSettings(t)
	s.media = "timeout: 3s"
	h := newStudio(t, s)
	eva := h.dialsIn(h.eva, "eva")
	eva.Media().Impair(peer.Impairment{Loss: 1})
	if end := h.ended("eva", eva); !end.Remote || end.How != peer.ByBYE {
		t.Errorf("eva's phone %s", end)
	}
	h.left("eva")
	h.ears("without eva", ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)})
	h.oneStream("the contact", h.contact)
}

// TestWhoMayNotCoach: every refusal is told, and no phone rings.
func TestWhoMayNotCoach(t *testing.T) {
	s := studioSettings(t)
	s.extra = ""
	h := newStudio(t, s)
	for _, tt := range []struct {
		method, path string
		body         map[string]string
		want         int
		says         string
	}{
		{"POST", h.path(""), map[string]string{"user": "zoe"}, 404, "no user zoe"},
		{"POST", h.path(""), map[string]string{"user": "luis"}, 403, "coaching is for supervisor, admin"},
		{"POST", h.path(""), map[string]string{"user": "ana"}, 403, "coaching is for"},
		{"POST", h.path(""), map[string]string{"user": "eva", "mode": "barge"}, 403, "coaching.barge"},
		{"POST", "/calls/01JZ0000000000000000000009/coach", map[string]string{"user": "eva"}, 404, "call"},
		{"PATCH", h.path("eva"), map[string]string{"mode": "whisper"}, 409, "does not coach"},
		{"DELETE", h.path("eva"), nil, 409, "does not coach"},
	} {
		if code, body := h.api.Do(tt.method, tt.path, tt.body); code != tt.want || !strings.Contains(string(body), tt.says) {
			t.Errorf("%s %s %v: %d %s, want %d with %q", tt.method, tt.path, tt.body, code, body, tt.want, tt.says)
		}
	}
	for who, dial := range map[string]struct {
		phone *peer.Phone
		to    string
		code  int
	}{
		"no supervisor":   {h.luis, "*9101", 403},
		"nobody there":    {h.eva, "*9102", 480},
		"no extension":    {h.eva, "*9999", 404},
		"their own":       {h.eva, "*9201", 486},
		"nobody's at all": {h.eva, "*9", 404},
	} {
		if end := h.ended(who, h.dials(dial.phone, dial.to)); end.Code != dial.code {
			t.Errorf("%s: %s, want %d", who, end, dial.code)
		}
	}
	eva := h.dialsIn(h.eva, "eva")
	if code, body := h.api.Do("POST", h.path(""), map[string]string{"user": "eva"}); code != 409 || !strings.Contains(string(body), "coaches a call") {
		t.Errorf("a second time: %d %s", code, body)
	}
	if code, body := h.api.Do("PATCH", h.path("eva"), map[string]string{"mode": "barge"}); code != 403 {
		t.Errorf("barging: %d %s", code, body)
	}
	h.must(eva.Media().SendDTMF("64"))
	h.coaches("eva", call.CoachWhispers)
	if modes := h.coachings()[0].Modes; len(modes) != 2 {
		t.Errorf("modes %+v", modes)
	}
	h.hangsUp(h.contact, "eva", eva)
	h.record(1)
	if code, _ := h.api.Do("POST", h.path(""), map[string]string{"user": "eva"}); code != 409 {
		t.Errorf("after the end: %d", code)
	}
	for name, p := range map[string]*peer.Phone{"luis": h.luis, "pau": h.pau} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if c, err := p.Accept(ctx); err == nil {
			t.Errorf("%s's phone rings: %s", name, c.Invite())
		}
	}
}

// TestCoachStays: a coach who stays with the salesperson waits with music, joins
// the next conversation muted, also one that goes out, and leaves when the
// salesperson does.
func TestCoachStays(t *testing.T) {
	h := newStudio(t, studioSettings(t))
	ctx, cancel := wait()
	defer cancel()
	eva := h.joins(h.eva, map[string]string{"user": "eva", "mode": "whisper", "follow": "user"})
	h.coaches("eva", call.CoachWhispers)
	h.ears("the first call", ear{"ana", h.user, hears(contactTone, evaTone)}, ear{"eva", eva, hears(contactTone, anaTone)})
	h.hangsUp(h.contact, "ana", h.user)
	first := h.record(1)
	h.ears("between calls", ear{"eva", eva, hears(musicTone)})
	h.userIs("eva", func(u routing.UserState) bool { return u.Activity == routing.ActivityCoaching })

	h.contact = h.call()
	h.user = h.answered(h.ana)
	h.id = daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.coaches("eva", call.CoachListens)
	h.ears("the second call",
		ear{"the contact", h.contact, hears(anaTone)}, ear{"ana", h.user, hears(contactTone)}, ear{"eva", eva, hears(contactTone, anaTone)})
	h.refers(h.user, "102", nil)
	luis := h.answered(h.luis)
	h.ended("ana", h.user)
	h.leftCall("eva")
	h.ears("the second call is luis's",
		ear{"the contact", h.contact, hears(luisTone)}, ear{"luis", luis, hears(contactTone)}, ear{"eva", eva, hears(musicTone)})
	h.hangsUp(h.contact, "luis", luis)

	user, outside := h.connected(h.ana, anaTone)
	h.id = daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
	h.coaches("eva", call.CoachListens)
	h.ears("the call out", ear{"outside", outside, hears(anaTone)}, ear{"ana", user, hears(outsideTone)}, ear{"eva", eva, hears(outsideTone, anaTone)})
	h.hangsUp(outside, "ana", user)
	h.ears("between calls again", ear{"eva", eva, hears(musicTone)})

	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "offline"})
	if end := h.ended("eva", eva); !end.Remote {
		t.Errorf("eva's phone %s", end)
	}
	h.userIs("eva", routing.UserState.Available)

	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "available"})
	h.contact, h.user, h.id = h.conversation(h.ana)
	eva = h.joins(h.eva, map[string]string{"user": "eva", "follow": "user"})
	h.coaches("eva", call.CoachListens)
	h.must(h.contact.Hangup(ctx))
	h.ears("waiting", ear{"eva", eva, hears(musicTone)})
	h.api.Want(http.StatusAccepted, http.MethodDelete, h.path("eva"), nil)
	h.ended("eva", eva)
	h.userIs("eva", routing.UserState.Available)
	if len(first.Coachings) != 1 || first.Coachings[0].LeftAt == nil {
		t.Errorf("the first call's coachings: %+v", first.Coachings)
	}
}

// leftCall waits until a user no longer coaches the call.
func (h *studio) leftCall(user string) {
	h.t.Helper()
	daemontest.Eventually(h.t, user+" has left", func() bool {
		return !slices.ContainsFunc(h.coachings(), func(s call.CoachSession) bool { return s.User == user && s.LeftAt == nil })
	})
}

// TestKillWhileCoached: a coach's leg is no zombie after kill -9, and the history
// says when the coaching ended.
func TestKillWhileCoached(t *testing.T) {
	h := &studio{house: prepareHouse(t, studioSettings(t))}
	h.fixPort()
	sw := h.spawn()
	h.open()
	eva := h.dialsIn(h.eva, "eva")
	pau := h.joins(h.pau, map[string]string{"user": "pau"})
	h.coaches("pau", call.CoachListens)
	h.ears("before the kill", ear{"eva", eva, hears(contactTone, anaTone)}, ear{"pau", pau, hears(contactTone, anaTone)})
	sw.kill()
	h.spawn()
	for who, c := range map[string]*peer.Call{"the contact": h.contact, "ana": h.user, "eva": eva, "pau": pau} {
		if end := h.ended(who, c); !end.Remote || end.How != peer.ByBYE {
			t.Errorf("%s %s", who, end)
		}
	}
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || len(rec.Coachings) != 2 || rec.Coachings[0].LeftAt == nil || rec.Coachings[1].LeftAt == nil {
		t.Errorf("record: %s, coachings %+v", rec.Result, rec.Coachings)
	}
	h.userIs("eva", routing.UserState.Available)
	h.contact, h.user, h.id = h.conversation(h.ana)
	h.dialsIn(h.eva, "eva")
}
