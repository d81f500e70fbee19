package rest

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/crm"
)

const token = "OPEN-SESAME"

// counted counts outcomes.
type counted struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counted) count(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[outcome]++
}

func (c *counted) want(t *testing.T, outcomes ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := slices.Sorted(maps.Keys(c.n)); !slices.Equal(got, outcomes) {
		t.Errorf("counted %v, want %v", got, outcomes)
	}
}

func bearer(_ context.Context, h http.Header) error {
	h.Set("Authorization", "Bearer "+token)
	return nil
}

// newClient returns a client of a server on this machine.
func newClient(t *testing.T, handler http.HandlerFunc, change func(*Options)) (*Client, *counted) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	var outcomes counted
	o := Options{
		Vendor: "Acme", BaseURL: server.URL + "/api/", AllowPrivate: true, Authorize: bearer, Count: outcomes.count,
	}
	if change != nil {
		change(&o)
	}
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return client, &outcomes
}

// faultOf returns the fault that an error is.
func faultOf(t *testing.T, err error) *crm.Fault {
	t.Helper()
	fault, ok := errors.AsType[*crm.Fault](err)
	if !ok {
		t.Fatalf("the error is no fault: %v", err)
	}
	if strings.Contains(fault.Say, token) || strings.Contains(fault.Say, "secret-query") {
		t.Errorf("the fault tells a secret: %s", fault.Say)
	}
	return fault
}

func TestRequest(t *testing.T) {
	client, outcomes := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := r.Method + " " + r.URL.String() + " " + r.Header.Get("Authorization") + " " + r.Header.Get("Content-Type") + " " + string(body)
		want := "POST /api/x%2Fy?a=1+2 Bearer " + token + ` application/json {"text":"<b>"}` + "\n"
		if got != want {
			t.Errorf("came: %s\nwant: %s", got, want)
		}
		_, _ = io.WriteString(w, `{"id":"7"}`)
	}, nil)
	var into struct{ ID string }
	answer, err := client.Do(t.Context(), Request{
		Method: http.MethodPost, Path: "/x%2Fy", Query: url.Values{"a": {"1 2"}}, Body: JSON(map[string]string{"text": "<b>"}),
	}, &into)
	if err != nil || into.ID != "7" || answer.Status != http.StatusOK {
		t.Errorf("got %+v, %+v, %v", answer, into, err)
	}
	outcomes.want(t, "ok")
}

func TestBodies(t *testing.T) {
	if form := Form(url.Values{"b": {"&"}, "a": {"1"}}); string(form.Bytes) != "a=1&b=%26" {
		t.Errorf("form: %s", form.Bytes)
	}
	file := File("file", "call.wav", []byte("RIFF"))
	_, parameters, err := mime.ParseMediaType(file.Type)
	if err != nil {
		t.Fatal(err)
	}
	part, err := multipart.NewReader(strings.NewReader(string(file.Bytes)), parameters["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(part)
	if err != nil || part.FormName() != "file" || part.FileName() != "call.wav" || string(content) != "RIFF" {
		t.Errorf("file: %s %s %q %v", part.FormName(), part.FileName(), content, err)
	}
	client, _ := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request went out") }, nil)
	for name, body := range map[string]Body{"long": JSON(strings.Repeat("x", maxBody)), "unwritable": JSON(make(chan int))} {
		_, err := client.Do(t.Context(), Request{Method: http.MethodPost, Body: body}, nil)
		if fault := faultOf(t, err); fault.Kind != crm.FaultRefused {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

// TestSorting is what each failure means.
func TestSorting(t *testing.T) {
	cases := map[string]struct {
		status  int
		header  map[string]string
		body    string
		kind    crm.FaultKind
		after   time.Duration
		say     string
		outcome string
	}{
		"timeout":        {status: 408, kind: crm.FaultRetry, say: "408 Request Timeout", outcome: "retry"},
		"locked":         {status: 423, kind: crm.FaultRetry, outcome: "retry"},
		"too many":       {status: 429, header: map[string]string{"Retry-After": "7"}, kind: crm.FaultRetry, after: 7 * time.Second, outcome: "limited"},
		"too many, date": {status: 429, header: map[string]string{"Retry-After": "Sun, 22 Nov 2026 10:00:09 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, kind: crm.FaultRetry, after: 9 * time.Second, outcome: "limited"},
		"past date":      {status: 503, header: map[string]string{"Retry-After": "Sun, 22 Nov 2020 10:00:09 GMT"}, kind: crm.FaultRetry, outcome: "retry"},
		"huge":           {status: 503, header: map[string]string{"Retry-After": "999999999999"}, kind: crm.FaultRetry, after: 24 * time.Hour, outcome: "retry"},
		"negative":       {status: 503, header: map[string]string{"Retry-After": "-5"}, kind: crm.FaultRetry, outcome: "retry"},
		"senseless":      {status: 503, header: map[string]string{"Retry-After": "soon"}, kind: crm.FaultRetry, outcome: "retry"},
		"migration":      {status: 477, header: map[string]string{"Retry-After": "3"}, kind: crm.FaultRetry, after: 3 * time.Second, outcome: "retry"},
		"broken":         {status: 500, kind: crm.FaultRetry, outcome: "retry"},
		"gateway":        {status: 502, body: "<html>bad</html>", kind: crm.FaultRetry, outcome: "retry"},
		"cdn":            {status: 521, kind: crm.FaultRetry, say: "521", outcome: "retry"},
		"cdn timeout":    {status: 524, kind: crm.FaultRetry, outcome: "retry"},
		"token":          {status: 401, kind: crm.FaultAccess, say: "crm.token", outcome: "access"},
		"forbidden":      {status: 403, body: "<html>no</html>", kind: crm.FaultAccess, say: "text/html", outcome: "access"},
		"subscription":   {status: 402, kind: crm.FaultAccess, say: "subscription", outcome: "access"},
		"bad":            {status: 400, body: `{"message":"no\u001b such\nfield"}`, kind: crm.FaultRefused, say: "400 Bad Request: no such field", outcome: "refused"},
		"bad, error":     {status: 422, body: `{"error":"no outcome"}`, kind: crm.FaultRefused, say: "no outcome", outcome: "refused"},
		"echo":           {status: 400, body: `{"message":"who is Bearer ` + token + `?"}`, kind: crm.FaultRefused, say: "who is …?", outcome: "refused"},
		"talkative":      {status: 400, body: `{"message":"` + strings.Repeat("é", 300) + `"}`, kind: crm.FaultRefused, say: strings.Repeat("é", 199) + "…", outcome: "refused"},
		"gone":           {status: 404, body: `[1]`, kind: crm.FaultRefused, outcome: "refused"},
		"elsewhere":      {status: 302, header: map[string]string{"Location": "https://example.com/login"}, kind: crm.FaultAccess, say: "base_url", outcome: "access"},
		"junk":           {status: 200, body: `{"id":`, kind: crm.FaultRetry, say: "not what was asked", outcome: "junk"},
		"empty":          {status: 200, kind: crm.FaultRetry, outcome: "junk"},
		"portal":         {status: 200, body: "<html>log in</html>", kind: crm.FaultRetry, say: "text/html", outcome: "junk"},
		"endless":        {status: 200, body: `"` + strings.Repeat("x", maxBody) + `"`, kind: crm.FaultRetry, say: "longer than 1 MB", outcome: "junk"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			client, outcomes := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range c.header {
					w.Header().Set(key, value)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}, nil)
			var into any
			answer, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/calls", Query: url.Values{"q": {"secret-query"}}}, &into)
			fault := faultOf(t, err)
			if fault.Kind != c.kind || fault.After != c.after || !strings.Contains(fault.Say, c.say) || !strings.HasPrefix(fault.Say, "Acme: GET /calls: ") {
				t.Errorf("got kind %d after %v: %s", fault.Kind, fault.After, fault.Say)
			}
			var status Status
			if c.status >= 300 && (!errors.As(err, &status) || int(status) != c.status || answer.Status != c.status) {
				t.Errorf("cause %v, answer %d, want status %d", fault.Err, answer.Status, c.status)
			}
			outcomes.want(t, c.outcome)
		})
	}
}

func TestJudge(t *testing.T) {
	client, outcomes := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
	}, func(o *Options) {
		o.Judge = func(a Answer) *crm.Fault {
			if a.Status == http.StatusNotFound {
				return &crm.Fault{Kind: crm.FaultNoContact, Say: a.Say("gone")}
			}
			return nil
		}
	})
	_, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/x"}, nil)
	if fault := faultOf(t, err); fault.Kind != crm.FaultNoContact || fault.Say != "Acme: GET /x: 404 Not Found: gone" {
		t.Errorf("got %+v", fault)
	}
	outcomes.want(t, "gone")
}

// TestNobodyThere is what there is instead of an answer.
func TestNobodyThere(t *testing.T) {
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	}
	nonsense := func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		_, _ = io.WriteString(conn, "HTTP/9 "+r.Header.Get("Authorization")+"\r\n\r\n")
		_ = conn.Close()
	}
	for name, handler := range map[string]http.HandlerFunc{"cut": cut, "half": half, "nonsense": nonsense} {
		client, outcomes := newClient(t, handler, nil)
		var into any
		_, err := client.Do(t.Context(), Request{Method: http.MethodPost, Path: "/x", Query: url.Values{"q": {"secret-query"}}}, &into)
		if fault := faultOf(t, err); fault.Kind != crm.FaultRetry {
			t.Errorf("%s: %v", name, fault)
		}
		outcomes.want(t, "network")
	}
}

func TestStrangersCertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	client, err := New(Options{Vendor: "Acme", BaseURL: server.URL, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/x"}, nil)
	if fault := faultOf(t, err); fault.Kind != crm.FaultRetry || !strings.Contains(fault.Say, "certificate") {
		t.Errorf("got %+v", fault)
	}
}

// TestRedirects follows those that stay, and takes the token nowhere else.
func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a request went elsewhere: %v", r.Header)
	}))
	defer elsewhere.Close()
	client, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/near":
			http.Redirect(w, r, "/api/here", http.StatusTemporaryRedirect)
		case "/api/here":
			if r.Header.Get("Authorization") == "" {
				t.Error("the token was left behind")
			}
			_, _ = io.WriteString(w, "{}")
		case "/api/read":
			http.Redirect(w, r, "/api/here", http.StatusFound)
		case "/api/far":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/api/round":
			http.Redirect(w, r, "/api/round", http.StatusTemporaryRedirect)
		}
	}, nil)
	if _, err := client.Do(t.Context(), Request{Method: http.MethodPost, Path: "/near", Body: JSON(1)}, nil); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/far", "/round", "/read"} {
		_, err := client.Do(t.Context(), Request{Method: http.MethodPost, Path: path, Body: JSON(1)}, nil)
		if fault := faultOf(t, err); fault.Kind != crm.FaultAccess {
			t.Errorf("%s: %v", path, fault)
		}
	}
}

func TestAuthorizeFails(t *testing.T) {
	refusal := &crm.Fault{Kind: crm.FaultAccess, Say: "connect again"}
	client, _ := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request went out") }, func(o *Options) {
		o.Authorize = func(context.Context, http.Header) error { return refusal }
	})
	if _, err := client.Do(t.Context(), Request{Method: http.MethodGet}, nil); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
}

func TestAddressOfAnAPI(t *testing.T) {
	for address, sound := range map[string]bool{
		"https://api.example.com":      true,
		"https://api.example.com/v1/":  true,
		"http://api.example.com":       false,
		"https://user:pw@example.com":  false,
		"https://api.example.com?a=b":  false,
		"ftp://api.example.com":        false,
		"api.example.com":              false,
		"":                             false,
		"https://api.example.com/%zz/": false,
	} {
		if _, err := New(Options{Vendor: "Acme", BaseURL: address}); (err == nil) != sound {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(429, "5", `{"message":"limit"}`)
	f.Add(400, "Sun, 22 Nov 2026 10:00:09 GMT", `{"error":{"a":1}}`)
	f.Add(200, "", "\xff<html>")
	f.Fuzz(func(t *testing.T, status int, after, body string) {
		answer := Answer{Status: status, Header: http.Header{"Retry-After": {after}}, Body: []byte(body), secrets: []string{token}}
		fault := answer.Fault()
		if fault.After < 0 || fault.After > longestAfter {
			t.Errorf("after %v", fault.After)
		}
		if strings.Contains(fault.Say, token) || strings.ContainsAny(fault.Say, "\n\r\x1b\x00") || len(fault.Say) > 1200 {
			t.Errorf("says %q", fault.Say)
		}
	})
}
