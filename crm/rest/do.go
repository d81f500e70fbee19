package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"tandem/crm"
)

// Request is one request to the CRM.
type Request struct {
	Class  Class
	Method string
	Path   string // from the base URL's on; its parts are escaped
	Query  url.Values
	Body   Body
}

// Do carries out a request and reads the answer's JSON into into, unless that
// is nil. Its errors are a *crm.Fault, ctx's, or those of Options.Authorize; an
// answer that failed comes back too, and its fault's cause is a Status.
func (c *Client) Do(ctx context.Context, r Request, into any) (Answer, error) {
	if err := r.Body.check(); err != nil {
		return Answer{}, &crm.Fault{Kind: crm.FaultRefused, Say: fmt.Sprintf("%s: %s %s: %v", c.vendor, r.Method, r.Path, err)}
	}
	silence, err := c.pace.wait(ctx, r.Class)
	if err != nil {
		return Answer{}, err
	}
	if silence > 0 {
		return Answer{}, &crm.Fault{Kind: crm.FaultRetry, After: silence, Say: c.vendor + " wants no requests for a while"}
	}
	secret := make(http.Header)
	if c.authorize != nil {
		if err := c.authorize(ctx, secret); err != nil {
			return Answer{}, err
		}
	}
	answer, err := c.send(ctx, r, secret)
	if err != nil {
		return Answer{}, err
	}
	return answer, c.read(answer, into)
}

// send exchanges a request for an answer, of any status.
func (c *Client) send(ctx context.Context, r Request, secret http.Header) (Answer, error) {
	whole, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer := Answer{vendor: c.vendor, asked: r.Method + " " + r.Path, secrets: credentials(secret)}
	request, err := http.NewRequestWithContext(whole, r.Method, c.base.String()+r.Path, bytes.NewReader(r.Body.Bytes))
	if err != nil {
		return Answer{}, &crm.Fault{Kind: crm.FaultRefused, Say: answer.say("the request cannot be written")}
	}
	request.URL.RawQuery = r.Query.Encode()
	request.Header = secret
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Tandem")
	if r.Body.Type != "" {
		request.Header.Set("Content-Type", r.Body.Type)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, c.unanswered(ctx, answer, err)
	}
	defer response.Body.Close()
	answer.Status, answer.Header = response.StatusCode, response.Header
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return Answer{}, c.unanswered(ctx, answer, err)
	}
	return answer, nil
}

// unanswered sorts what came instead of an answer. Whether the request was
// carried out is unknown then.
func (c *Client) unanswered(ctx context.Context, a Answer, err error) error {
	if ctx.Err() != nil {
		c.count(outcomeCancelled)
		return ctx.Err()
	}
	if errors.Is(err, errPrivate) {
		c.count(outcomeAccess)
		return &crm.Fault{Kind: crm.FaultAccess, Say: a.say("crm.base_url leads to a private or local address: " +
			"set crm.allow_private if that is meant")}
	}
	// The URL in front of the cause has a query, which may tell who called.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		c.count(outcomeTimeout)
		return &crm.Fault{Kind: crm.FaultRetry, Say: a.say("no answer in time")}
	}
	c.count(outcomeNetwork)
	return &crm.Fault{Kind: crm.FaultRetry, Say: a.say(a.Quote(err.Error()))}
}

// read judges an answer and decodes it.
func (c *Client) read(a Answer, into any) error {
	if a.Status < 200 || a.Status > 299 {
		return c.refused(a)
	}
	fault := ""
	switch {
	case len(a.Body) > maxBody:
		fault = "the answer is longer than 1 MB"
	case into == nil:
	case json.Unmarshal(a.Body, into) != nil:
		fault = fmt.Sprintf("the answer (%s) is not what was asked for: does crm.base_url lead to the API?", a.kind())
	}
	if fault != "" {
		c.count(outcomeJunk)
		return &crm.Fault{Kind: crm.FaultRetry, Say: a.say(fault)}
	}
	c.count(outcomeOK)
	return nil
}

// refused sorts an answer that is not a success, and holds everybody back when
// the vendor asks for it.
func (c *Client) refused(a Answer) error {
	var fault *crm.Fault
	if c.judge != nil {
		fault = c.judge(a)
	}
	if fault == nil {
		fault = a.Fault()
	}
	if fault.Err == nil {
		fault.Err = Status(a.Status)
	}
	c.count(outcomeOf(a.Status, fault.Kind))
	if fault.Kind == crm.FaultRetry && fault.After > 0 && meansAll(a.Status) {
		c.pace.hold(fault.After)
	}
	return fault
}

// meansAll reports whether a refusal is about the client, not about one request.
func meansAll(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == statusMigration
}
