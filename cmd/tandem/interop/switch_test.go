//go:build linux

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/routing"
)

const (
	contactNumber = "+34600111222"
	salesNumber   = "+34910000001"
	closedNumber  = "+34910000002"
	outsideNumber = "+34600999888"
)

// patience bounds every wait.
const patience = daemontest.Patience

// carrierPort is where the carrier takes calls; the network is its own.
const carrierPort = 5070

// house is a running switch on the host's end of a network.
type house struct {
	*network
	sip    string // host:port, UDP and TCP
	tls    string // host:port, when it is secure
	trust  string // file with the certificate that it shows there
	api    *daemontest.Client
	config string // its configuration file
}

// settings are what tests change in the configuration.
type settings struct {
	reception string // keys of playbooks[sales].reception
	closed    string // keys of playbooks[closed].closed
	trunk     string // further keys of trunks[carrier], each after a comma
	secure    bool   // it listens on TLS, too, and users' phones have to encrypt their audio
}

// file returns the configuration of a switch within a network. The same port
// is asked for UDP and TCP, the next one for TLS.
func (s settings) file(n *network, data string, port int) string {
	var listen, keys, phone string
	if s.secure {
		listen = fmt.Sprintf(`, "tls://%s:%d"`, n.host, port+1)
		keys = "tls: { cert: tls.pem, key: tls.key }"
		phone = ", srtp: required"
	}
	return fmt.Sprintf(`
account: { name: Test, country: ES, timezone: Europe/Madrid }
data: %[1]s
sip:
  listen: ["udp://%[2]s:%[3]d", "tcp://%[2]s:%[3]d"%[11]s]
  %[12]s
  domain: pbx.test
http: { listen: "127.0.0.1:0" }
recording: { enabled: true }
trunks:
  - { name: carrier, address: "%[4]s:%[5]d", allow: [%[4]s/32], keepalive: 0s%[10]s }
numbers:
  - { number: "%[6]s", trunks: [carrier], playbook: sales }
  - { number: "%[7]s", trunks: [carrier], playbook: closed }
users:
  - { name: ana, display: "Ana García", extension: "101", sip_password: secret-ana%[13]s }
  - { name: luis, display: "Luis Pérez", extension: "102", sip_password: secret-luis%[13]s }
playbooks:
  - name: sales
    users: [ana, luis]
    wrap_up: 0s
    reception: { %[8]s }
  - name: closed
    users: [ana]
    hours: { weekly: {} }
    closed: { %[9]s }
`, data, n.host, port, n.carrier, carrierPort, salesNumber, closedNumber, s.reception, s.closed, s.trunk, listen, keys, phone)
}

// newHouse runs a switch in this process until the test ends.
func newHouse(n *network, s settings) *house {
	n.t.Helper()
	data := n.t.TempDir()
	file := filepath.Join(data, "tandem.yaml")
	if s.secure {
		certify(n.t, data, n.host)
	}
	// The network is new and nobody else's: every port of the host's end is free.
	if err := os.WriteFile(file, []byte(s.file(n, data, 5060)), 0o600); err != nil {
		n.t.Fatal(err)
	}
	sw := daemontest.Run(n.t, daemon.Options{Config: file, Log: newTranscript(n.t, "switch"), Version: "test"})
	h := &house{network: n, sip: sw.SIPAddrs()[0].String(), api: sw.API, config: file}
	if s.secure {
		h.tls, h.trust = sw.SIPAddrs()[2].String(), filepath.Join(data, "tls.pem")
	}
	return h
}

// calls returns what the switch knows of calls, the newest first.
func (h *house) calls(query string) []call.Record {
	h.t.Helper()
	return daemontest.List[call.Record](h.api, "/calls?limit=500&"+query)
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
	tasks := daemontest.List[routing.Task](h.api, "/tasks?kind=missed_call")
	if len(tasks) != 1 || tasks[0].CallID != rec.ID || tasks[0].User != user || tasks[0].State != call.TaskOpen {
		h.t.Errorf("missed-call tasks: %+v", tasks)
	}
}

// user waits for a state of a user.
func (h *house) user(name string, holds func(routing.UserState) bool) {
	h.t.Helper()
	h.eventually("state of "+name, func() bool {
		for _, u := range daemontest.List[routing.UserState](h.api, "/users") {
			if u.Name == name {
				return holds(u)
			}
		}
		return false
	})
}

// metric returns the sum of a metric over its labels, of those series whose
// labels hold the text.
func (h *house) metric(name, labels string) float64 {
	h.t.Helper()
	return h.api.Metrics().Sum(name, labels)
}

// eventually waits until something holds.
func (n *network) eventually(what string, holds func() bool) {
	n.t.Helper()
	daemontest.Eventually(n.t, what, holds)
}

// is fails the test unless got is as wanted.
func is[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
