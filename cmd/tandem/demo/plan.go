package demo

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"text/template"
	"time"
)

// domain is the host of the salespeople's addresses.
const domain = "demo.tandem.example"

// The account's own numbers, and where callers after hours are sent.
const (
	salesNumber   = "+34910000001"
	serviceNumber = "+34910000002"
	outsideNumber = "+34600999888"
)

// plan is what the configuration file is filled in with.
type plan struct {
	Folder, Carrier, Domain             string
	SalesNumber, ServiceNumber, Outside string
	AnaPassword, LuisPassword           string
	NuriaPassword                       string
	CRM, CRMToken, AnaOwner, LuisOwner  string
	FirstPort, LastPort, MaxCalls       int
	OpenDay                             string // a day of the week that is not today
}

// newPlan picks what the machine decides: passwords and media ports.
func newPlan(folder, carrier string, crm *crmDesk) (plan, error) {
	first, last, err := freePorts()
	return plan{
		Folder: folder, Carrier: carrier, Domain: domain,
		SalesNumber: salesNumber, ServiceNumber: serviceNumber, Outside: outsideNumber,
		AnaPassword: rand.Text(), LuisPassword: rand.Text(), NuriaPassword: rand.Text(),
		CRM: crm.url(), CRMToken: crm.token, AnaOwner: anaOwner, LuisOwner: luisOwner,
		FirstPort: first, LastPort: last, MaxCalls: blockPorts / callPorts, OpenDay: otherDay(time.Now()),
	}, err
}

// otherDay returns a day of the week, as the configuration writes it, that it
// is nowhere on earth at that time, nor will be within the next day.
func otherDay(now time.Time) string {
	return strings.ToLower(now.AddDate(0, 0, 3).Weekday().String()[:3])
}

// write makes the configuration file. It holds passwords, so it is private.
func (p plan) write(path string) error {
	t, err := template.New("tandem.yaml").Parse(configuration)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := t.Execute(&text, p); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

// configuration is the switch's configuration file.
const configuration = `# The configuration that ` + "`tandem demo`" + ` ran with. All addresses are loopback.
account: { name: Tandem Demo, country: ES, timezone: Europe/Madrid }

data: {{printf "%q" .Folder}}

sip:
  listen: ["udp://127.0.0.1:0"]        # any free port
  domain: {{.Domain}}
  max_calls: {{.MaxCalls}}

media:
  ports: {{.FirstPort}}-{{.LastPort}}

http: { listen: "127.0.0.1:0" }

recording: { enabled: true }

crm:
  provider: hubspot                    # a stand-in, that runs as long as the demonstration does
  token: {{.CRMToken}}
  base_url: {{.CRM}}
  allow_private: true
  sync_after: 2s                       # short, for a short day

trunks:
  - { name: carrier, address: "{{.Carrier}}", allow: [127.0.0.2/32] }

numbers:
  - { number: "{{.SalesNumber}}", trunks: [carrier], playbook: sales }
  - { number: "{{.ServiceNumber}}", trunks: [carrier], playbook: after-hours }

users:
  - { name: ana, display: Ana García, extension: "101", sip_password: {{.AnaPassword}}, crm_owner: "{{.AnaOwner}}" }
  - { name: luis, display: Luis Pérez, extension: "102", sip_password: {{.LuisPassword}}, crm_owner: "{{.LuisOwner}}" }
  - { name: nuria, display: Nuria Soler, extension: "201", sip_password: {{.NuriaPassword}}, role: supervisor }

playbooks:
  - name: sales
    users: [ana, luis]
    wrap_up: 1s                        # short, for a short day
  - name: after-hours
    users: [ana, luis]
    hours: { weekly: { {{.OpenDay}}: ["09:00-14:00"] } }   # closed on the day of the demonstration
    closed: { redirect: "{{.Outside}}", missed_task: unanswered }
`

// Media ports: blocks of blockPorts between lowestPort and the ports that
// systems give out by themselves.
const (
	lowestPort  = 20000
	highestPort = 32000
	blockPorts  = 400
	callPorts   = 4 // RTP and RTCP on both sides of a call
)

// freePorts finds a block of UDP ports that nobody uses.
func freePorts() (first, last int, err error) {
	for first := lowestPort; first < highestPort; first += blockPorts {
		if free(first, blockPorts) {
			return first, first + blockPorts - 1, nil
		}
	}
	return 0, 0, errors.New("no free block of media ports")
}

// free reports whether n UDP ports from first on can be bound.
func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		if err != nil {
			return false
		}
		_ = c.Close() // nothing was sent
	}
	return true
}
