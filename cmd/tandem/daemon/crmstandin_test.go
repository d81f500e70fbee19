package daemon_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	hubspot "tandem/crm/hubspot/standin"
	pipedrive "tandem/crm/pipedrive/standin"
	"tandem/web"
)

const (
	crmToken = "pat-eu1-to-be-told-nobody"
	anaOwner = "771" // ana's ID in the CRM
)

// standIn is a CRM on loopback that the switch reaches as the real one.
type standIn struct {
	t        *testing.T
	provider string
	api      http.Handler
	logged   func() []call.ID // whose activities it holds
	contacts func() int
	writes   []write // of a call, in their order
	addr     string
	server   *httptest.Server

	mu   sync.Mutex
	next write         // whose answer is withheld; zero: none
	held chan struct{} // told when it was
}

// write is a request that changes the CRM.
type write struct{ method, path string }

// open has the stand-in answer, at the address that it had before.
func (c *standIn) open() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.addr = l.Addr().String()
	c.server = httptest.NewUnstartedServer(c)
	c.server.Listener.Close()
	c.server.Listener = l
	c.server.Start()
}

// close has the stand-in be nowhere.
func (c *standIn) close() {
	c.server.CloseClientConnections()
	c.server.Close()
}

// withhold carries the next request of a kind out and does not answer it.
func (c *standIn) withhold(w write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = w
}

// ServeHTTP implements http.Handler.
func (c *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	withheld := c.next.method == r.Method && strings.Contains(r.URL.Path, c.next.path)
	if withheld {
		c.next = write{}
	}
	c.mu.Unlock()
	if !withheld {
		c.api.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	c.api.ServeHTTP(answer, r)
	if answer.Code >= 300 {
		c.t.Errorf("%s %s is refused: %s", r.Method, r.URL.Path, answer.Body)
	}
	c.held <- struct{}{}
	<-r.Context().Done() // until the switch has died
}

// config is the section that leads the switch there.
func (c *standIn) config() string {
	return fmt.Sprintf("crm: { provider: %s, token: %s, base_url: \"http://%s\", allow_private: true, sync_after: 3s }", c.provider, crmToken, c.addr)
}

// house prepares a house whose calls go there.
func (c *standIn) house(members string) *house {
	c.t.Helper()
	h := prepareHouse(c.t, settings{members: members, extra: c.config()})
	h.edit(`extension: "101",`, `extension: "101", crm_owner: "`+anaOwner+`",`)
	h.edit(`http: { listen: "127.0.0.1:0" }`, `http: { listen: "127.0.0.1:0", public_url: "https://pbx.example" }`)
	return h
}

// holds fails unless the CRM has each of the calls once, and no other.
func (c *standIn) holds(calls ...call.Record) {
	c.t.Helper()
	var want []call.ID
	for _, rec := range calls {
		want = append(want, rec.ID)
	}
	got := c.logged()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.t.Errorf("activities of calls %q, want %q", got, want)
	}
}

// crm is the state of the outbox.
func (h *house) crm() web.CRMStatus {
	h.t.Helper()
	return daemontest.Read[web.CRMStatus](h.api, "/crm")
}

// drained waits until every call is in the CRM and complete.
func (h *house) drained() {
	h.t.Helper()
	daemontest.Eventually(h.t, "every call is in the CRM", func() bool {
		s := h.crm()
		if s.Failed > 0 {
			h.t.Fatalf("a call failed: %+v", s)
		}
		return s.Pending == 0 && s.ToComplete == 0
	})
}

// discreet fails when a credential stands in the log, the metrics or the
// outbox's state.
func (h *house) discreet(secret string) {
	h.t.Helper()
	_, state := h.api.Do(http.MethodGet, "/crm", nil)
	if h.logged.has(secret) || strings.Contains(h.api.Metrics().Text, secret) || strings.Contains(string(state), secret) {
		h.t.Error("the CRM's token is told")
	}
}

// hubSpot opens a HubSpot.
func hubSpot(t *testing.T) (*standIn, *hubspot.Server) {
	t.Helper()
	s := hubspot.New(hubspot.Options{Token: crmToken, Owners: []string{anaOwner}})
	c := &standIn{
		t: t, provider: "hubspot", api: s, held: make(chan struct{}, 1), addr: "127.0.0.1:0",
		contacts: func() int { return len(s.Contacts()) },
		logged: func() (ids []call.ID) {
			for _, r := range s.Calls() {
				ids = append(ids, call.ID(r.Properties["hs_call_external_id"]))
			}
			return ids
		},
		writes: []write{
			{http.MethodPost, "/contacts/batch/upsert"}, {http.MethodPost, "/calls/batch/upsert"},
			{http.MethodPut, "/associations/"}, {http.MethodPatch, "/calls/"},
		},
	}
	c.open()
	t.Cleanup(c.close)
	return c, s
}

// pipeDrive opens a Pipedrive.
func pipeDrive(t *testing.T) (*standIn, *pipedrive.Server) {
	t.Helper()
	s := pipedrive.New(pipedrive.Options{Token: crmToken, Users: []int{1, 771}, Admin: true})
	named := regexp.MustCompile(`Tandem call ([0-9A-Z]{26})`)
	c := &standIn{
		t: t, provider: "pipedrive", api: s, held: make(chan struct{}, 1), addr: "127.0.0.1:0",
		contacts: func() int { return len(s.Persons()) },
		logged: func() (ids []call.ID) {
			for _, a := range s.Activities() {
				for _, found := range named.FindAllStringSubmatch(a.Note, -1) {
					ids = append(ids, call.ID(found[1]))
				}
			}
			if logs := s.CallLogs(); len(logs) != len(ids) {
				t.Errorf("%d call logs of %d calls", len(logs), len(ids))
			}
			return ids
		},
		writes: []write{
			{http.MethodPost, "/persons"}, {http.MethodPost, "/activities"},
			{http.MethodPost, "/callLogs"}, {http.MethodPatch, "/activities/"},
		},
	}
	c.open()
	t.Cleanup(c.close)
	return c, s
}

// eachCRM runs a test against every vendor.
func eachCRM(t *testing.T, test func(*testing.T, *standIn)) {
	t.Run("hubspot", func(t *testing.T) {
		c, _ := hubSpot(t)
		test(t, c)
	})
	t.Run("pipedrive", func(t *testing.T) {
		c, _ := pipeDrive(t)
		test(t, c)
	})
}
