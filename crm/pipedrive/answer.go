package pipedrive

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"tandem/crm"
	"tandem/crm/rest"
)

const (
	// quarantine is how long the firewall in front of Pipedrive is left alone.
	quarantine = 10 * time.Minute
	// breather is how long a burst limit lasts when nobody says.
	breather = 2 * time.Second
)

// envelope is what every answer comes in.
type envelope struct {
	Success bool            `json:"success"`
	Data    json.RawMessage `json:"data"`
	Error   json.RawMessage `json:"error"` // a text, or what only people understand
	More    json.RawMessage `json:"additional_data"`
}

// cursor is where the next page begins; empty: there is none.
func (e envelope) cursor() string {
	var more struct {
		NextCursor string `json:"next_cursor"`
	}
	if json.Unmarshal(e.More, &more) != nil {
		return "" // absent, or of the older kind that counts
	}
	return more.NextCursor
}

// open takes the data out of an answer's envelope and returns the cursor of the
// next page, or empty. What does not read as promised may have been carried out
// all the same.
func (e envelope) open(a rest.Answer, into any) (cursor string, err error) {
	if !e.Success {
		return "", &crm.Fault{Kind: crm.FaultRefused, Say: a.Say("refused: " + a.Quote(string(e.Error))), Err: rest.Status(a.Status)}
	}
	if into == nil || len(e.Data) == 0 {
		return e.cursor(), nil
	}
	if json.Unmarshal(e.Data, into) != nil {
		return "", garbled(a.Say("the data is not what Pipedrive promises"))
	}
	return e.cursor(), nil
}

// garbled is an answer that nobody can read.
func garbled(say string) error { return &crm.Fault{Kind: crm.FaultRetry, Say: say} }

// identified returns an ID out of an answer, if there is one.
func identified(id int) (int, error) {
	if id <= 0 {
		return 0, garbled("Pipedrive: the answer names no ID of what was made")
	}
	return id, nil
}

// statusOf returns the status of the answer that an error comes from; 0: none.
func statusOf(err error) int {
	if status, ok := errors.AsType[rest.Status](err); ok {
		return int(status)
	}
	return 0
}

// forbidden reports whether a request was understood and not allowed, for
// another reason than the scopes of the token.
func forbidden(err error) bool {
	fault, ours := errors.AsType[*crm.Fault](err)
	return ours && fault.Kind == crm.FaultAccess && statusOf(err) == http.StatusForbidden &&
		!strings.Contains(strings.ToLower(err.Error()), "scope and url")
}

// judge says what follows from a failure, where its status alone does not.
func (c *Client) judge(a rest.Answer) *crm.Fault {
	legible := json.Valid(a.Body)
	fault := a.Fault()
	switch {
	case a.Status == http.StatusUnauthorized:
		fault.Say = a.Say("the token is not known: copy it anew from Personal preferences, API, into crm.token")
	case a.Status == http.StatusForbidden && !legible:
		c.tokens.bar(time.Now().Add(quarantine))
		fault = &crm.Fault{Kind: crm.FaultRetry, After: quarantine, Say: a.Say("the firewall in front of Pipedrive blocks us; requests wait")}
	case a.Status == http.StatusForbidden:
		fault.Say += "; the token's user has to see and edit all contacts and activities, " +
			"and an OAuth token needs contacts:full, activities:full and phone-integration"
	case a.Status == http.StatusNotFound && !legible:
		fault = &crm.Fault{Kind: crm.FaultAccess, Say: a.Say("there is no Pipedrive: crm.base_url has to be https://COMPANY.pipedrive.com")}
	case a.Status == http.StatusTooManyRequests && (c.tokens.limited(time.Now()) || spent(a.Header)):
		fault = &crm.Fault{Kind: crm.FaultBudget, After: untilReset(time.Now()), Say: a.Say("the company's tokens for today are used up")}
	case a.Status == http.StatusTooManyRequests && fault.After == 0:
		fault.After = burstOf(a.Header)
	}
	return fault
}

// spent reports whether a 429 is for the day, as it leaves too little for the
// dearest request.
func spent(h http.Header) bool {
	left, told := leftOf(h)
	return told && left < costSearch
}

// burstOf returns when a burst limit ends.
func burstOf(h http.Header) time.Duration {
	reset, err := time.ParseDuration(h.Get("x-ratelimit-reset") + "s")
	if err != nil || reset <= 0 || reset > time.Hour {
		return breather
	}
	return reset
}
