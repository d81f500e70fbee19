//go:build linux

package interop_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/media/tone"
	"tandem/routing"
)

// Lines of the phones, from 0; ana has the first.
const (
	luisLine    = 1
	outsideLine = 2
)

// outsider is the person at the outside number, who has a baresip too, where
// the switch looks for the carrier.
func (h *house) outsider(answer string) *phone {
	h.t.Helper()
	n := *h.network
	n.phones = h.carrier
	return n.equip(desk{line: outsideLine, says: outsideTone, answer: answer}, carrierPort,
		fmt.Sprintf("<sip:%s@%s:%d>;regint=0", outsideNumber, h.carrier, carrierPort))
}

// scene is a house in which ana has called the person outside.
type scene struct {
	*house
	wire         *wiretap
	ana, outside *phone
}

// conversation is a scene in which the two are connected.
func conversation(t *testing.T) scene {
	t.Helper()
	h := newHouse(newNetwork(t, "baresip"), settings{})
	s := scene{house: h, wire: h.tap(), outside: h.outsider("auto")}
	s.ana = h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	s.ana.command("dial", outsideDialed)
	s.outside.tells(established)
	s.ana.tells(established)
	return s
}

// luis is a colleague's phone.
func (h *house) luis(answer string) *phone {
	h.t.Helper()
	return h.newPhone(desk{user: "luis", line: luisLine, says: luisTone, answer: answer})
}

// becomes waits until the scene's call has a state.
func (s scene) becomes(state call.State) {
	s.t.Helper()
	s.eventually("the call is "+string(state), func() bool { return s.calls("")[0].State == state })
}

// hangsUp ends the conversation by one phone; the other hears so, and the call
// is the given user's.
func (s scene) hangsUp(by, other *phone, user string) {
	s.t.Helper()
	by.command("hangup", "")
	other.tells(closed)
	s.outbound(user, call.ResultCompleted, 200, 16)
}

// talk fails unless two phones hear each other, and nobody else.
func (w *wiretap) talk(a *phone, says float64, b *phone, answers float64) {
	w.t.Helper()
	holds(w.t, "what one hears", w.hears(a), answers, says)
	holds(w.t, "what the other hears", w.hears(b), says, answers)
}

// music fails unless the samples are loud enough for music and hold none of the
// tones that people say.
func music(t *testing.T, what string, samples []int16) {
	t.Helper()
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	if len(samples) == 0 || sum/float64(len(samples)) < 100*100 {
		t.Errorf("%s: silence, of %d samples", what, len(samples))
	}
	for _, hz := range []float64{anaTone, luisTone, outsideTone} {
		if p := tone.Power(samples, hz); p > spoken-12 {
			t.Errorf("%s: holds %.0f Hz at %.1f dB", what, hz, p)
		}
	}
}

// noted has sox cut the last second but a half out of what a phone wrote down of
// its one call.
func (p *phone) noted() []int16 {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.directory, "dump-*-dec.wav"))
	if err != nil || len(names) != 1 {
		p.t.Fatalf("what the phone heard: %v, %v", names, err)
	}
	raw, _ := sox(p.t, "sox", names[0], "-t", "raw", "-e", "signed", "-b", "16", "-L", "-", "trim", "-1.5", "1")
	samples := make([]int16, len(raw)/2)
	if _, err := binary.Decode(raw, binary.LittleEndian, samples); err != nil {
		p.t.Fatal(err)
	}
	return samples
}

// TestSoftphoneDials is a whole outbound call between strangers: ana dials a
// national number on her phone, hears it ring, and talks; sox listens to what
// either phone wrote down, and to the recording.
func TestSoftphoneDials(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sox", "soxi"), settings{})
	wire := h.tap()
	outside := h.outsider("manual")
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	ana.command("dial", outsideDialed)
	if e := outside.tells(incoming); !strings.Contains(e.Peer, salesNumber) {
		t.Errorf("the contact's phone shows %q", e.Peer)
	}
	holds(t, "what ana hears while it rings", wire.hears(ana), ringbackTone, outsideTone)
	outside.command("accept", "")
	ana.tells(established)
	wire.talk(ana, anaTone, outside, outsideTone)
	wire.talk(ana, anaTone, outside, outsideTone)
	ana.command("hangup", "")
	outside.tells(closed)
	h.outbound("ana", call.ResultCompleted, 200, 16)
	ana.stops()
	outside.stops()
	holds(t, "what ana's phone wrote down", ana.noted(), outsideTone, anaTone, ringbackTone)
	holds(t, "what the contact's phone wrote down", outside.noted(), anaTone, outsideTone)
	h.playable(h.record().ID, outsideTone)
}

// stops has the phone close what it writes, and waits for its end.
func (p *phone) stops() {
	p.t.Helper()
	p.command("quit", "")
	p.ends()
}

// TestSoftphoneHolds: ana puts the contact on hold and comes back; the keys that
// she presses reach the contact.
func TestSoftphoneHolds(t *testing.T) {
	t.Parallel()
	s := conversation(t)
	s.wire.talk(s.ana, anaTone, s.outside, outsideTone)
	s.ana.command("hold", "")
	s.becomes(call.StateHeld)
	music(t, "what the contact hears on hold", s.wire.hears(s.outside))
	s.ana.command("resume", "")
	s.becomes(call.StateActive)
	s.wire.talk(s.ana, anaTone, s.outside, outsideTone)
	for _, key := range []string{"7", "#", "D"} {
		s.ana.command("sndcode", key)
		is(t, "key that the contact's phone shows", s.outside.tells(digit).Text, key)
	}
	s.hangsUp(s.ana, s.outside, "ana")
}

// TestContactHolds: the contact puts ana on hold and comes back.
func TestContactHolds(t *testing.T) {
	t.Parallel()
	s := conversation(t)
	s.outside.command("hold", "")
	s.becomes(call.StateHeld)
	music(t, "what ana hears on hold", s.wire.hears(s.ana))
	s.outside.command("resume", "")
	s.becomes(call.StateActive)
	s.wire.talk(s.ana, anaTone, s.outside, outsideTone)
	s.hangsUp(s.outside, s.ana, "ana")
}

// TestBlindTransfer: ana passes the contact on to luis's extension; her phone
// hears that it went well and goes, and the two talk.
func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	s := conversation(t)
	luis := s.luis("auto")
	s.ana.command("transfer", "sip:102@pbx.test")
	luis.tells(established)
	s.ana.tells(closed)
	s.ana.isNotified("200 OK")
	s.wire.talk(luis, luisTone, s.outside, outsideTone)
	s.user("ana", routing.UserState.Available)
	s.hangsUp(luis, s.outside, "luis")
}

// isNotified waits until the phone got the last NOTIFY of its REFER, with that
// status (RFC 3515 section 2.4.5).
func (p *phone) isNotified(status string) {
	p.t.Helper()
	daemontest.Eventually(p.t, "the phone is told "+status, func() bool {
		return p.said.holds("Subscription-State: terminated;") && p.said.holds("\r\n\r\nSIP/2.0 "+status+"\r\n")
	})
}

// TestTransferDeclined: luis declines what ana passes on. Her phone hears so and
// gives up by itself, as this one does; the contact is released.
func TestTransferDeclined(t *testing.T) {
	t.Parallel()
	s := conversation(t)
	luis := s.luis("manual")
	s.ana.command("transfer", "sip:102@pbx.test")
	luis.tells(incoming)
	music(t, "what the contact hears meanwhile", s.wire.hears(s.outside))
	luis.command("hangup", "")
	s.ana.isNotified("486 Busy Here")
	s.outside.tells(closed)
	s.outbound("ana", call.ResultCompleted, 200, 16)
}

// TestTransferComesBack: luis declines what was passed on to him from ana's
// screen; she has the contact back.
func TestTransferComesBack(t *testing.T) {
	t.Parallel()
	s := conversation(t)
	luis := s.luis("manual")
	s.becomes(call.StateActive)
	id := string(s.calls("")[0].ID)
	s.api.Want(http.StatusAccepted, http.MethodPost, "/calls/"+id+"/transfer", map[string]string{"to": "102"})
	luis.tells(incoming)
	luis.command("hangup", "")
	luis.tells(closed)
	s.wire.talk(s.ana, anaTone, s.outside, outsideTone)
	s.hangsUp(s.ana, s.outside, "ana")
}

// TestAttendedTransfer: ana, whose phone is SIPp, talks to luis and to the
// contact and hands one call over to the other.
func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	outside := h.outsider("auto")
	luis := h.luis("auto")
	consultation := h.dialing("consults.xml", "102", "")
	luis.tells(established)
	conversation := h.dialing("refers.xml", outsideDialed, consultation.replaces())
	outside.tells(established)
	conversation.succeeds()
	consultation.succeeds()
	// Only now: a leg that is handed over begins a stream of its own.
	h.tap().talk(luis, luisTone, outside, outsideTone)
	luis.command("hangup", "")
	outside.tells(closed)
	h.eventually("both calls are over", func() bool { return len(h.calls("active=true")) == 0 })
	talked, asked := h.calls("")[0], h.calls("")[1]
	if talked.To != outsideNumber || talked.User != "luis" || talked.Result != call.ResultCompleted ||
		len(talked.Segments) != 2 || talked.Segments[0].User != "ana" || talked.Segments[1].User != "luis" {
		t.Errorf("record of the call that was handed over: %+v", talked)
	}
	if asked.To != "102" || asked.User != "ana" || asked.Result != call.ResultCompleted {
		t.Errorf("record of the consultation: %+v", asked)
	}
	h.user("ana", func(u routing.UserState) bool { return u.CallID == "" })
	h.user("luis", routing.UserState.Available)
}

// dialing is SIPp as a phone of ana's that calls somebody. It has the address of
// the other phones: the switch speaks to nobody from anywhere else.
func (h *house) dialing(file, number, replaces string) *run {
	h.t.Helper()
	n := *h.network
	n.carrier = h.phones
	there := &house{network: &n, sip: h.sip}
	return there.sipp(scenario{file: file, says: anaTone, keys: map[string]string{"user": "ana", "dialed": number, "replaces": replaces},
		flags: []string{"-au", "ana", "-ap", "secret-ana", "-auth_uri", number + "@pbx.test"}})
}

// replaces names the dialog of SIPp's one call as the switch has it, for a
// Refer-To.
func (r *run) replaces() string {
	r.t.Helper()
	answer := regexp.MustCompile(`(?s)SIP/2\.0 200 OK.*?\nFrom:[^\n]*;tag=(\S+).*?\nTo:[^\n]*;tag=(\S+).*?\nCall-ID: (\S+)`)
	var found []string
	daemontest.Eventually(r.t, "SIPp's call is answered", func() bool {
		messages, err := os.ReadFile(filepath.Join(r.directory, "messages.log"))
		found = answer.FindStringSubmatch(string(messages))
		return err == nil && found != nil
	})
	return url.QueryEscape(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", found[3], found[2], found[1]))
}
