// Package hubspot logs calls in HubSpot: it implements crm.Vendor with the CRM
// API by its date-versioned paths.
package hubspot

import (
	"cmp"
	"context"
	"errors"
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
	Token        string // of a service key or a private app; empty: OAuth
	OAuth        *OAuth // of an app, instead of Token; nil: Token
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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	towards := rest.Options{
		Vendor: "HubSpot", BaseURL: cmp.Or(o.BaseURL, standardBase), AllowPrivate: o.AllowPrivate, Transport: way,
		Limits: limits(), Judge: judge, Count: o.Count,
	}
	if err := authorize(&towards, o); err != nil {
		return nil, err
	}
	api, err := rest.New(towards)
	if err != nil {
		return nil, err
	}
	return &Client{
		rest: api, country: o.Country, log: o.Log,
		marks: newMarks(), outcomes: newOutcomes(o.Log), doubts: newDoubts(),
	}, nil
}

// authorize has requests carry the account's token, or one that the app is given.
func authorize(towards *rest.Options, o Options) error {
	if o.OAuth != nil {
		keys, err := newKeyring(*o.OAuth, *towards)
		if err != nil {
			return err
		}
		towards.Authorize = keys.authorize
		towards.Judge = func(a rest.Answer) *crm.Fault {
			if a.Status == http.StatusUnauthorized {
				keys.forget()
			}
			return judge(a)
		}
		return nil
	}
	if !isToken(o.Token) {
		return errors.New("HubSpot: crm.token is no token: make a service key in HubSpot and put it there as it is")
	}
	towards.Authorize = func(_ context.Context, header http.Header) error {
		header.Set("Authorization", "Bearer "+o.Token)
		return nil
	}
	return nil
}

// isToken reports whether a text can be a token in a header.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
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
