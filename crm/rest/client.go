package rest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tandem/crm"
)

// The bounds of one exchange.
const (
	maxBody       = 1 << 20 // bytes of a request's or an answer's body
	maxHeader     = 64 << 10
	maxRedirects  = 3
	dialTimeout   = 10 * time.Second
	answerTimeout = 30 * time.Second // of the whole exchange, without the wait for its turn
)

// Options are what a Client needs.
type Options struct {
	Vendor       string // as messages call it: "HubSpot"
	BaseURL      string // https, or http too where AllowPrivate; requests' paths are added to its own
	AllowPrivate bool   // it may lead to a private or loopback address

	// Authorize puts the credentials into a request's header; it may fetch
	// them first. What it puts there is blotted out of every message. Its error
	// is returned as it is; nil: requests go without.
	Authorize func(ctx context.Context, header http.Header) error

	// Limits are the rates of each class of requests; ClassAny is the rate of
	// all of them together.
	Limits map[Class]Limit

	// Judge reads a failure as this vendor means it; nil, from the function
	// too, leaves it to the status.
	Judge func(Answer) *crm.Fault

	// Count is told the outcome of each request that was sent, as metrics name
	// it; nil: nobody counts.
	Count func(outcome string)

	// Transport takes the place of the network in tests; nil: the network.
	Transport http.RoundTripper
}

// Client carries out requests to one CRM. It may be used from any goroutine.
type Client struct {
	vendor    string
	base      *url.URL
	authorize func(context.Context, http.Header) error
	judge     func(Answer) *crm.Fault
	count     func(string)
	pace      *pace
	http      http.Client
}

// New returns a client, or an error that says what is wrong with the options.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%s: base_url is not the address of an API: write https:// and a host", o.Vendor)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if base.Scheme != "https" && (base.Scheme != "http" || !o.AllowPrivate) {
		return nil, fmt.Errorf("%s: base_url has to begin with https://, or the token could be read on its way", o.Vendor)
	}
	c := &Client{
		vendor: o.Vendor, base: base, authorize: o.Authorize, judge: o.Judge, count: o.Count,
		pace: newPace(o.Limits),
		http: http.Client{Transport: o.Transport, CheckRedirect: stayOnHost},
	}
	if c.count == nil {
		c.count = func(string) {}
	}
	if c.http.Transport == nil {
		c.http.Transport = newTransport(o.AllowPrivate)
	}
	return c, nil
}

// newTransport returns the way to the network. It uses no proxy of the
// environment, as the address behind it could not be judged: a proxy is meant
// when base_url leads to it.
func newTransport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !allowPrivate {
		dialer.ControlContext = refusePrivate
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// stayOnHost follows a redirect that changes nothing but the path. Any other
// is answered to the caller: it would carry the credentials elsewhere, or turn
// a write into a read.
func stayOnHost(next *http.Request, before []*http.Request) error {
	first := before[0]
	same := next.URL.Scheme == first.URL.Scheme && next.URL.Host == first.URL.Host && next.Method == first.Method
	if !same || len(before) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}
