package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/peer"
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

// patience bounds every wait: long enough for a machine under load.
const patience = 20 * time.Second

// house is a running switch with a carrier and telephones around it.
type house struct {
	t       *testing.T
	data    string
	file    string
	d       *daemon.Daemon
	sip     string // the switch's UDP address
	carrier *peer.Carrier
	api     *client
	stop    func()
	agents  []peer.Traced
	logged  transcript // what the switch logged in this process
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
  - { name: carrier, address: "%s", allow: [127.0.0.2/32], keepalive: 0s }
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
`, data, indent(s.media, "  "), carrier, salesNumber, closedNumber, indent(s.users, "  "), or(s.members, "ana, luis"),
		or(s.wrapUp, "0s"), or(s.reception, "timeout: 15s"), s.closed, s.extra)
}

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
	// The carrier has an address of its own: a trunk is known by its source.
	carrier, err := peer.NewCarrier(peer.Options{
		Name: "carrier", Bind: "127.0.0.2:0", Domain: "carrier.test",
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
	d, err := daemon.New(h.t.Context(), daemon.Options{Config: h.file, Log: io.MultiWriter(testWriter{h.t}, &h.logged), Version: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("the switch ended with: %v", err)
		}
	})
	h.t.Cleanup(h.stop)
	h.d, h.sip = d, d.SIPAddrs()[0].String()
	h.api = newClient(h.t, d.Socket())
	h.api.eventually("the switch is ready", func() bool {
		res, err := h.api.http.Get("http://tandem/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
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
	return context.WithTimeout(context.Background(), patience)
}

// record waits until the switch holds n calls and the newest has ended.
func (h *house) record(n int) call.Record {
	h.t.Helper()
	var calls []call.Record
	h.api.eventually(fmt.Sprintf("%d calls, the newest ended", n), func() bool {
		calls = list[call.Record](h.api, "/calls")
		return len(calls) == n && calls[0].State == call.StateEnded
	})
	return calls[0]
}

// userIs waits for a state of a user.
func (h *house) userIs(name string, holds func(routing.UserState) bool) {
	h.t.Helper()
	h.api.eventually("state of "+name, func() bool {
		for _, u := range list[routing.UserState](h.api, "/users") {
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
	return list[routing.Task](h.api, "/tasks?kind="+string(kind))
}

// client speaks to the API on the admin socket.
type client struct {
	t    *testing.T
	http *http.Client
}

func newClient(t *testing.T, socket string) *client {
	return &client{t: t, http: &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// do sends a request and returns status and body.
func (c *client) do(method, path string, body any) (int, []byte) {
	c.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://tandem/api/v1"+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if _, gone := errors.AsType[*url.Error](err); gone {
			return 0, nil // no switch is there, now
		}
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, b
}

// want sends a request and fails unless the status is as wanted.
func (c *client) want(status int, method, path string, body any) []byte {
	c.t.Helper()
	got, b := c.do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, b)
	}
	return b
}

// list returns the first page of a listing.
func list[T any](c *client, path string) []T {
	c.t.Helper()
	status, body := c.do(http.MethodGet, path, nil)
	if status != http.StatusOK {
		return nil
	}
	var page struct{ Items []T }
	if err := json.Unmarshal(body, &page); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return page.Items
}

// eventually waits until something holds.
func (c *client) eventually(what string, holds func() bool) {
	c.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			c.t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}
