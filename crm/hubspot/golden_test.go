package hubspot

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/hubspot/standin"
)

var update = flag.Bool("update", false, "rewrite the golden requests")

// tape notes what goes out, before it does.
type tape struct {
	http.RoundTripper
	text bytes.Buffer
}

func (t *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintf(&t.text, "%s %s\n", r.Method, r.URL.RequestURI())
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if len(body) > 0 {
			if err := json.Indent(&t.text, bytes.TrimSpace(body), "", "  "); err != nil {
				return nil, err
			}
			t.text.WriteByte('\n')
		}
	}
	return t.RoundTripper.RoundTrip(r)
}

// states are the ways in which a call ends.
func states() map[string]crm.Activity {
	with := func(change func(*crm.Activity)) crm.Activity {
		a := completed()
		change(&a)
		return a
	}
	ended := func(direction call.Direction, result call.Result, code int) crm.Activity {
		return with(func(a *crm.Activity) {
			a.Direction, a.Result, a.SIPCode, a.Duration, a.Recording = direction, result, code, 0, ""
			a.Title, a.Body = fmt.Sprintf("%s call – %s", direction, result), "<p>hostile &lt;script&gt;</p>"
			if direction == call.Outbound {
				a.From, a.To = a.To, a.From
			}
		})
	}
	return map[string]crm.Activity{
		"completed":             completed(),
		"completed-voicemail":   with(func(a *crm.Activity) { a.Disposition = "Left voicemail" }),
		"completed-unknown":     with(func(a *crm.Activity) { a.Disposition = "On the moon" }),
		"completed-withheld":    with(func(a *crm.Activity) { a.Number, a.From, a.Name, a.Owner = "", "", "", "" }),
		"no-answer":             ended(call.Outbound, call.ResultNoAnswer, 480),
		"missed":                ended(call.Inbound, call.ResultNoAnswer, 0),
		"busy":                  ended(call.Outbound, call.ResultBusy, 486),
		"failed":                ended(call.Outbound, call.ResultFailed, 503),
		"failed-no-such-number": ended(call.Outbound, call.ResultFailed, 404),
		"cancelled":             ended(call.Outbound, call.ResultCancelled, 487),
		"office-closed":         ended(call.Inbound, call.ResultOfficeClosed, 0),
	}
}

// TestRequests compares all that is sent for each way in which a call ends with
// testdata. Read the difference before you rewrite it.
func TestRequests(t *testing.T) {
	for name, activity := range states() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, standin.Options{})
				tape := &tape{RoundTripper: a.way}
				a.way = tape
				a.restart(t, Options{Country: "US"})
				a.client.marks.set(contacts, true)
				a.client.marks.set(calls, true)
				for _, kind := range []string{"contacts", "calls"} {
					a.AddProperty(kind, standin.Property{Name: markProperty, Unique: true})
				}
				a.client.outcomes.stale = time.Now().Add(time.Hour)
				if _, err := a.carryOut(t.Context(), activity); err != nil {
					t.Fatal(err)
				}
				compare(t, filepath.Join("testdata", name+".txt"), tape.text.String())
			})
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from line %d on; sent:\n%s", path, 1+strings.Count(shared(got, string(want)), "\n"), got)
	}
}

// shared is what two texts begin with.
func shared(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}
