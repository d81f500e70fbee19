package daemon_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/media/tone"
)

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

// TestCoachThroughAttendedTransfer: whichever of the two calls goes on, the coach
// goes on in it. In the consultation luis was called, so that to the table he is
// the contact: nobody whispers to him there.
func TestCoachThroughAttendedTransfer(t *testing.T) {
	for name, onwards := range map[string]bool{"the contact's call goes on": true, "the consultation goes on": false} {
		t.Run(name, func(t *testing.T) {
			h := newStudio(t, studioSettings(t))
			ctx, cancel := wait()
			defer cancel()
			eva := h.joins(h.eva, map[string]string{"user": "eva", "mode": "whisper"})
			h.coaches("eva", call.CoachWhispers)
			h.must(h.user.Hold(ctx))
			consultation := h.dials(h.ana, "102")
			luis := h.answered(h.luis)
			h.talk("ana", consultation, anaTone, "luis", luis, luisTone)
			atLuis := hears(contactTone)
			if onwards {
				h.refers(h.user, "102", consultation)
				atLuis = hears(contactTone, evaTone)
			} else {
				h.refers(consultation, contactNumber, h.user)
			}
			h.ended("ana's call with the contact", h.user)
			h.ended("ana's consultation", consultation)
			h.ears(name, ear{"the contact", h.contact, hears(luisTone)}, ear{"luis", luis, atLuis}, ear{"eva", eva, hears(contactTone, luisTone)})
			h.id = daemontest.List[call.Record](h.api, "/calls?active=true")[0].ID
			h.coaches("eva", call.CoachWhispers)
			h.hangsUp(h.contact, "luis", luis)
			h.ended("eva", eva)
			h.left("eva")
		})
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
