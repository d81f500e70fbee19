package daemon_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/config"
	"tandem/crm"
	"tandem/routing"
)

// The tones that people say, in Hz: far enough from each other's harmonics.
const (
	contactTone = 500
	anaTone     = 700
	luisTone    = 900
	outsideTone = 1150
)

const (
	contactNumber = "+34600111222"
	salesNumber   = "+34910000001"
	closedNumber  = "+34910000002"
	outsideNumber = "+34600999888"
)

// house is a running switch with a carrier and telephones around it.
type house struct {
	t       *testing.T
	data    string
	file    string
	sw      *daemontest.Switch // nil while it runs in a process of its own
	sip     string             // the switch's UDP address
	carrier *peer.Carrier
	api     *daemontest.Client
	stop    func()
	agents  []peer.Traced
	logged  transcript // what the switch logged in this process
	vendor  func(config.CRM) (crm.Vendor, error)
}

// transcript keeps a log.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

// settings are what tests change in the configuration.
type settings struct {
	reception string // keys of playbooks[sales].reception
	closed    string // keys of playbooks[closed].closed
	extra     string // further top-level sections
	users     string // further users
	members   string // users of the playbook sales; default ana, luis
	wrapUp    string
	media     string // lines of media
	carrierAt string // the carrier's host; default 127.0.0.2
}

// file returns the configuration of a house whose carrier is at the given address.
func (s settings) file(data, carrier string) string {
	or := func(value, instead string) string {
		if value == "" {
			return instead
		}
		return value
	}
	indent := func(lines, by string) string {
		return strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n"+by)
	}
	return fmt.Sprintf(`
account: { name: Test, country: ES, timezone: Europe/Madrid }
data: %s
sip:
  listen: ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
  domain: pbx.test
media:
  ports: 20000-29999
  %s
http: { listen: "127.0.0.1:0" }
recording: { enabled: true }
trunks:
  - { name: carrier, address: "%s", allow: [%s/32], keepalive: 0s }
numbers:
  - { number: "%s", trunks: [carrier], playbook: sales }
  - { number: "%s", trunks: [carrier], playbook: closed }
users:
  - { name: ana, display: "Ana García", extension: "101", sip_password: secret-ana }
  - { name: luis, display: "Luis Pérez", extension: "102", sip_password: secret-luis }
  %s
playbooks:
  - name: sales
    users: [%s]
    wrap_up: %s
    reception: { %s }
  - name: closed
    users: [ana]
    hours: { weekly: {} }
    closed: { %s }
%s
`, data, indent(s.media, "  "), carrier, or(s.carrierAt, elsewhere), salesNumber, closedNumber, indent(s.users, "  "), or(s.members, "ana, luis"),
		or(s.wrapUp, "0s"), or(s.reception, "timeout: 15s"), s.closed, s.extra)
}

// elsewhere is where the carrier is: a trunk is known by its source.
const elsewhere = "127.0.0.2"

// newHouse builds and runs a switch in this process.
func newHouse(t *testing.T, s settings) *house {
	t.Helper()
	h := prepareHouse(t, s)
	h.run()
	return h
}

// prepareHouse writes the configuration and opens the carrier.
func prepareHouse(t *testing.T, s settings) *house {
	t.Helper()
	h := &house{t: t, data: t.TempDir()}
	carrier, err := peer.NewCarrier(peer.Options{
		Name: "carrier", Bind: net.JoinHostPort(cmp.Or(s.carrierAt, elsewhere), "0"), Domain: "carrier.test",
		Media: peer.MediaOptions{Source: peer.Tone(contactTone)},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.carrier = carrier
	h.agents = append(h.agents, carrier)
	t.Cleanup(func() { carrier.Close() })
	h.file = filepath.Join(h.data, "tandem.yaml")
	if err := os.WriteFile(h.file, []byte(s.file(h.data, carrier.Addr())), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("messages:\n%s", peer.Ladder(h.agents...))
		}
	})
	return h
}

// edit changes the configuration file.
func (h *house) edit(old, replacement string) {
	h.t.Helper()
	text, err := os.ReadFile(h.file)
	h.must(err)
	if !bytes.Contains(text, []byte(old)) {
		h.t.Fatalf("no %q in the configuration", old)
	}
	h.must(os.WriteFile(h.file, bytes.Replace(text, []byte(old), []byte(replacement), 1), 0o600))
}

// run starts the switch.
func (h *house) run() {
	h.t.Helper()
	o := daemon.Options{Config: h.file, Log: io.MultiWriter(testWriter{h.t}, &h.logged), Version: "test"}
	o.SetVendor(h.vendor)
	sw := daemontest.Run(h.t, o)
	h.sw, h.api, h.stop, h.sip = sw, sw.API, sw.Stop, sw.SIPAddrs()[0].String()
}

// testWriter hands log lines to the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	defer func() { _ = recover() }() // a line after the test's end is nobody's
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// phone opens a registered telephone of a user, who says a tone.
func (h *house) phone(user string, tone float64, change ...func(*peer.Options)) *peer.Phone {
	h.t.Helper()
	o := peer.Options{
		Name: user, Server: h.sip, Domain: "pbx.test", User: user, Password: "secret-" + user,
		Media: peer.MediaOptions{Source: peer.Tone(tone)},
	}
	for _, c := range change {
		c(&o)
	}
	p, err := peer.NewPhone(o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.agents = append(h.agents, p)
	h.t.Cleanup(func() { p.Close() })
	ctx, cancel := wait()
	defer cancel()
	if _, err := p.Register(ctx, 10*time.Minute); err != nil {
		h.t.Fatalf("%s registers: %v", user, err)
	}
	h.userIs(user, func(u routing.UserState) bool { return u.Registered })
	return p
}

// call places a call from the contact's number through the carrier.
func (h *house) call(change ...func(*peer.CallOptions)) *peer.Call {
	h.t.Helper()
	o := peer.CallOptions{From: contactNumber, Display: "María López", To: salesNumber, Server: h.sip}
	for _, c := range change {
		c(&o)
	}
	ctx, cancel := wait()
	defer cancel()
	c, err := h.carrier.Call(ctx, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// rung waits for a call to a phone and lets it ring.
func (h *house) rung(p *peer.Phone) *peer.Call {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	c, err := p.Accept(ctx)
	if err != nil {
		h.t.Fatalf("the phone does not ring: %v", err)
	}
	h.must(c.Ring())
	return c
}

// answered waits for a call to a phone and lifts it.
func (h *house) answered(p *peer.Phone) *peer.Call {
	h.t.Helper()
	c := h.rung(p)
	h.must(c.Answer())
	return c
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// hears fails unless the call hears the tone.
func (h *house) hears(who string, c *peer.Call, hz float64) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	if err := c.Media().HearsTone(ctx, hz); err != nil {
		h.t.Fatalf("%s: %v", who, err)
	}
}

// hearsMusic fails unless the call hears something that is nobody's tone.
func (h *house) hearsMusic(who string, c *peer.Call) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	if err := c.Media().HearsMusic(ctx, contactTone, anaTone, luisTone, outsideTone); err != nil {
		h.t.Fatalf("%s: %v", who, err)
	}
}

// ended waits for the end of a call.
func (h *house) ended(who string, c *peer.Call) peer.End {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	end, err := c.WaitEnded(ctx)
	if err != nil {
		h.t.Fatalf("%s: %v", who, err)
	}
	return end
}

func wait() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), daemontest.Patience)
}

// record waits until the switch holds n calls and the newest has ended.
func (h *house) record(n int) call.Record {
	h.t.Helper()
	var calls []call.Record
	daemontest.Eventually(h.t, fmt.Sprintf("%d calls, the newest ended", n), func() bool {
		calls = daemontest.List[call.Record](h.api, "/calls?limit=500")
		return len(calls) == n && calls[0].State == call.StateEnded
	})
	return calls[0]
}

// userIs waits for a state of a user.
func (h *house) userIs(name string, holds func(routing.UserState) bool) {
	h.t.Helper()
	daemontest.Eventually(h.t, "state of "+name, func() bool {
		for _, u := range daemontest.List[routing.UserState](h.api, "/users") {
			if u.Name == name {
				return holds(u)
			}
		}
		return false
	})
}

// tasks returns all tasks of a kind.
func (h *house) tasks(kind routing.TaskKind) []routing.Task {
	h.t.Helper()
	return daemontest.List[routing.Task](h.api, "/tasks?kind="+string(kind))
}
