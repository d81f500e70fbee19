package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/crm/hubspot/standin"
)

// Whom the CRM knows Ana and Luis as.
const (
	anaOwner  = "1101"
	luisOwner = "1102"
)

// note is what Ana writes about the first call.
const note = "Wants the offer for 20 seats by Friday; call back at noon."

// crmDesk is a HubSpot of our own, on loopback.
type crmDesk struct {
	*standin.Server
	token  string
	at     net.Addr
	http   *http.Server
	served chan error
}

// openCRM opens a HubSpot with nobody in it. Close it.
func openCRM() (*crmDesk, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("CRM: %w", err)
	}
	c := &crmDesk{token: "demo-" + rand.Text(), at: l.Addr(), served: make(chan error, 1)}
	c.Server = standin.New(standin.Options{Token: c.token, Owners: []string{anaOwner, luisOwner}, PerTenSeconds: 100, Searches: 5})
	c.http = &http.Server{Handler: c.Server, ReadHeaderTimeout: 10 * time.Second}
	go func() { c.served <- c.http.Serve(l) }()
	return c, nil
}

// url is where the API is.
func (c *crmDesk) url() string { return "http://" + c.at.String() }

func (c *crmDesk) close() error {
	err := c.http.Close()
	if served := <-c.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// notes has Ana write a note about a call that is over.
func (d *day) notes(ctx context.Context, id string) error {
	if _, err := d.api.ask(ctx, http.MethodPatch, "/api/v1/calls/"+id, map[string]string{"notes": note}); err != nil {
		return fmt.Errorf("%s writes a note: %w", d.ana.name, err)
	}
	d.noted = id
	d.screen.step(d.ana.name, "notes: %s", note)
	return nil
}

// synced waits until every call is in the CRM, once, and complete, and shows
// the first as the CRM has it.
func (d *day) synced(ctx context.Context) error {
	if err := eventually(ctx, "every call is in the CRM", func() (bool, error) { return d.drained(ctx) }); err != nil {
		return err
	}
	calls, err := list[shownCall](ctx, d.api, "/calls")
	if err != nil {
		return err
	}
	logged := d.crm.Calls()
	for _, c := range calls {
		n := len(activities(logged, c.ID))
		if n != 1 {
			return fmt.Errorf("the CRM has call %s %d times", c.ID, n)
		}
	}
	if len(logged) != len(calls) {
		return fmt.Errorf("the CRM has %d calls, the switch %d", len(logged), len(calls))
	}
	contacts := d.crm.Contacts()
	d.screen.step("CRM", "%d calls and %d contacts are there, each once; the first call:", len(logged), len(contacts))
	return d.activity(activities(logged, d.noted)[0], contacts)
}

// drained reports whether nothing waits for the CRM any more.
func (d *day) drained(ctx context.Context) (bool, error) {
	answer, err := d.api.ask(ctx, http.MethodGet, "/api/v1/crm", nil)
	if err != nil {
		return false, err
	}
	var s struct {
		Pending    int    `json:"pending"`
		ToComplete int    `json:"to_complete"`
		Failed     int    `json:"failed"`
		Error      string `json:"error"`
	}
	if err := json.Unmarshal(answer, &s); err != nil {
		return false, err
	}
	if s.Failed > 0 {
		return false, fmt.Errorf("%d calls failed: %s", s.Failed, s.Error)
	}
	return s.Pending == 0 && s.ToComplete == 0, nil
}

// activities are the CRM's records of a call.
func activities(logged []standin.Record, id string) []standin.Record {
	return slices.DeleteFunc(slices.Clone(logged), func(r standin.Record) bool { return r.Properties["hs_call_external_id"] != id })
}

// activity checks and shows a call as the CRM has it.
func (d *day) activity(a standin.Record, contacts []standin.Record) error {
	p := a.Properties
	if !strings.Contains(p["hs_call_body"], html.EscapeString(note)) {
		return fmt.Errorf("the note is not in the CRM's call %s: %q", a.ID, p["hs_call_body"])
	}
	at := slices.IndexFunc(contacts, func(c standin.Record) bool { return slices.Equal(a.Contacts, []string{c.ID}) })
	if at < 0 || contacts[at].Properties["phone"] != maria().number {
		return fmt.Errorf("the CRM's call %s belongs to %q, which is not %s", a.ID, a.Contacts, maria().name)
	}
	length, err := strconv.Atoi(p["hs_call_duration"])
	if err != nil {
		return fmt.Errorf("the length of the CRM's call %s: %w", a.ID, err)
	}
	who := contacts[at].Properties
	d.screen.line("\nThe first call in the CRM")
	d.screen.table([]string{"WHAT", "AS HUBSPOT HAS IT"}, [][]string{
		{"title", p["hs_call_title"]},
		{"outcome", d.outcome(p["hs_call_disposition"]) + ", " + strings.ToLower(p["hs_call_status"])},
		{"direction", strings.ToLower(p["hs_call_direction"])},
		{"duration", fmt.Sprintf("%.1f s", float64(length)/1000)},
		{"note", note},
		{"contact", strings.TrimSpace(who["firstname"]+" "+who["lastname"]) + ", " + who["phone"]},
		{"owner", map[string]string{anaOwner: d.ana.display, luisOwner: d.luis.display}[p["hubspot_owner_id"]]},
	})
	return nil
}

// outcome is what the CRM calls the end of a call.
func (d *day) outcome(id string) string {
	for _, o := range d.crm.Outcomes() {
		if o.ID == id {
			return o.Label
		}
	}
	return cmp.Or(id, "none")
}
