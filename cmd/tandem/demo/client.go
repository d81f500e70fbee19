package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// shownCall is what the API tells of a call.
type shownCall struct {
	ID           string     `json:"id"`
	State        string     `json:"state"`
	Result       string     `json:"result"`
	MissedReason string     `json:"missed_reason"`
	From         string     `json:"from"`
	To           string     `json:"to"`
	Number       string     `json:"number"`
	NumberRule   string     `json:"number_rule"`
	ContactID    string     `json:"contact_id"`
	User         string     `json:"user"`
	StartedAt    time.Time  `json:"started_at"`
	AnsweredAt   *time.Time `json:"answered_at"`
	Wait         float64    `json:"wait_seconds"`
	Duration     float64    `json:"duration_seconds"`
	RedirectedTo string     `json:"redirected_to"`
	Recording    *struct {
		Seconds float64 `json:"seconds"`
		SHA256  string  `json:"sha256"`
	} `json:"recording"`
	Coachings []shownCoaching `json:"coachings"`
}

// shownCoaching is what the API tells of a coaching.
type shownCoaching struct {
	User  string     `json:"user"`
	Left  *time.Time `json:"left_at"`
	Modes []struct {
		Mode string `json:"mode"`
	} `json:"modes"`
}

// shownTask is what the API tells of a task.
type shownTask struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	State     string `json:"state"`
	Count     int    `json:"count"`
	ContactID string `json:"contact_id"`
	CallID    string `json:"call_id"`
	User      string `json:"user"`
}

// The states of a task.
const (
	taskOpen       = "open"
	taskInProgress = "in_progress"
	taskDone       = "done"
)

// shownContact is what the API tells of a contact.
type shownContact struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Numbers  []string `json:"numbers"`
	Country  string   `json:"country"`
	FollowUp bool     `json:"follow_up"`
}

// shownUser is what the API tells of a user.
type shownUser struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Activity   string `json:"activity"`
	Registered bool   `json:"registered"`
}

// available reports whether the user would be offered a call.
func (u shownUser) available() bool {
	return u.Status == "available" && u.Activity == "idle" && u.Registered
}

// client speaks to the API on the admin socket, as the command line does.
type client struct{ http *http.Client }

func newClient(socket string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &client{&http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// close gives up the connections that wait for further use.
func (c *client) close() { c.http.CloseIdleConnections() }

// ask sends a request, with a JSON body or none, and returns the answer's body.
func (c *client) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://switch"+path, payload)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}

// list returns the first page of a listing, the oldest item first.
func list[T any](ctx context.Context, c *client, path string) ([]T, error) {
	answer, err := c.ask(ctx, http.MethodGet, "/api/v1"+path, nil)
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []T `json:"items"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	slices.Reverse(page.Items)
	return page.Items, nil
}

// pollEvery is how often eventually looks.
const pollEvery = 20 * time.Millisecond

// eventually waits until something holds that the API tells of.
func eventually(ctx context.Context, what string, holds func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := holds()
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("did not come about: %s: %w", what, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}

// ready waits until the switch takes calls.
func (c *client) ready(ctx context.Context) error {
	return eventually(ctx, "the switch takes calls", func() (bool, error) {
		_, err := c.ask(ctx, http.MethodGet, "/readyz", nil)
		return err == nil, nil // not yet is no error
	})
}

// user waits until what the API tells of a user holds.
func (c *client) user(ctx context.Context, name, what string, holds func(shownUser) bool) error {
	return eventually(ctx, name+" is "+what, func() (bool, error) {
		users, err := list[shownUser](ctx, c, "/users")
		return slices.ContainsFunc(users, func(u shownUser) bool { return u.Name == name && holds(u) }), err
	})
}

// newest returns the newest call.
func (c *client) newest(ctx context.Context) (shownCall, error) {
	calls, err := list[shownCall](ctx, c, "/calls?limit=1")
	if err != nil {
		return shownCall{}, err
	}
	if len(calls) == 0 {
		return shownCall{}, errors.New("the switch knows of no call")
	}
	return calls[0], nil
}

// settled waits until a call is as wanted and returns it.
func (c *client) settled(ctx context.Context, id, what string, holds func(shownCall) bool) (shownCall, error) {
	var call shownCall
	err := eventually(ctx, "call "+id+" is "+what, func() (bool, error) {
		answer, err := c.ask(ctx, http.MethodGet, "/api/v1/calls/"+id, nil)
		if err != nil {
			return false, err
		}
		call = shownCall{}
		if err := json.Unmarshal(answer, &call); err != nil {
			return false, err
		}
		return holds(call), nil
	})
	return call, err
}
