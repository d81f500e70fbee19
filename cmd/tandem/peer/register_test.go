package peer_test

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/peer"
)

func TestRegister(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256", ""} {
		t.Run("algorithm "+algorithm, func(t *testing.T) {
			p := connect(t, peer.Options{Domain: "pbx.example", Accounts: map[string]string{"ana": "secret"}},
				peer.Options{Password: "secret", Algorithm: algorithm})
			_, err := p.phone.Register(within(t), time.Hour)
			must(t, err)
			if got := p.carrier.Binding("ana"); got != p.phone.ContactURI() {
				t.Errorf("binding = %q, want %q", got, p.phone.ContactURI())
			}
			want := algorithm
			if want == "" {
				want = "SHA-256"
			}
			last := lastRequest(p.carrier.Trace(), "REGISTER")
			if got := last.Get("Authorization"); !strings.Contains(got, "algorithm="+want) {
				t.Errorf("Authorization = %s, want %s", got, want)
			}
			_, err = p.phone.Register(within(t), time.Hour) // the nonce is still good
			must(t, err)
			if n := count(p.carrier.Trace(), "REGISTER"); n != 3 {
				t.Errorf("%d REGISTERs, want 3: challenge, answer, refresh", n)
			}
			p.carrier.ForgetNonces()
			must(t, p.phone.Unregister(within(t))) // stale: tried again
			if n := count(p.carrier.Trace(), "REGISTER"); n != 5 {
				t.Errorf("%d REGISTERs, want 5", n)
			}
			if got := p.carrier.Binding("ana"); got != "" {
				t.Errorf("binding = %q after Unregister", got)
			}
		})
	}
}

func TestUnregisterAll(t *testing.T) {
	p := connect(t, peer.Options{Domain: "pbx.example", Accounts: map[string]string{"ana": "secret"}}, peer.Options{Password: "secret"})
	must(t, p.phone.StayRegistered(within(t), time.Hour))
	must(t, p.phone.UnregisterAll(within(t)))
	if got := lastRequest(p.carrier.Trace(), "REGISTER").Get("Contact"); got != "*" {
		t.Errorf("Contact = %q", got)
	}
	if got := p.carrier.Binding("ana"); got != "" {
		t.Errorf("binding = %q", got)
	}
}

func TestWrongPassword(t *testing.T) {
	p := connect(t, peer.Options{Domain: "pbx.example", Accounts: map[string]string{"ana": "secret"}}, peer.Options{Password: "guess"})
	var status *peer.StatusError
	if _, err := p.phone.Register(within(t), time.Hour); !errors.As(err, &status) || status.Response.Code != 401 {
		t.Errorf("Register: %v", err)
	}
	if n := count(p.carrier.Trace(), "REGISTER"); n != 2 {
		t.Errorf("%d REGISTERs, want 2", n)
	}
}

func TestDialWithDigest(t *testing.T) {
	p := connect(t, peer.Options{Domain: "pbx.example", Accounts: map[string]string{"ana": "secret"}, OnCall: peer.AnswerAll},
		peer.Options{Password: "secret"})
	call, err := p.phone.Dial(t.Context(), peer.CallOptions{To: "+34600111222"})
	must(t, err)
	must(t, call.WaitAnswered(within(t)))
	if got := call.Codes(); got[0] != 401 || got[len(got)-1] != 200 {
		t.Errorf("codes = %v", got)
	}
	must(t, call.Hangup(within(t)))
}

// registrar is made by hand, so that nothing of it is shared with the phone: each answer gets the next REGISTER that is
// not a repetition and makes the response.
func registrar(t *testing.T, raw *peer.Raw, answers ...func(*peer.Message) *peer.Message) (done chan error) {
	t.Helper()
	ctx := within(t)
	done = make(chan error, 1)
	go func() {
		seen := ""
		for _, respond := range answers {
			req, err := raw.ReceiveMessage(ctx, func(m *peer.Message) bool { return m.Branch() != seen })
			if err != nil {
				done <- err
				return
			}
			seen = req.Branch()
			if err := raw.Send(req.Source, respond(req).Bytes()); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return done
}

func TestIntervalTooBrief(t *testing.T) {
	raw := stranger(t)
	phone, err := peer.NewPhone(peer.Options{User: "ana", Server: raw.Addr()})
	must(t, err)
	defer phone.Close()
	var expires []string
	done := registrar(t, raw,
		func(m *peer.Message) *peer.Message {
			expires = append(expires, m.Get("Expires"))
			return peer.NewResponse(m, 423, "Interval Too Brief").Add("Min-Expires", "120")
		},
		func(m *peer.Message) *peer.Message {
			expires = append(expires, m.Get("Expires"))
			return peer.NewResponse(m, 200, "OK")
		})
	_, err = phone.Register(within(t), 10*time.Second)
	must(t, err)
	must(t, <-done)
	if !slices.Equal(expires, []string{"10", "120"}) {
		t.Errorf("Expires %v", expires)
	}
}

// A phone refreshes at half of what it was granted, not of what it asked for.
func TestStayRegistered(t *testing.T) {
	raw := stranger(t)
	phone, err := peer.NewPhone(peer.Options{User: "ana", Server: raw.Addr()})
	must(t, err)
	defer phone.Close()
	grant := func(m *peer.Message) *peer.Message {
		return peer.NewResponse(m, 200, "OK").
			Add("Contact", "<sip:other@127.0.0.9>;expires=3000, "+m.Get("Contact")+";expires=1")
	}
	done := registrar(t, raw, grant, grant)
	must(t, phone.StayRegistered(within(t), time.Hour))
	must(t, <-done)
}

// The response is computed here by hand from RFC 7616 3.4.1, twice with one nonce, then with a new one after stale.
func TestDigestResponse(t *testing.T) {
	for algorithm, hash := range map[string]func(string) string{
		"MD5":     func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) },
		"SHA-256": func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) },
	} {
		raw := stranger(t)
		phone, err := peer.NewPhone(peer.Options{
			User: "ana", Password: "se cret", Domain: "pbx.example", Server: raw.Addr(), Algorithm: algorithm,
		})
		must(t, err)
		defer phone.Close()
		challenge := func(nonce, more string) func(*peer.Message) *peer.Message {
			return func(m *peer.Message) *peer.Message {
				value := `Digest realm="pbx", nonce="` + nonce + `", qop="auth"` + more + `, algorithm=`
				return peer.NewResponse(m, 401, "Unauthorized").
					Add("WWW-Authenticate", value+"SHA-256").Add("WWW-Authenticate", value+"MD5")
			}
		}
		check := func(nonce, count string, then func(*peer.Message) *peer.Message) func(*peer.Message) *peer.Message {
			return func(m *peer.Message) *peer.Message {
				got := param(m.Get("Authorization"))
				want := hash(hash("ana:pbx:se cret") + ":" + nonce + ":" + count + ":" + got["cnonce"] + ":auth:" + hash("REGISTER:sip:pbx.example"))
				if got["response"] != want || got["nc"] != count || got["uri"] != "sip:pbx.example" || got["username"] != "ana" {
					t.Errorf("%s: %s, want response %s", algorithm, m.Get("Authorization"), want)
				}
				return then(m)
			}
		}
		accept := func(m *peer.Message) *peer.Message { return peer.NewResponse(m, 200, "OK") }
		done := registrar(t, raw,
			challenge("one", ""), check("one", "00000001", accept),
			check("one", "00000002", challenge("two", ", stale=true")), check("two", "00000001", accept))
		for range 2 {
			_, err = phone.Register(within(t), time.Hour)
			must(t, err)
		}
		must(t, <-done)
	}
}

// param reads the parameters of a digest header.
func param(value string) map[string]string {
	all := make(map[string]string)
	for part := range strings.SplitSeq(strings.TrimPrefix(value, "Digest "), ",") {
		key, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		all[key] = strings.Trim(v, `"`)
	}
	return all
}

func lastRequest(entries []peer.Entry, method string) *peer.Message {
	var last *peer.Message
	for _, e := range entries {
		if e.Message.Method == method {
			last = e.Message
		}
	}
	return last
}
