package rest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tandem/crm"
)

const (
	longestQuote = 200 // runes of the vendor's text in a message
	longestAfter = 24 * time.Hour

	statusMigration = 477 // HubSpot moves the account between data centres
)

// Answer is what the CRM answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // bounded

	vendor  string
	asked   string // method and path
	secrets []string
}

// Status is the status of an answer, as the cause of a fault.
type Status int

// Error implements error.
func (s Status) Error() string { return "status " + strconv.Itoa(int(s)) }

// Fault sorts a failed answer by its status alone.
func (a Answer) Fault() *crm.Fault {
	fault := &crm.Fault{Kind: crm.FaultRefused, Say: a.Say(a.Quote(a.message()))}
	switch {
	case passing(a.Status):
		fault.Kind, fault.After = crm.FaultRetry, a.RetryAfter()
	case a.Status == http.StatusUnauthorized:
		fault.Kind, fault.Say = crm.FaultAccess, fault.Say+": check crm.token"
	case a.Status == http.StatusForbidden:
		fault.Kind, fault.Say = crm.FaultAccess, fault.Say+": check what crm.token may do"
	case a.Status == http.StatusPaymentRequired:
		fault.Kind, fault.Say = crm.FaultAccess, fault.Say+": check the CRM's subscription"
	case a.Status < 400:
		fault.Kind, fault.Say = crm.FaultAccess, a.Say("the answer sends us elsewhere: check crm.base_url")
	}
	return fault
}

// passing reports whether a status may be another the next time.
func passing(status int) bool {
	passes := []int{
		http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests, statusMigration,
	}
	return status >= 500 || slices.Contains(passes, status)
}

// RetryAfter returns how long to wait by the answer's Retry-After, in seconds or
// as a date (RFC 9110 10.2.3); 0: it does not say. It is a day at most.
func (a Answer) RetryAfter() time.Duration {
	value := a.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(min(seconds, 1<<20))*time.Second, 0), longestAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	// The vendor's clock counts, as the date is by it.
	now, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), longestAfter)
}

// Say puts what was asked and the status in front of an explanation.
func (a Answer) Say(why string) string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	if why != "" {
		status += ": " + why
	}
	return a.say(status)
}

func (a Answer) say(why string) string { return a.vendor + ": " + a.asked + ": " + why }

// Quote makes a message's part of a text from outside: one line, bounded, in
// which the credentials of the request are blotted out.
func (a Answer) Quote(text string) string {
	for _, secret := range a.secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if runes := []rune(text); len(runes) > longestQuote {
		return string(runes[:longestQuote-1]) + "…"
	}
	return text
}

// message returns what the answer says about its failure: the member message or
// error of a JSON object, else what kind of body it is.
func (a Answer) message() string {
	var body struct {
		Message any `json:"message"`
		Error   any `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) == nil {
		for _, member := range []any{body.Message, body.Error} {
			if text, ok := member.(string); ok && text != "" {
				return text
			}
		}
	}
	if len(a.Body) == 0 {
		return ""
	}
	return a.kind()
}

// kind is the media type that the answer says it has.
func (a Answer) kind() string {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return "no media type"
	}
	return a.Quote(kind)
}

// credentials returns what of a header must never be shown: each value, and
// each of its words, as a value may begin with the name of a scheme.
func credentials(header http.Header) []string {
	var secrets []string
	for _, values := range header {
		for _, value := range values {
			secrets = append(secrets, value)
			if _, token, ok := strings.Cut(value, " "); ok && token != "" {
				secrets = append(secrets, token)
			}
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}
