package daemontest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Patience bounds every wait: long enough for a machine under load.
const Patience = 20 * time.Second

// Client speaks to a switch on its admin socket. What goes wrong between the
// two fails the test, but for a switch that is not there.
type Client struct {
	t    testing.TB
	http *http.Client
}

// NewClient returns a client of the switch with that admin socket, which need
// not run yet.
func NewClient(t testing.TB, socket string) *Client {
	return &Client{t: t, http: &http.Client{Timeout: Patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// Get fetches a path outside the API, as /readyz. Status 0: no switch answers.
func (c *Client) Get(path string) (status int, body []byte) {
	c.t.Helper()
	return c.send(http.MethodGet, path, nil, "")
}

// Do sends a request to the API, its body as JSON when there is one. Status 0:
// no switch answers.
func (c *Client) Do(method, path string, body any) (status int, answer []byte) {
	c.t.Helper()
	return c.send(method, "/api/v1"+path, body, "")
}

// Range fetches a range of what the API has there, as bytes=0-99 (RFC 9110
// section 14.2).
func (c *Client) Range(path, wanted string) (status int, part []byte) {
	c.t.Helper()
	return c.send(http.MethodGet, "/api/v1"+path, nil, wanted)
}

func (c *Client) send(method, path string, body any, wanted string) (int, []byte) {
	c.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://tandem"+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if wanted != "" {
		req.Header.Set("Range", wanted)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }() // it was read
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil // the switch died while it answered
	}
	return res.StatusCode, b
}

// Want sends a request to the API and fails unless the status is as wanted.
func (c *Client) Want(status int, method, path string, body any) []byte {
	c.t.Helper()
	got, b := c.Do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, b)
	}
	return b
}

// Ready reports whether the switch takes calls.
func (c *Client) Ready() bool {
	c.t.Helper()
	status, _ := c.Get("/readyz")
	return status == http.StatusOK
}

// Read fetches one resource of the API.
func Read[T any](c *Client, path string) (v T) {
	c.t.Helper()
	if err := json.Unmarshal(c.Want(http.StatusOK, http.MethodGet, path, nil), &v); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return v
}

// page is a listing as the API gives it.
type page[T any] struct {
	Items []T
	Next  string
}

// List returns the first page of a listing; nothing while no switch answers.
func List[T any](c *Client, path string) []T {
	c.t.Helper()
	status, body := c.Do(http.MethodGet, path, nil)
	if status != http.StatusOK {
		return nil
	}
	var p page[T]
	if err := json.Unmarshal(body, &p); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return p.Items
}

// Every returns all pages of a listing; path has a query.
func Every[T any](c *Client, path string) (items []T) {
	c.t.Helper()
	for cursor := ""; ; {
		p := Read[page[T]](c, path+"&cursor="+url.QueryEscape(cursor))
		items = append(items, p.Items...)
		if p.Next == "" {
			return items
		}
		cursor = p.Next
	}
}

// Metrics are what Prometheus would read.
type Metrics struct {
	t    testing.TB
	Text string
}

// Metrics reads the switch's metrics.
func (c *Client) Metrics() Metrics {
	c.t.Helper()
	status, body := c.Get("/metrics")
	if status != http.StatusOK {
		c.t.Fatalf("metrics: status %d: %s", status, body)
	}
	return Metrics{t: c.t, Text: string(body)}
}

// Sum adds up the series of a name whose labels hold the text; 0 when there is
// none.
func (m Metrics) Sum(name, labels string) (sum float64) {
	m.t.Helper()
	for line := range strings.Lines(m.Text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, with, _ := strings.Cut(series, "{"); base != name || !strings.Contains(with, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			m.t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}

// Value returns one series, named with its labels as it stands in the text.
func (m Metrics) Value(series string) float64 {
	m.t.Helper()
	for line := range strings.Lines(m.Text) {
		value, found := strings.CutPrefix(strings.TrimSpace(line), series+" ")
		if !found {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			m.t.Fatalf("%s: %v", line, err)
		}
		return v
	}
	m.t.Fatalf("no metric %s in %s", series, m.Text)
	return 0
}

// Eventually waits until something holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s", Patience, what)
		case <-tick.C:
		}
	}
}
