package daemon_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
