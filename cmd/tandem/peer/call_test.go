package peer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/peer"
)

// pair is a carrier and a phone that call each other without a switch between them.
type pair struct {
	carrier *peer.Carrier
	phone   *peer.Phone
}

// connect opens both on ports of their own and logs their ladder when the test fails.
func connect(t *testing.T, carrier, phone peer.Options) pair {
	t.Helper()
	c, err := peer.NewCarrier(carrier)
	if err != nil {
		t.Fatal(err)
	}
	phone.Server, phone.User = c.Addr(), "ana"
	if phone.Domain == "" {
		phone.Domain = "pbx.example"
	}
	p, err := peer.NewPhone(phone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + peer.Ladder(c, p))
		}
		_, _ = p.Close(), c.Close()
	})
	return pair{c, p}
}

// call places a call from the carrier and returns both ends of it.
func (p pair) call(t *testing.T, o peer.CallOptions) (from, to *peer.Call) {
	t.Helper()
	o.To, o.From = "sip:ana@"+p.phone.Addr(), "+34600111222"
	from, err := p.carrier.Call(t.Context(), o)
	must(t, err)
	to, err = p.phone.Accept(within(t))
	must(t, err)
	return from, to
}

// answered is call with ringing and answer.
func (p pair) answered(t *testing.T, o peer.CallOptions) (from, to *peer.Call) {
	t.Helper()
	from, to = p.call(t, o)
	must(t, to.Ring())
	must(t, from.WaitRinging(within(t)))
	must(t, to.Answer())
	must(t, from.WaitAnswered(within(t)))
	return from, to
}

// within bounds a wait that must not take long; it is no measure of speed.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func says(source peer.Source) peer.Options {
	return peer.Options{Media: peer.MediaOptions{Source: source}}
}

func TestConversation(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			carrier, phone := says(peer.Tone(440)), says(peer.Tone(1000))
			carrier.Transport, phone.Transport = transport, transport
			p := connect(t, carrier, phone)
			from, to := p.answered(t, peer.CallOptions{Display: "Eva \"la jefa\"", Asserted: "+34600111333", Privacy: "id"})

			if got := to.From(); got.User() != "+34600111222" || got.Display != `Eva "la jefa"` {
				t.Errorf("From = %+v", got)
			}
			if got := to.Invite().Get("P-Asserted-Identity"); !strings.Contains(got, "+34600111333") {
				t.Errorf("P-Asserted-Identity = %q", got)
			}
			if got := from.Codes(); !slices.Equal(got, []int{180, 200}) {
				t.Errorf("codes = %v", got)
			}
			if got := to.Invite().Get("Privacy"); got != "id" {
				t.Errorf("Privacy = %q", got)
			}
			ringing, err := from.WaitCode(within(t), 180)
			must(t, err)
			if final := from.Final(); final.Code != 200 || final.At.Before(ringing.At) {
				t.Errorf("final response %s at %s, ringing at %s", final, final.At, ringing.At)
			}
			must(t, to.Media().HearsTone(within(t), 440))
			must(t, from.Media().HearsTone(within(t), 1000))
			must(t, from.Media().HearsNoTone(within(t), 440, 200*time.Millisecond))
			must(t, from.Media().Stats().Continuous())

			must(t, from.Hangup(within(t), peer.Header{Name: "Reason", Value: `Q.850;cause=16`}))
			end, err := to.WaitEnded(within(t))
			must(t, err)
			if !end.Remote || end.How != peer.ByBYE || end.Reason != "Q.850;cause=16" || end.Code != 200 {
				t.Errorf("phone: %v", end)
			}
			if end, _ := from.WaitEnded(within(t)); end.Remote || end.How != peer.ByBYE {
				t.Errorf("carrier: %v", end)
			}
			if n := to.Acked(); n != 1 {
				t.Errorf("%d ACKs, want 1", n)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{})
	from, to := p.call(t, peer.CallOptions{})
	must(t, from.Cancel(peer.Header{Name: "Reason", Value: `SIP;cause=200;text="Call completed elsewhere"`}))
	must(t, to.Ring()) // the CANCEL waits for this
	end, err := to.WaitEnded(within(t))
	must(t, err)
	if end.How != peer.ByCANCEL || !end.Remote || !strings.Contains(end.Reason, "completed elsewhere") {
		t.Errorf("phone: %v", end)
	}
	end, err = from.WaitEnded(within(t))
	must(t, err)
	if end.How != peer.ByCANCEL || end.Remote || end.Code != 487 {
		t.Errorf("carrier: %v", end)
	}
	if err := from.WaitAnswered(within(t)); err == nil {
		t.Error("WaitAnswered of a cancelled call: no error")
	}
	if err := to.Answer(); err == nil {
		t.Error("Answer of a cancelled call: no error")
	}
}

func TestAnswerAfterCancel(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{Behaviour: peer.Behaviour{AnswerAfterCancel: true}})
	from, to := p.call(t, peer.CallOptions{})
	must(t, to.Ring())
	must(t, from.WaitRinging(within(t)))
	must(t, from.Cancel())
	end, err := from.WaitEnded(within(t))
	must(t, err)
	if end.How != peer.ByCANCEL || end.Code != 200 {
		t.Errorf("carrier: %v", end)
	}
	_, err = to.WaitRequest(within(t), "ACK")
	must(t, err)
	if end, err = to.WaitEnded(within(t)); err != nil || end.How != peer.ByBYE {
		t.Errorf("phone: %v %v", end, err)
	}
}

func TestRefusal(t *testing.T) {
	for _, code := range []int{486, 503, 603} {
		p := connect(t, peer.Options{}, peer.Options{OnCall: peer.RejectAll(code)})
		from, err := p.carrier.Call(t.Context(), peer.CallOptions{To: "sip:ana@" + p.phone.Addr()})
		must(t, err)
		end, err := from.WaitEnded(within(t))
		must(t, err)
		if end.How != peer.ByResponse || !end.Remote || end.Code != code || from.Final().Code != code {
			t.Errorf("%d: %v", code, end)
		}
	}
}

func TestNoAnswerAtAll(t *testing.T) {
	p := connect(t, peer.Options{T1: time.Millisecond}, peer.Options{Behaviour: peer.Behaviour{SilentInvites: true}})
	from, err := p.carrier.Call(t.Context(), peer.CallOptions{To: "sip:ana@" + p.phone.Addr()})
	must(t, err)
	end, err := from.WaitEnded(within(t))
	must(t, err)
	if end.How != peer.ByTimeout || len(from.Codes()) != 0 {
		t.Errorf("%v, codes %v", end, from.Codes())
	}
	if n := count(p.phone.Trace(), "INVITE"); n < 2 {
		t.Errorf("INVITE came %d times, want it repeated", n)
	}
}

func TestWithheldACK(t *testing.T) {
	quick := peer.Options{T1: time.Millisecond}
	p := connect(t, peer.Options{Behaviour: peer.Behaviour{WithholdACK: true}}, quick)
	from, to := p.answered(t, peer.CallOptions{})
	end, err := to.WaitEnded(within(t))
	must(t, err)
	if end.How != peer.ByTimeout || to.Acked() != 0 {
		t.Errorf("phone: %v, %d ACKs", end, to.Acked())
	}
	if end, err = from.WaitEnded(within(t)); err != nil || end.How != peer.ByBYE || !end.Remote {
		t.Errorf("carrier: %v %v", end, err)
	}
	if n := len(from.Codes()); n < 2 {
		t.Errorf("codes %v, want repeated 200s", from.Codes())
	}
}

func TestDuplicateResponses(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{Behaviour: peer.Behaviour{DuplicateResponses: 2}})
	from, _ := p.answered(t, peer.CallOptions{})
	must(t, from.Hangup(within(t)))
	if got := from.Codes(); !slices.Equal(got[:3], []int{180, 180, 180}) {
		t.Errorf("codes = %v", got)
	}
}

func TestLateOffer(t *testing.T) {
	p := connect(t, says(peer.Tone(500)), says(peer.Tone(900)))
	from, to := p.answered(t, peer.CallOptions{LateOffer: true})
	if to.Invite().SDP() != nil {
		t.Error("INVITE has SDP")
	}
	must(t, to.Media().HearsTone(within(t), 500))
	must(t, from.Media().HearsTone(within(t), 900))
}

func TestEarlyMedia(t *testing.T) {
	p := connect(t, says(nil), says(peer.Tone(425)))
	from, to := p.call(t, peer.CallOptions{Anonymous: true})
	if got := to.From(); got.URI != "sip:anonymous@anonymous.invalid" {
		t.Errorf("From = %v", got)
	}
	must(t, to.Progress())
	must(t, from.Media().HearsTone(within(t), 425))
	must(t, to.Answer())
	must(t, from.WaitAnswered(within(t)))
	must(t, from.Media().HearsTone(within(t), 425))
	must(t, from.Media().Stats().Unbroken())
}

func TestHoldAndResume(t *testing.T) {
	p := connect(t, says(peer.Tone(440)), says(peer.Tone(1000)))
	from, to := p.answered(t, peer.CallOptions{})
	must(t, from.Media().HearsTone(within(t), 1000))
	must(t, from.Hold(within(t)))
	held, err := to.WaitMessage(within(t), func(m *peer.Message) bool { return strings.Contains(string(m.Body), "a=sendonly") })
	must(t, err)
	if held.Method != "INVITE" {
		t.Errorf("held by %s", held.Method)
	}
	answer := from.Messages()
	if i := slices.IndexFunc(answer, func(e peer.Entry) bool { return strings.Contains(string(e.Message.Body), "a=recvonly") }); i < 0 {
		t.Error("hold was not answered with recvonly")
	}
	must(t, from.Resume(within(t)))
	must(t, from.Media().HearsTone(within(t), 1000))
	must(t, from.Media().Stats().Continuous())
	must(t, to.Update(within(t), "inactive"))
	must(t, to.Update(within(t), "sendrecv"))
	must(t, to.Media().HearsTone(within(t), 440))
	must(t, from.HoldByAddress(within(t)))
	_, err = to.WaitMessage(within(t), func(m *peer.Message) bool { return strings.Contains(string(m.Body), "c=IN IP4 0.0.0.0") })
	must(t, err)
	must(t, from.Resume(within(t)))
	must(t, from.Media().HearsTone(within(t), 1000))
}

func TestReinviteRefused(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{Behaviour: peer.Behaviour{ReinviteCode: 491}})
	from, _ := p.answered(t, peer.CallOptions{})
	var status *peer.StatusError
	if err := from.Hold(within(t)); !errors.As(err, &status) || status.Response.Code != 491 {
		t.Errorf("Hold: %v", err)
	}
}

func TestDeaf(t *testing.T) {
	p := connect(t, peer.Options{T1: time.Millisecond}, peer.Options{Behaviour: peer.Behaviour{Deaf: true}})
	from, err := p.carrier.Call(t.Context(), peer.CallOptions{To: "sip:ana@" + p.phone.Addr()})
	must(t, err)
	if end, err := from.WaitEnded(within(t)); err != nil || end.How != peer.ByTimeout {
		t.Errorf("%v %v", end, err)
	}
	if count(p.phone.Trace(), "INVITE") == 0 {
		t.Error("a deaf phone's trace lacks what it ignored")
	}
}

func TestKeepCallOnBYE(t *testing.T) {
	p := connect(t, peer.Options{T1: time.Millisecond}, peer.Options{Behaviour: peer.Behaviour{KeepCallOnBYE: true}})
	from, to := p.answered(t, peer.CallOptions{})
	if err := from.Hangup(within(t)); err == nil {
		t.Error("BYE was answered")
	}
	if to.State() != peer.Answered {
		t.Errorf("phone's call is %s", to.State())
	}
}

func TestEarlySend(t *testing.T) {
	p := connect(t, peer.Options{Media: peer.MediaOptions{Source: peer.Tone(440), EarlySend: true}}, says(peer.Tone(425)))
	from, to := p.call(t, peer.CallOptions{})
	must(t, to.Progress())
	must(t, to.Media().HearsTone(within(t), 440))
	if from.State() != peer.Ringing {
		t.Errorf("call is %s", from.State())
	}
	p.phone.Handle(peer.RejectAll(486))
	busy, err := p.carrier.Call(t.Context(), peer.CallOptions{To: "sip:ana@" + p.phone.Addr()})
	must(t, err)
	_, err = busy.WaitCode(within(t), 486)
	must(t, err)
}

func TestVanishAndReturn(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{})
	from, to := p.answered(t, peer.CallOptions{})
	before, addr := len(from.Messages()), p.phone.Addr()
	p.phone.Vanish()
	if end, err := to.WaitEnded(within(t)); err != nil || end.How != peer.ByVanish {
		t.Errorf("phone: %v %v", end, err)
	}
	if _, err := p.phone.Options(within(t)); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("vanished phone sends: %v", err)
	}
	must(t, p.phone.Return())
	if p.phone.Addr() != addr {
		t.Errorf("returned at %s, was %s", p.phone.Addr(), addr)
	}
	_, err := p.phone.Options(within(t))
	must(t, err)
	if got := len(from.Messages()); got != before {
		t.Errorf("carrier saw %d messages of the vanished phone", got-before)
	}
	if _, err := from.Request(within(t), "INFO", nil); err != nil {
		t.Errorf("INFO to a phone that lost its calls: %v", err)
	}
	_, again := p.answered(t, peer.CallOptions{})
	must(t, again.Hangup(within(t)))
}

func TestTransfer(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{})
	from, to := p.answered(t, peer.CallOptions{})
	var status *peer.StatusError // a peer carries out no REFER, it asks for them
	if err := to.Refer(within(t), "202", nil); !errors.As(err, &status) || status.Response.Code != 405 {
		t.Errorf("Refer: %v", err)
	}
	m, err := from.WaitRequest(within(t), "REFER")
	must(t, err)
	if got := m.Get("Refer-To"); got != "<sip:202@pbx.example>" {
		t.Errorf("Refer-To = %q", got)
	}
	_ = to.Refer(within(t), "202", to)
	m, err = from.WaitMessage(within(t), func(m *peer.Message) bool { return strings.Contains(m.Get("Refer-To"), "Replaces=") })
	must(t, err)
	if !strings.Contains(m.Get("Refer-To"), strings.ReplaceAll(to.ID(), "@", "%40")+"%3Bto-tag%3D") {
		t.Errorf("Refer-To = %q", m.Get("Refer-To"))
	}
	must(t, from.Info(within(t), '5'))
}

func TestAutoAnswer(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{OnCall: peer.AnswerWhenAsked})
	to := "sip:ana@" + p.phone.Addr()
	plain, err := p.carrier.Call(t.Context(), peer.CallOptions{To: to})
	must(t, err)
	must(t, plain.WaitRinging(within(t)))
	for _, header := range []peer.Header{{"Call-Info", "<sip:x>;answer-after=0"}, {"Alert-Info", "<http://x>;info=alert-autoanswer"}} {
		call, err := p.carrier.Call(t.Context(), peer.CallOptions{To: to, Headers: []peer.Header{header}})
		must(t, err)
		must(t, call.WaitAnswered(within(t)))
	}
	if plain.State() != peer.Ringing {
		t.Errorf("plain call is %s", plain.State())
	}
}

func TestLoopbackOnly(t *testing.T) {
	if _, err := peer.NewCarrier(peer.Options{Bind: "0.0.0.0:0"}); err == nil {
		t.Error("bound to all addresses")
	}
	if _, err := peer.NewPhone(peer.Options{User: "ana", Server: "192.0.2.1:5060"}); err == nil {
		t.Error("server outside loopback accepted")
	}
	p := connect(t, peer.Options{}, peer.Options{})
	if _, err := p.carrier.Call(t.Context(), peer.CallOptions{To: "sip:ana@192.0.2.1"}); err == nil {
		t.Error("call outside loopback placed")
	}
}

func count(entries []peer.Entry, method string) int {
	n := 0
	for _, e := range entries {
		if e.Message.Method == method {
			n++
		}
	}
	return n
}
