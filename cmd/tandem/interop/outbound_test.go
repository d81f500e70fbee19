//go:build linux

package interop_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"tandem/call"
	"tandem/routing"
)

const (
	outsideDialed = "600999888" // outsideNumber as a person of the country writes it
	earlyTone     = 1600        // what a carrier says before the answer, in Hz
	ringbackTone  = 425         // what the country's telephones hear while it rings, in Hz
)

// The credentials that the carrier wants of the switch.
const (
	carrierUser     = "acme"
	carrierPassword = "secret-carrier"
)

// TestCarrierAsksForCredentials: the carrier challenges the INVITE and says
// something before the answer; ana's phone hears first that, then the contact.
func TestCarrierAsksForCredentials(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, "baresip", "sipp")
	for status, headers := range map[string][2]string{
		"407 Proxy Authentication Required": {"Proxy-Authenticate", "Proxy-Authorization"},
		"401 Unauthorized":                  {"WWW-Authenticate", "Authorization"},
	} {
		t.Run(status[:3], func(t *testing.T) { challenged(t, network.within(t), status, headers[0], headers[1]) })
	}
}

func challenged(t *testing.T, network *network, status, asks, answers string) {
	h := newHouse(network, settings{trunk: fmt.Sprintf(", auth: { username: %s, password: %s }", carrierUser, carrierPassword)})
	wire := h.tap()
	carrier := h.sipp(scenario{
		file: "challenges.xml", status: status, early: earlyTone, says: outsideTone, local: carrierPort,
		keys: map[string]string{"challenge": asks}, flags: []string{"-d", "2000"},
	})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	ana.command("dial", outsideDialed)
	ana.tells(progress)
	ana.tells(established)
	holds(t, "what ana hears after the answer", wire.flows(h.phones), outsideTone, earlyTone, anaTone)
	holds(t, "what the contact hears", wire.flows(h.carrier), anaTone, outsideTone)
	ana.command("hangup", "")
	carrier.succeeds()
	heard := wire.only(h.phones)
	first, last := heard[0], heard[len(heard)-1]
	is(t, "sequence numbers that ana's phone got", int(last.sequence-first.sequence)+1, len(heard))
	holds(t, "what ana heard before the answer", sound(heard[50:75]), earlyTone, outsideTone)
	carrier.authorized(answers)
	h.outbound("ana", call.ResultCompleted, 200, 16)
}

// authorized checks the one header with credentials for an INVITE that SIPp
// got, against the definition (RFC 2617 section 3.2.2.1).
func (r *run) authorized(header string) {
	r.t.Helper()
	messages, err := os.ReadFile(filepath.Join(r.directory, "messages.log"))
	if err != nil {
		r.t.Fatal(err)
	}
	_, value, found := strings.Cut(string(messages), "\n"+header+": ")
	value, _, _ = strings.Cut(value, "\n")
	got, err := digest.ParseCredentials(strings.TrimSpace(value))
	if !found || err != nil {
		r.t.Fatalf("%s: %q, %v", header, value, err)
	}
	hash := func(parts ...string) string { return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":")))) }
	want := hash(hash(carrierUser, "carrier.test", carrierPassword),
		got.Nonce, fmt.Sprintf("%08x", got.Nc), got.Cnonce, "auth", hash("INVITE", got.URI))
	if got.Username != carrierUser || got.Realm != "carrier.test" || got.Opaque != "anything" || got.Response != want {
		r.t.Errorf("%s: %s, want response %s", header, value, want)
	}
}

// outbound checks the one call to the outside number.
func (h *house) outbound(user string, result call.Result, code, q850 int) {
	h.t.Helper()
	rec := h.record()
	if rec.Direction != call.Outbound || rec.User != user || rec.To != outsideNumber || rec.Number != salesNumber || rec.Trunk != "carrier" ||
		rec.Result != result || rec.SIPCode != code || rec.Q850 != q850 || (rec.AnsweredAt != nil) != (result == call.ResultCompleted) {
		h.t.Errorf("record: %+v", rec)
	}
	h.user(user, routing.UserState.Available)
}

// TestCarrierDeclines: what the carrier refuses with is what the phone shows
// and what the record says.
func TestCarrierDeclines(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, "baresip", "sipp")
	for _, c := range []struct {
		code, q850 int
		phrase     string
		result     call.Result
	}{
		{486, 17, "Busy Here", call.ResultBusy},
		{603, 21, "Decline", call.ResultBusy},
		{480, 19, "Temporarily Unavailable", call.ResultNoAnswer},
		{404, 1, "Not Found", call.ResultFailed},
	} {
		t.Run(strconv.Itoa(c.code), func(t *testing.T) {
			h := newHouse(network.within(t), settings{})
			carrier := h.sipp(scenario{
				file: "declines.xml", status: fmt.Sprint(c.code, " ", c.phrase), local: carrierPort, keys: map[string]string{"q850": strconv.Itoa(c.q850)},
			})
			ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
			ana.command("dial", outsideDialed)
			if e := ana.tells(closed); !strings.HasPrefix(e.Text, strconv.Itoa(c.code)+" ") {
				t.Errorf("the phone shows %q", e.Text)
			}
			carrier.succeeds()
			h.outbound("ana", c.result, c.code, c.q850)
		})
	}
}

// TestCarrierRenews: the carrier refreshes the session, with an offer and
// leaving the offer to the switch, and the conversation goes on.
func TestCarrierRenews(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	wire := h.tap()
	carrier := h.sipp(scenario{file: "reoffers.xml", says: outsideTone, local: carrierPort})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	ana.command("dial", outsideDialed)
	ana.tells(established)
	h.eventually("both re-INVITEs are acknowledged", func() bool { return h.metric("tandem_sip_requests_total", `method="ACK"`) >= 3 })
	holds(t, "what ana hears", wire.flows(h.phones), outsideTone, anaTone)
	holds(t, "what the contact hears", wire.flows(h.carrier), anaTone, outsideTone)
	wire.unbroken(wire.only(h.phones))
	ana.command("hangup", "")
	carrier.succeeds()
	h.outbound("ana", call.ResultCompleted, 200, 16)
}

// TestSwitchRenews: where the carrier leaves that to the switch, the switch
// refreshes the session at half time, by UPDATE if the carrier takes it.
func TestSwitchRenews(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp"), settings{})
	carrier := h.sipp(scenario{file: "refreshed.xml", says: outsideTone, local: carrierPort, flags: []string{"-m", "2", "-timeout", "80s"}})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "manual"})
	luis := h.luis("manual")
	for phone, number := range map[*phone]string{ana: outsideDialed, luis: "600999777"} {
		phone.command("dial", number)
		phone.tells(established)
	}
	select {
	case <-carrier.done:
	case <-time.After(time.Minute): // a session lasts for 90 s, the least
	}
	carrier.succeeds()
	ana.tells(closed)
	luis.tells(closed)
}

// TestSwitchRegisters: the switch registers with the carrier for as long as the
// carrier wants, and again in time.
func TestSwitchRegisters(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "sipp"), settings{trunk: ", register: { username: " + carrierUser + ", password: " + carrierPassword + ", expires: 60s }"})
	is(t, "trunk before", h.metric("tandem_trunk_up", `trunk="carrier"`), 0)
	carrier := h.sipp(scenario{file: "registrar.xml", local: carrierPort, keys: map[string]string{
		"user": carrierUser, "password": carrierPassword}})
	carrier.succeeds()
	is(t, "trunk up", h.metric("tandem_trunk_up", `trunk="carrier"`), 1)
}

// TestCommandDials: an administrator has ana call the contact. Her phone is told
// to answer by itself; she hears the ringback, then the contact.
func TestCommandDials(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sipp", "go"), settings{})
	h.build()
	wire := h.tap()
	carrier := h.sipp(scenario{file: "answers.xml", says: outsideTone, local: carrierPort})
	ana := h.newPhone(desk{user: "ana", says: anaTone, answer: "auto"})
	said := h.tandem("dial", "ana", outsideDialed)
	rec := h.calls("")[0]
	if !strings.Contains(said, string(rec.ID)) || !strings.Contains(said, salesNumber) {
		t.Errorf("tandem dial says %q of %+v", said, rec)
	}
	ana.tells(established)
	for _, order := range []string{"answer-after=0", "info=alert-autoanswer", "Answer-Mode: Auto"} {
		if !ana.said.holds(order) {
			t.Errorf("ana's phone gets no %s", order)
		}
	}
	h.eventually("they talk", func() bool { return h.calls("")[0].State == call.StateActive })
	holds(t, "what ana hears", wire.flows(h.phones), outsideTone, anaTone)
	holds(t, "what the contact hears", wire.flows(h.carrier), anaTone, outsideTone)
	h.tandem("hangup", string(rec.ID))
	ana.tells(closed)
	carrier.succeeds()
	h.outbound("ana", call.ResultCompleted, 200, 16)
}

// build makes the switch's own program, beside its configuration.
func (h *house) build() {
	h.t.Helper()
	if out, err := exec.CommandContext(h.t.Context(), "go", "build", "-o", h.program(), "tandem/cmd/tandem").CombinedOutput(); err != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
}

func (h *house) program() string { return filepath.Join(filepath.Dir(h.config), "tandem") }

// tandem runs the switch's own program as an administrator and returns what it
// says.
func (h *house) tandem(args ...string) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, h.program(), append([]string{"--config", h.config}, args...)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("tandem %v: %v: %s", args, err, out)
	}
	return string(out)
}
