package peer_test

import (
	"errors"
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

// A registrar made by hand shows what a phone does with answers that the other tests' registrar never gives.
func TestIntervalTooBrief(t *testing.T) {
	raw, err := peer.NewRaw("127.0.0.1:0")
	must(t, err)
	defer raw.Close()
	phone, err := peer.NewPhone(peer.Options{User: "ana", Server: raw.Addr()})
	must(t, err)
	defer phone.Close()
	ctx := within(t)
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			first, err := raw.ReceiveMessage(ctx, nil)
			if err != nil {
				return err
			}
			res := peer.NewResponse(first, 423, "Interval Too Brief").Add("Min-Expires", "120")
			if err := raw.Send(first.Source, res.Bytes()); err != nil {
				return err
			}
			second, err := raw.ReceiveMessage(ctx, func(m *peer.Message) bool { return m.Branch() != first.Branch() })
			if err != nil {
				return err
			}
			if second.Get("Expires") != "120" {
				return errors.New("Expires is " + second.Get("Expires"))
			}
			return raw.Send(second.Source, peer.NewResponse(second, 200, "OK").Bytes())
		}()
	}()
	_, err = phone.Register(ctx, 10*time.Second)
	must(t, err)
	must(t, <-served)
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
