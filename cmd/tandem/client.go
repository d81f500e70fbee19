package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tandem/cmd/tandem/daemon"
	"tandem/config"
)

// apiPrefix is where the API begins.
const apiPrefix = "/api/v1"

// client asks a running switch, over its socket.
type client struct {
	http   *http.Client
	socket string
	zone   *time.Location // the account's: times are read and shown in it
}

// connect finds the switch by its configuration. Nothing is sent yet.
func (c *cli) connect() (*client, error) {
	cfg, err := c.locate()
	if err != nil {
		return nil, err
	}
	zone, err := cfg.Account.Timezone.Location()
	if err != nil {
		return nil, err
	}
	socket := daemon.SocketPath(cfg)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &client{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, socket: socket, zone: zone}, nil
}

// locate reads from the configuration file that the command line names where
// the switch is. A file that was broken since the switch started, or secrets
// that this shell does not have, do not matter.
func (c *cli) locate() (*config.Config, error) {
	path, err := config.Find(c.configPath, c.getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Locate(path, c.getenv)
	return cfg, firstFault(err)
}

// firstFault makes one line of a configuration's faults; other errors stay.
func firstFault(err error) error {
	if faults, ok := errors.AsType[config.Faults](err); ok && len(faults) > 0 {
		return fmt.Errorf("%s; `tandem config check` shows all faults", faults[0])
	}
	return err
}

// send makes a request; the caller closes the body of a good answer.
func (sw *client) send(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "switch", Path: apiPrefix + path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := sw.http.Do(req)
	if err != nil {
		return nil, sw.unreachable(err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, refusal(res)
}

// unreachable tells a switch that is not running from other failures.
func (sw *client) unreachable(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return notRunning{sw.socket}
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("you may not open %s; run this as the switch's own user or as root", sw.socket)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("the switch did not answer: %w; try again, its log says more", err)
}

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 20

// refusal makes an error of a problem (RFC 9457).
func refusal(res *http.Response) error {
	var problem struct {
		Detail string
		Errors []struct{ Message, Location string }
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil || json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("the switch answered %s; its log says more", res.Status)
	}
	if res.StatusCode == http.StatusNotFound {
		return errors.New(problem.Detail + whereToLook(res.Request.URL.Path))
	}
	if res.StatusCode != http.StatusUnprocessableEntity || len(problem.Errors) == 0 {
		return errors.New(problem.Detail)
	}
	var faults []string
	for _, e := range problem.Errors {
		_, field, nested := strings.Cut(e.Location, ".")
		if !nested {
			field = e.Location
		}
		faults = append(faults, field+": "+e.Message)
	}
	return errors.New(strings.Join(faults, "; "))
}

// whereToLook names the command that lists what there is of a kind.
func whereToLook(path string) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, apiPrefix+"/"), "/")
	switch kind {
	case "calls", "contacts", "tasks", "users", "playbooks":
		return "; `tandem " + kind + "` lists what there is"
	case "tokens":
		return "; `tandem token list` lists what there is"
	}
	return ""
}

// ask makes a request with a JSON body, or none, and returns the JSON answer.
func (sw *client) ask(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	var payload io.Reader
	contentType := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload, contentType = bytes.NewReader(b), "application/json"
	}
	res, err := sw.send(ctx, method, path, query, contentType, payload)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the switch's answer broke off: %w; try again", err)
	}
	return answer, nil
}

// get asks without a body.
func (sw *client) get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return sw.ask(ctx, http.MethodGet, path, query, nil)
}

// pageSize is how many items are asked for at a time.
const pageSize = 500

// list returns the first limit items of a list, over as many pages as it takes.
func (sw *client) list(ctx context.Context, path string, query url.Values, limit int) (list, error) {
	all := list{Items: []json.RawMessage{}}
	q := url.Values{}
	maps.Copy(q, query)
	for {
		q.Set("limit", strconv.Itoa(min(limit-len(all.Items), pageSize)))
		answer, err := sw.get(ctx, path, q)
		if err != nil {
			return list{}, err
		}
		var page list
		if err := json.Unmarshal(answer, &page); err != nil {
			return list{}, fmt.Errorf("the switch's answer cannot be read: %w; are both of one version?", err)
		}
		all.Items = append(all.Items, page.Items...)
		all.Next = page.Next
		if page.Next == "" || page.Next == q.Get("cursor") || len(all.Items) >= limit {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// list is a list as the API has it.
type list struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next"`
}
