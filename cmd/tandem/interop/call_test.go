//go:build linux

package interop_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/routing"
)

// from is a call of the contact to one of the account's numbers.
func from(number string) map[string]string {
	return map[string]string{"caller": contactNumber, "called": number}
}

// TestConversation is a whole inbound call between strangers: SIPp's caller is
// put through to baresip, each hears the other and nobody else, and sox plays
// the recording.
func TestConversation(t *testing.T) {
	t.Run("one law", func(t *testing.T) { converse(t, "PCMA/8000/1") })
	t.Run("two laws", func(t *testing.T) { converse(t, "PCMU/8000/1") })
}

func converse(t *testing.T, codecs string) {
	h := newHouse(newNetwork(t, "baresip", "sipp", "sox", "soxi"), settings{})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "auto", codecs: codecs})
	wire := h.tap()
	contact := h.sipp(scenario{file: "caller.xml", says: contactTone, keys: from(salesNumber), flags: []string{"-d", "4000"}})
	if e := ana.tells(established); !strings.Contains(e.Peer, contactNumber) {
		t.Errorf("the phone shows %q", e.Peer)
	}
	ana.tells(closed)
	contact.succeeds()

	rec := h.record()
	if rec.Result != call.ResultCompleted || rec.Missed || rec.User != "ana" || rec.From != contactNumber || rec.Number != salesNumber {
		t.Errorf("record: %+v", rec)
	}
	holds(t, "what ana heard", ana.heard(), contactTone, anaTone)
	wire.unbroken(wire.only(h.carrier))
	heard := sound(wire.only(h.carrier))
	holds(t, "what the contact heard at last", heard[len(heard)/2:], anaTone, contactTone)
	h.playable(rec.ID, contactTone)
}

// playable has sox check a call's recording: the contact left, ana right.
func (h *house) playable(id call.ID, contact float64) {
	h.t.Helper()
	h.eventually("the recording is sealed", func() bool {
		rec := daemontest.Read[call.Record](h.api, "/calls/"+string(id))
		return rec.Recording != nil && rec.Recording.SHA256 != ""
	})
	status, body := h.api.Do(http.MethodGet, "/calls/"+string(id)+"/recording", nil)
	is(h.t, "status of the recording", status, http.StatusOK)
	file := filepath.Join(h.t.TempDir(), "recording.wav")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		h.t.Fatal(err)
	}
	for flag, want := range map[string]string{"-t": "wav", "-c": "2", "-r": "8000", "-b": "16", "-e": "Signed Integer PCM"} {
		got, complaint := sox(h.t, "soxi", flag, file)
		is(h.t, "soxi "+flag, strings.TrimSpace(string(got)), want)
		is(h.t, "soxi's complaint", string(complaint), "")
	}
	for number, tones := range map[string][2]float64{"1": {contact, anaTone}, "2": {anaTone, contact}} {
		holds(h.t, "channel "+number, channel(h.t, file, number), tones[0], tones[1])
		// A sine of -12 dBFS all the way has 0.178, of a full scale of 1.
		if level := rms(h.t, file, number); level < 0.12 || level > 0.19 {
			h.t.Errorf("channel %s: rms %.3f", number, level)
		}
	}
}

// rms returns the level of a channel as sox's stat effect sees it.
func rms(t *testing.T, file, number string) float64 {
	t.Helper()
	_, report := sox(t, "sox", file, "-n", "remix", number, "stat")
	for line := range strings.Lines(string(report)) {
		if name, value, _ := strings.Cut(line, ":"); strings.Join(strings.Fields(name), " ") == "RMS amplitude" {
			level, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return level
		}
	}
	t.Fatalf("sox says no level: %s", report)
	return 0
}

// TestHold: ana's phone puts the call on hold and resumes it by re-INVITE;
// afterwards both hear each other again, and she hangs up.
func TestHold(t *testing.T) {
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "auto"})
	wire := h.tap()
	contact := h.sipp(scenario{file: "released.xml", says: contactTone, keys: from(salesNumber)})
	ana.tells(established)
	invites := 1.0
	for _, command := range []string{"hold", "resume"} {
		ana.command(command, "")
		invites++
		h.eventually("the switch has the re-INVITE", func() bool {
			return h.metric("tandem_sip_requests_total", `method="INVITE"`) == invites
		})
	}
	holds(t, "what the contact hears", wire.flows(h.carrier), anaTone, contactTone)
	holds(t, "what ana hears", wire.flows(h.phones), contactTone, anaTone)
	ana.command("hangup", "")
	contact.succeeds()
	is(t, "result", h.record().Result, call.ResultCompleted)
}

// TestReject: ana's phone declines, the caller is released, and she has a task.
func TestReject(t *testing.T) {
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	contact := h.sipp(scenario{file: "released.xml", says: contactTone, keys: from(salesNumber)})
	ana.tells(incoming)
	h.eventually("the phone shows the contact's name and number", func() bool {
		return ana.said.holds("Incoming call from: Maria sip:" + contactNumber)
	})
	ana.command("hangup", "")
	ana.tells(closed)
	contact.succeeds()
	h.missed(call.ResultNoAnswer, call.MissedRejected, "ana")
}

// TestCancel: the caller gives up before anybody lifted.
func TestCancel(t *testing.T) {
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{reception: "answer: early"})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	contact := h.sipp(scenario{file: "cancels.xml", keys: from(salesNumber), flags: []string{"-d", "1500"}})
	ana.tells(incoming)
	ana.tells(closed)
	contact.succeeds()
	h.missed(call.ResultCancelled, call.MissedAbandoned, "ana")
	h.user("ana", routing.UserState.Available)
}

// TestPhoneKilled: the next user is asked when a phone is gone before it rings,
// and when it goes while it rings.
func TestPhoneKilled(t *testing.T) {
	t.Run("before", func(t *testing.T) { killed(t, settings{}, false) })
	t.Run("while it rings", func(t *testing.T) { killed(t, settings{reception: "offer_timeout: 2s"}, true) })
}

func killed(t *testing.T, s settings, rings bool) {
	h := newHouse(newNetwork(t, "baresip", "sipp"), s)
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	if !rings {
		ana.kill()
	}
	// Luis comes later, so ana, who is idle for longer, is asked first.
	luis := h.luis("auto")
	contact := h.sipp(scenario{file: "released.xml", says: contactTone, keys: from(salesNumber)})
	if rings {
		ana.tells(incoming)
		ana.kill()
	}
	luis.tells(established)
	live := h.calls("active=true")
	if len(live) != 1 || live[0].User != "luis" {
		t.Errorf("live calls: %+v", live)
	}
	if !rings {
		h.user("ana", func(u routing.UserState) bool { return u.Suspect })
	}
	luis.command("hangup", "")
	contact.succeeds()
	rec := h.record()
	is(t, "result", rec.Result, call.ResultCompleted)
	is(t, "user", rec.User, "luis")
}

// TestRedirect: after hours the caller talks to an outside number, which
// another SIPp answers.
func TestRedirect(t *testing.T) {
	h := newHouse(newNetwork(t, "sipp"), settings{
		closed: `prompt: "` + prompt(t) + `", redirect: "` + outsideNumber + `"`,
	})
	wire := h.tap()
	outside := h.sipp(scenario{file: "answers.xml", says: outsideTone, local: carrierPort})
	contact := h.sipp(scenario{file: "caller.xml", says: contactTone, keys: from(closedNumber), flags: []string{"-d", "4000"}})
	contact.succeeds()
	outside.succeeds()
	rec := h.record()
	is(t, "result", rec.Result, call.ResultOfficeClosed)
	is(t, "redirected to", rec.RedirectedTo, outsideNumber)
	is(t, "connected", rec.AnsweredAt != nil, true)
	streams := wire.sent(h.carrier)
	if len(streams) != 2 {
		t.Fatalf("%d streams went to the carrier", len(streams))
	}
	// The caller's is the longer one: it began with the message.
	for i, tones := range [][2]float64{{outsideTone, contactTone}, {contactTone, outsideTone}} {
		wire.unbroken(streams[i])
		heard := sound(streams[i])
		holds(t, []string{"what the contact heard", "what the outside heard"}[i], heard[len(heard)/2:], tones[0], tones[1])
	}
}

// promptTone is what the closed office says, in Hz.
const promptTone = 900

// prompt writes half a second of a message.
func prompt(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "closed.wav")
	writeWAV(t, file, promptTone, 500*time.Millisecond)
	return file
}

// TestLoad: many callers after hours, twenty a second, all told and released,
// and nothing is left of them.
func TestLoad(t *testing.T) {
	const callers = 100
	h := newHouse(newNetwork(t, "sipp"), settings{closed: `prompt: "` + prompt(t) + `"`})
	wire := h.tap()
	before := h.metric("process_open_fds", "")
	load := h.sipp(scenario{file: "listener.xml", keys: from(closedNumber), flags: []string{"-m", strconv.Itoa(callers), "-r", "20"}})
	load.succeeds()
	is(t, "SIPp's successful calls", load.statistic("SuccessfulCall(C)"), strconv.Itoa(callers))
	is(t, "SIPp's failed calls", load.statistic("FailedCall(C)"), "0")
	h.eventually("no call and no socket is left", func() bool {
		return daemontest.Read[struct{ Calls int }](h.api, "/status").Calls == 0 && h.metric("tandem_calls_active", "") == 0 &&
			h.metric("process_open_fds", "") <= before
	})
	streams := wire.sent(h.carrier)
	is(t, "streams to the callers", len(streams), callers)
	for _, packets := range streams {
		wire.unbroken(packets)
		holds(t, "what a caller heard", sound(packets), promptTone)
	}
	is(t, "calls counted", h.metric("tandem_calls_total", `result="office_closed"`), callers)
	records := h.calls("")
	is(t, "calls stored", len(records), callers)
	for _, rec := range records {
		if rec.Result != call.ResultOfficeClosed || rec.State != call.StateEnded {
			t.Errorf("call %s: %s, %s", rec.ID, rec.State, rec.Result)
		}
	}
}
