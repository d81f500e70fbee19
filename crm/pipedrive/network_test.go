package pipedrive

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

func TestNew(t *testing.T) {
	for name, o := range map[string]Options{
		"no token":    {},
		"not a URL":   {Token: secret, BaseURL: "acme"},
		"with secret": {Token: secret, BaseURL: "https://user:" + secret + "@acme.pipedrive.com"},
		"readable":    {Token: secret, BaseURL: "http://acme.pipedrive.com"},
		"private":     {Token: secret, BaseURL: "http://127.0.0.1"},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for base, want := range map[string]string{
		"":                                   "https://api.pipedrive.com/v1/activityTypes",
		"https://api.pipedrive.com/v1":       "https://api.pipedrive.com/v1/activityTypes",
		"https://acme.pipedrive.com/":        "https://acme.pipedrive.com/api/v1/activityTypes",
		"https://acme.pipedrive.com/api/v2/": "https://acme.pipedrive.com/api/v1/activityTypes",
		"https://proxy.example/pipedrive":    "https://proxy.example/pipedrive/api/v1/activityTypes",
	} {
		var asked string
		client, err := New(Options{Token: secret, BaseURL: base, Transport: watched(func(r *http.Request) { asked = r.URL.String() })})
		if err != nil {
			t.Fatal(err)
		}
		client.types.key(t.Context(), client)
		if asked != want {
			t.Errorf("%q asks %s, want %s", base, asked, want)
		}
	}
}

// watched shows requests and answers none.
type watched func(*http.Request)

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w(r)
	return nil, io.ErrUnexpectedEOF
}

// TestOverTheNetwork logs a call over real connections, and none to an address
// that is private.
func TestOverTheNetwork(t *testing.T) {
	there := standin.New(standin.Options{Token: secret})
	server := httptest.NewUnstartedServer(there)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of the handshake that fails
	server.StartTLS()
	defer server.Close()
	client, err := New(Options{Token: secret, BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Do(t.Context(), crm.StepContact, answered(), crm.Refs{})
	if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultAccess || !strings.Contains(fault.Say, "allow_private") {
		t.Errorf("a private address: %v", err)
	}
	unknown, err := New(Options{Token: secret, BaseURL: server.URL, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = unknown.Do(t.Context(), crm.StepContact, answered(), crm.Refs{})
	if fault, ours := errors.AsType[*crm.Fault](err); !ours || fault.Kind != crm.FaultRetry || !strings.Contains(fault.Say, "certificate") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	if n := len(there.Requests()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	plain := httptest.NewServer(there)
	defer plain.Close()
	client, err = New(Options{Token: secret, BaseURL: plain.URL, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	var refs crm.Refs
	for _, s := range client.Steps() {
		if refs, err = client.Do(t.Context(), s, answered(), refs); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if len(there.CallLogs()) != 1 || refs.CallLog != there.CallLogs()[0].ID {
		t.Errorf("%+v", refs)
	}
}

// TestSecretIsNowhere looks for the token, and for who called, in all that is
// said on the way through every trouble.
func TestSecretIsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, trouble := range []standin.Trouble{
			standin.TooMany, standin.Broken, standin.Down, standin.Blocked, standin.CutAfter, standin.JunkAfter, standin.None,
		} {
			d := newDesk(t, standin.Options{Users: []int{1, 7}})
			d.there.Order(standin.Order{Trouble: trouble, Times: -1})
			a := answered()
			a.Owner = "7"
			refs := crm.Refs{}
			for _, s := range d.client.Steps() {
				var err error
				if refs, err = d.client.Do(t.Context(), s, a, refs); err != nil && mentions(err, secret, "2015550123", "García") {
					t.Errorf("%s says %v", s, err)
				}
			}
			for _, word := range []string{secret, "2015550123", "García"} {
				if d.shows(word) {
					t.Errorf("%s is in %s %v", word, d.log.String(), d.counted)
				}
			}
		}
	})
}

func mentions(err error, words ...string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		for _, word := range words {
			if strings.Contains(err.Error(), word) {
				return true
			}
		}
	}
	return false
}
