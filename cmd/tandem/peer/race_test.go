package peer_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/peer"
)

// stranger is a raw socket that plays the callee by hand, wire-exact.
func stranger(t *testing.T) *peer.Raw {
	t.Helper()
	raw, err := peer.NewRaw("127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

// callRaw places a call from an agent to a raw socket and returns the INVITE as it came.
func callRaw(t *testing.T, raw *peer.Raw, o peer.Options) (*peer.Call, *peer.Message) {
	t.Helper()
	carrier, err := peer.NewCarrier(o)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + peer.Ladder(carrier))
		}
		_ = carrier.Close()
	})
	call, err := carrier.Call(t.Context(), peer.CallOptions{To: "sip:x@" + raw.Addr()})
	must(t, err)
	return call, next(t, raw, "INVITE")
}

// next waits for a request of that method.
func next(t *testing.T, raw *peer.Raw, method string) *peer.Message {
	t.Helper()
	m, err := raw.ReceiveMessage(within(t), func(m *peer.Message) bool { return m.Method == method })
	must(t, err)
	return m
}

func respond(t *testing.T, raw *peer.Raw, req *peer.Message, code int, tag string) {
	t.Helper()
	res := peer.NewResponse(req, code, "As It Is").Add("Contact", "<sip:x@"+raw.Addr()+">")
	if tag != "" {
		res.Set("To", req.Get("To")+";tag="+tag)
	}
	must(t, raw.Send(req.Source, res.Bytes()))
}

// A CANCEL that crosses the 200: the call is acknowledged, then released (RFC 3261 15).
func TestCancelCrossesAnswer(t *testing.T) {
	raw := stranger(t)
	call, invite := callRaw(t, raw, peer.Options{})
	respond(t, raw, invite, 180, "a")
	must(t, call.WaitRinging(within(t)))
	must(t, call.Cancel())
	cancel := next(t, raw, "CANCEL")
	if cancel.Branch() != invite.Branch() || cancel.Get("To") != invite.Get("To") {
		t.Errorf("CANCEL does not match its INVITE:\n%s", cancel.Bytes())
	}
	respond(t, raw, invite, 200, "a") // before the CANCEL was seen
	respond(t, raw, cancel, 200, "a")
	ack := next(t, raw, "ACK")
	if n, _ := ack.CSeq(); n != 1 || ack.Branch() == invite.Branch() {
		t.Errorf("ACK of a 200: CSeq %d, branch %s", n, ack.Branch())
	}
	bye := next(t, raw, "BYE")
	respond(t, raw, bye, 200, "")
	if end, err := call.WaitEnded(within(t)); err != nil || end.How != peer.ByCANCEL || end.Code != 200 {
		t.Errorf("%v %v", end, err)
	}
}

// Two branches of a forked INVITE answer: the second is acknowledged and released, the first stays (RFC 3261 13.2.2.4).
func TestForkedAnswers(t *testing.T) {
	raw := stranger(t)
	call, invite := callRaw(t, raw, peer.Options{})
	respond(t, raw, invite, 200, "first")
	if ack := next(t, raw, "ACK"); peer.ParseAddress(ack.Get("To")).Tag != "first" {
		t.Errorf("ACK to %s", ack.Get("To"))
	}
	respond(t, raw, invite, 200, "second")
	if ack := next(t, raw, "ACK"); peer.ParseAddress(ack.Get("To")).Tag != "second" {
		t.Errorf("ACK to %s", ack.Get("To"))
	}
	bye := next(t, raw, "BYE")
	if peer.ParseAddress(bye.Get("To")).Tag != "second" {
		t.Errorf("BYE to %s", bye.Get("To"))
	}
	respond(t, raw, bye, 200, "")
	respond(t, raw, invite, 200, "first") // repeated: acknowledged again, and nothing more
	if ack := next(t, raw, "ACK"); peer.ParseAddress(ack.Get("To")).Tag != "first" {
		t.Errorf("ACK to %s", ack.Get("To"))
	}
	if call.State() != peer.Answered {
		t.Errorf("call is %s", call.State())
	}
}

// Both sides change the media at once: each refuses the other's offer with 491 (RFC 3261 14.2).
func TestGlare(t *testing.T) {
	raw := stranger(t)
	call, invite := callRaw(t, raw, peer.Options{})
	respond(t, raw, invite, 200, "a")
	next(t, raw, "ACK")
	held := make(chan error, 1)
	go func() { held <- call.Hold(within(t)) }()
	ours := next(t, raw, "INVITE")
	theirs := raw.Template("INVITE", peer.ParseAddress(invite.Get("Contact")).URI, "x").
		Set("From", invite.Get("To")+";tag=a").Set("To", invite.Get("From")).Set("Call-ID", call.ID())
	must(t, raw.Send(ours.Source, theirs.Bytes()))
	answer(t, raw, 491)
	respond(t, raw, ours, 491, "")
	var status *peer.StatusError
	if err := <-held; !errors.As(err, &status) || status.Response.Code != 491 {
		t.Errorf("Hold: %v", err)
	}
	theirs.Set("CSeq", "2 INVITE").Set("Via", strings.Replace(theirs.Get("Via"), "branch=", "branch=2", 1))
	must(t, raw.Send(ours.Source, theirs.Bytes()))
	answer(t, raw, 200)
}

func TestDelayedACK(t *testing.T) {
	raw := stranger(t)
	_, invite := callRaw(t, raw, peer.Options{Behaviour: peer.Behaviour{DelayACK: time.Millisecond}})
	respond(t, raw, invite, 200, "a")
	next(t, raw, "ACK")
}

// The callee's side by hand-made requests: a repeated INVITE gets the same answer again and makes no second call, a BYE
// to nobody gets 481, an unknown method 405.
func TestStrangerCalls(t *testing.T) {
	raw := stranger(t)
	phone, err := peer.NewPhone(peer.Options{User: "ana", Server: raw.Addr()})
	must(t, err)
	defer phone.Close()
	invite := raw.Template("INVITE", "sip:ana@"+phone.Addr(), "x")
	must(t, raw.Send(phone.Addr(), invite.Bytes()))
	call, err := phone.Accept(within(t))
	must(t, err)
	must(t, call.Reject(486))
	first := answer(t, raw, 486)
	must(t, raw.Send(phone.Addr(), invite.Bytes()))
	if again := answer(t, raw, 486); again.Get("To") != first.Get("To") {
		t.Errorf("To %q, then %q", first.Get("To"), again.Get("To"))
	}
	if len(phone.Incoming()) != 0 {
		t.Error("the repeated INVITE made a second call")
	}
	for method, want := range map[string]int{"BYE": 481, "PUBLISH": 405, "OPTIONS": 200, "CANCEL": 481} {
		req := raw.Template(method, "sip:ana@"+phone.Addr(), "x")
		if method == "BYE" {
			req.Set("To", req.Get("To")+";tag=none")
		}
		must(t, raw.Send(phone.Addr(), req.Bytes()))
		answer(t, raw, want)
	}
	phone.Behave(peer.Behaviour{SilentOptions: true})
	must(t, raw.Send(phone.Addr(), raw.Template("OPTIONS", "sip:a", "x").Bytes()))
	must(t, raw.Send(phone.Addr(), raw.Template("MESSAGE", "sip:a", "x").Bytes()))
	if m := answer(t, raw, 200); m.Get("CSeq") != "1 MESSAGE" {
		t.Errorf("silent phone answered %s", m.Get("CSeq"))
	}
}

func answer(t *testing.T, raw *peer.Raw, code int) *peer.Message {
	t.Helper()
	m, err := raw.ReceiveMessage(within(t), func(m *peer.Message) bool { return m.Code != 0 })
	must(t, err)
	if m.Code != code {
		t.Errorf("answered %s to %s, want %d", m, m.Get("CSeq"), code)
	}
	return m
}

func TestRawStream(t *testing.T) {
	phone, err := peer.NewPhone(peer.Options{User: "ana", Server: "127.0.0.1:5060", Transport: "tcp"})
	must(t, err)
	defer phone.Close()
	s, err := peer.DialRaw(t.Context(), "127.0.0.1:0", phone.Addr())
	must(t, err)
	defer s.Close()
	req := peer.NewRequest("OPTIONS", "sip:ana").
		Add("Via", "SIP/2.0/TCP "+s.Addr()+";branch=z9hG4bK1").
		Add("From", "<sip:x@y>;tag=1").Add("To", "<sip:ana>").Add("Call-ID", "1").Add("CSeq", "1 OPTIONS")
	for _, b := range bytes.SplitAfter(req.Bytes(), []byte("\n")) { // line by line
		must(t, s.Send(b))
	}
	m, err := s.ReceiveMessage(within(t))
	must(t, err)
	if m.Code != 200 {
		t.Errorf("answered %s", m)
	}
}

func TestRawReceiveEnds(t *testing.T) {
	raw := stranger(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := raw.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Receive: %v", err)
	}
	must(t, raw.Send(raw.Addr(), []byte("later")))
	if d, err := raw.Receive(within(t)); err != nil || string(d.Data) != "later" {
		t.Errorf("Receive: %q %v", d.Data, err)
	}
	if err := raw.Send("192.0.2.1:5060", nil); err == nil {
		t.Error("sent outside loopback")
	}
}
