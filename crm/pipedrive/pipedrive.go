// Package pipedrive logs calls in Pipedrive: as an activity of the person,
// which becomes Pipedrive's own call log, and whose note tells of the notes,
// the disposition and the recording.
package pipedrive

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/rest"
)

// name is Pipedrive as the configuration and metrics call it.
const name = "pipedrive"

// Options are what a Client needs.
type Options struct {
	Token        string // an API token of a user who sees and edits everything that is to be logged
	BaseURL      string // https://COMPANY.pipedrive.com; empty: the address that serves every company
	AllowPrivate bool   // BaseURL may lead to a private or loopback address
	Country      string // ISO 3166-1, of numbers that people typed without a country
	Log          *slog.Logger
	Count        func(outcome string) // told the outcome of every request; nil: nobody counts

	// Transport takes the place of the network in tests; nil: the network.
	Transport http.RoundTripper
}

// Client is Pipedrive as a crm.Vendor.
type Client struct {
	http    *rest.Client
	v1      string // the path of the first version of the API; the second has none of its call logs
	country string
	log     *slog.Logger
	tokens  tokens
	types   types
	begun   begun
}

var _ crm.Vendor = (*Client)(nil)

// everybody is the address at which Pipedrive serves every company.
const everybody = "https://api.pipedrive.com"

// v2 is the path of the second version of the API.
const v2 = "/api/v2"

// The rates stay below the least that any plan allows: 20 requests within two
// seconds, and 10 searches.
const searching rest.Class = "search"

func limits() map[rest.Class]rest.Limit {
	return map[rest.Class]rest.Limit{
		rest.ClassAny: {PerSecond: 8, Burst: 2},
		searching:     {PerSecond: 4, Burst: 1},
	}
}

// New returns a client, or an error that says what is wrong with the options.
func New(o Options) (*Client, error) {
	if o.Token == "" {
		return nil, fmt.Errorf("%s: crm.token is missing", name)
	}
	base := cmp.Or(o.BaseURL, everybody)
	for _, version := range []string{"/", "/v1", "/v2", "/api"} {
		base = strings.TrimSuffix(base, version)
	}
	c := &Client{v1: "/api/v1", country: o.Country, log: o.Log}
	c.begun = begun{since: time.Now().Add(settled), calls: make(map[call.ID][]crm.Step)}
	if at, err := url.Parse(base); err == nil && "https://"+at.Host == everybody {
		c.v1 = "/v1"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	c.http, err = rest.New(rest.Options{
		Vendor: "Pipedrive", BaseURL: base, AllowPrivate: o.AllowPrivate,
		Authorize: func(_ context.Context, header http.Header) error {
			header.Set("x-api-token", o.Token)
			return nil
		},
		Limits: limits(), Judge: c.judge, Count: o.Count, Transport: o.Transport,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Name implements crm.Vendor.
func (c *Client) Name() string { return name }

// Steps implements crm.Vendor. There is no step for the recording: the note
// links to it.
func (c *Client) Steps() []crm.Step {
	return []crm.Step{crm.StepContact, crm.StepActivity, crm.StepCallLog, crm.StepCompletion}
}

// Do implements crm.Vendor.
func (c *Client) Do(ctx context.Context, s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	switch s {
	case crm.StepContact:
		return c.contact(ctx, a, refs)
	case crm.StepActivity:
		return c.activity(ctx, a, refs)
	case crm.StepCallLog:
		return c.callLog(ctx, a, refs)
	case crm.StepCompletion:
		return c.complete(ctx, a, refs)
	case crm.StepAssociation, crm.StepRecording:
	}
	return refs, nil // not one of Steps
}

// request is one request to Pipedrive, and what it costs.
type request struct {
	cost   int // tokens
	method string
	path   string
	query  url.Values
	body   any // nil: none
}

// ask carries out a request, reads the answer's data into into, unless that is
// nil, and returns the cursor of the next page, or empty.
func (c *Client) ask(ctx context.Context, r request, into any) (cursor string, err error) {
	if fault := c.tokens.draw(r.cost, time.Now()); fault != nil {
		return "", fault
	}
	out := rest.Request{Method: r.method, Path: r.path, Query: r.query}
	if strings.HasSuffix(r.path, "/search") {
		out.Class = searching
	}
	if r.body != nil {
		out.Body = rest.JSON(r.body)
	}
	var e envelope
	answer, err := c.http.Do(ctx, out, &e)
	c.tokens.hear(answer.Header, time.Now())
	if err != nil {
		return "", err
	}
	c.tokens.answered()
	return e.open(answer, into)
}

// idOf returns the number that Pipedrive knows something by.
func idOf(what, ref string) (int, error) {
	id, err := strconv.Atoi(ref)
	if err != nil || id < 0 {
		return 0, &crm.Fault{Kind: crm.FaultRefused, Say: fmt.Sprintf("Pipedrive: %.40q is not the number of its %s", ref, what)}
	}
	return id, nil
}
