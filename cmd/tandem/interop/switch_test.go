//go:build linux

package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/routing"
)

const (
	contactNumber = "+34600111222"
	salesNumber   = "+34910000001"
	closedNumber  = "+34910000002"
	outsideNumber = "+34600999888"
)

// patience bounds every wait: long enough for a machine under load.
const patience = 20 * time.Second

// carrierPort is where the carrier takes calls; the network is its own.
const carrierPort = 5070

// house is a running switch on the host's end of a network.
type house struct {
	*network
	sip  string // host:port, UDP and TCP
	http *http.Client
}

// settings are what tests change in the configuration.
type settings struct {
	reception string // keys of playbooks[sales].reception
	closed    string // keys of playbooks[closed].closed
}

// file returns the configuration of a switch within a network. The same port
// is asked for UDP and TCP.
func (s settings) file(n *network, data string, port int) string {
	return fmt.Sprintf(`
account: { name: Test, country: ES, timezone: Europe/Madrid }
data: %[1]s
sip:
  listen: ["udp://%[2]s:%[3]d", "tcp://%[2]s:%[3]d"]
  domain: pbx.test
http: { listen: "127.0.0.1:0" }
recording: { enabled: true }
trunks:
  - { name: carrier, address: "%[4]s:%[5]d", allow: [%[4]s/32], keepalive: 0s }
numbers:
  - { number: "%[6]s", trunks: [carrier], playbook: sales }
  - { number: "%[7]s", trunks: [carrier], playbook: closed }
users:
  - { name: ana, display: "Ana García", extension: "101", sip_password: secret-ana }
  - { name: luis, display: "Luis Pérez", extension: "102", sip_password: secret-luis }
playbooks:
  - name: sales
    users: [ana, luis]
    wrap_up: 0s
    reception: { %[8]s }
  - name: closed
    users: [ana]
    hours: { weekly: {} }
    closed: { %[9]s }
`, data, n.host, port, n.carrier, carrierPort, salesNumber, closedNumber, s.reception, s.closed)
}

// newHouse runs a switch in this process until the test ends.
func newHouse(n *network, s settings) *house {
	n.t.Helper()
	data := n.t.TempDir()
	file := filepath.Join(data, "tandem.yaml")
	// The network is new and nobody else's: every port of the host's end is free.
	if err := os.WriteFile(file, []byte(s.file(n, data, 5060)), 0o600); err != nil {
		n.t.Fatal(err)
	}
	d, err := daemon.New(n.t.Context(), daemon.Options{Config: file, Log: newTranscript(n.t, "switch"), Version: "test"})
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	n.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("the switch ended with: %v", err)
		}
	})
	h := &house{network: n, sip: d.SIPAddrs()[0].String(), http: onSocket(d.Socket())}
	h.eventually("the switch is ready", func() bool {
		status, _ := h.get("/readyz")
		return status == http.StatusOK
	})
	return h
}

func onSocket(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

// get asks the admin socket; status 0 says that nobody answered.
func (h *house) get(path string) (status int, body []byte) {
	h.t.Helper()
	res, err := h.http.Get("http://tandem" + path)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, body
}

// read fetches a resource of the API.
func read[T any](h *house, path string) T {
	h.t.Helper()
	var v T
	status, body := h.get("/api/v1" + path)
	if status != http.StatusOK {
		h.t.Fatalf("%s: status %d: %s", path, status, body)
	}
	if err := json.Unmarshal(body, &v); err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	return v
}

// page is a listing as the API gives it.
type page[T any] struct{ Items []T }

// calls returns what the switch knows of calls, the newest first.
func (h *house) calls(query string) []call.Record {
	h.t.Helper()
	return read[page[call.Record]](h, "/calls?limit=500&"+query).Items
}

// record waits until the switch holds one call, and that one ended.
func (h *house) record() call.Record {
	h.t.Helper()
	var calls []call.Record
	h.eventually("one call, ended", func() bool {
		calls = h.calls("")
		return len(calls) == 1 && calls[0].State == call.StateEnded
	})
	return calls[0]
}

// missed checks what every missed call leaves behind.
func (h *house) missed(result call.Result, reason call.MissedReason, user string) {
	h.t.Helper()
	rec := h.record()
	if rec.Result != result || !rec.Missed || rec.Reason != reason || rec.AnsweredAt != nil {
		h.t.Errorf("record: result %s, missed %v, reason %s, answered %v", rec.Result, rec.Missed, rec.Reason, rec.AnsweredAt)
	}
	tasks := read[page[routing.Task]](h, "/tasks?kind=missed_call").Items
	if len(tasks) != 1 || tasks[0].CallID != rec.ID || tasks[0].User != user || tasks[0].State != call.TaskOpen {
		h.t.Errorf("missed-call tasks: %+v", tasks)
	}
}

// user waits for a state of a user.
func (h *house) user(name string, holds func(routing.UserState) bool) {
	h.t.Helper()
	h.eventually("state of "+name, func() bool {
		for _, u := range read[page[routing.UserState]](h, "/users").Items {
			if u.Name == name {
				return holds(u)
			}
		}
		return false
	})
}

// metric returns the sum of a metric over its labels, of those series whose
// labels hold the text.
func (h *house) metric(name, labels string) (sum float64) {
	h.t.Helper()
	_, body := h.get("/metrics")
	for line := range strings.Lines(string(body)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, with, _ := strings.Cut(series, "{"); base != name || !strings.Contains(with, labels) {
			continue
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			h.t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}

// eventually waits until something holds.
func (n *network) eventually(what string, holds func() bool) {
	n.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			n.t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// is fails the test unless got is as wanted.
func is[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
