// Package hubspot logs calls in HubSpot: it implements crm.Vendor with the CRM
// API by its date-versioned paths.
package hubspot

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"tandem/crm"
	"tandem/crm/rest"
)

// The addresses of the API. Properties and outcomes have no date-versioned
// paths yet.
const (
	version      = "2026-03"
	standardBase = "https://api.hubapi.com"
	objectsPath  = "/crm/objects/" + version + "/"
	propertyPath = "/crm/v3/properties/"
	outcomesPath = "/calling/v1/dispositions"
)

// search is the class of searches: HubSpot takes five a second of a whole
// account, ten seconds of all requests together at least a hundred.
const search rest.Class = "search"

func limits() map[rest.Class]rest.Limit {
	return map[rest.Class]rest.Limit{
		rest.ClassAny: {PerSecond: 8, Burst: 8},
		search:        {PerSecond: 4, Burst: 1},
	}
}

// Options are what a Client needs.
type Options struct {
	Token        string // of a service key or a private app
	BaseURL      string // empty: HubSpot's own
	AllowPrivate bool   // BaseURL may lead to a private or loopback address
	Country      string // ISO 3166-1 alpha-2, of numbers that contacts have without a country; empty: the caller's
	Log          *slog.Logger
	Count        func(outcome string) // is told the outcome of each request; nil: nobody counts
}

// Client is one HubSpot account.
type Client struct {
	rest     *rest.Client
	country  string
	log      *slog.Logger
	marks    *marks
	outcomes *outcomes
	doubts   *doubts
}

var _ crm.Vendor = (*Client)(nil)

// New returns a client, or an error that says what is wrong with the options.
// It asks HubSpot nothing yet.
func New(o Options) (*Client, error) { return newClient(o, nil) }

// newClient returns a client whose requests go the given way; nil: over the
// network.
func newClient(o Options, way http.RoundTripper) (*Client, error) {
	if o.Token == "" || strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("HubSpot: crm.token is no token: make a service key in HubSpot and put it there as it is")
	}
	if o.BaseURL == "" {
		o.BaseURL = standardBase
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	api, err := rest.New(rest.Options{
		Vendor: "HubSpot", BaseURL: o.BaseURL, AllowPrivate: o.AllowPrivate, Transport: way,
		Authorize: bearer(o.Token), Limits: limits(), Judge: judge, Count: o.Count,
	})
	if err != nil {
		return nil, err
	}
	return &Client{
		rest: api, country: o.Country, log: o.Log,
		marks: newMarks(), outcomes: newOutcomes(o.Log), doubts: newDoubts(),
	}, nil
}

func bearer(token string) func(context.Context, http.Header) error {
	return func(_ context.Context, header http.Header) error {
		header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// Name implements crm.Vendor.
func (c *Client) Name() string { return "hubspot" }

// Steps implements crm.Vendor. HubSpot's call is activity and call log in one.
func (c *Client) Steps() []crm.Step {
	return []crm.Step{crm.StepContact, crm.StepActivity, crm.StepAssociation, crm.StepRecording, crm.StepCompletion}
}

// Do implements crm.Vendor.
func (c *Client) Do(ctx context.Context, s crm.Step, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	switch s {
	case crm.StepContact:
		return c.contact(ctx, a, refs)
	case crm.StepActivity:
		return c.activity(ctx, a, refs)
	case crm.StepAssociation:
		return refs, c.associate(ctx, refs)
	case crm.StepRecording:
		return refs, c.recording(ctx, a, refs)
	case crm.StepCompletion:
		return refs, c.complete(ctx, a, refs)
	case crm.StepCallLog:
	}
	return refs, nil
}
