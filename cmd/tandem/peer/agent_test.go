package peer_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"tandem/cmd/tandem/peer"
)

// Many calls at once, some with audio, and nothing left behind after Close.
func TestManyCalls(t *testing.T) {
	before := runtime.NumGoroutine()
	carrier, err := peer.NewCarrier(peer.Options{Bind: "127.0.0.2:0"})
	must(t, err)
	phone, err := peer.NewPhone(peer.Options{
		Bind: "127.0.0.3:0", User: "ana", Server: carrier.Addr(), OnCall: peer.AnswerAll,
		Media: peer.MediaOptions{Source: peer.Tone(700)},
	})
	must(t, err)
	bare := peer.MediaOptions{RTCP: -1, Capture: -1}
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			o := peer.CallOptions{To: "sip:ana@" + phone.Addr(), From: fmt.Sprintf("+3460000%04d", i), Media: &bare}
			if i%10 == 0 {
				o.Media = nil
			}
			if err := converse(t, carrier, o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, phone.Close())
	must(t, carrier.Close())
	for range 1000 { // stopped timers' goroutines may still be on their way out
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func converse(t *testing.T, carrier *peer.Carrier, o peer.CallOptions) error {
	call, err := carrier.Call(t.Context(), o)
	if err != nil {
		return err
	}
	if err := call.WaitAnswered(within(t)); err != nil {
		return err
	}
	if o.Media == nil {
		if err := call.Media().HearsTone(within(t), 700); err != nil {
			return err
		}
	}
	return call.Hangup(within(t))
}

func TestTCPComesFromTheBoundAddress(t *testing.T) {
	carrier, phone := peer.Options{Transport: "tcp", Bind: "127.0.0.2:0"}, peer.Options{Transport: "tcp", Bind: "127.0.0.3:0"}
	p := connect(t, carrier, phone)
	_, to := p.call(t, peer.CallOptions{})
	if from := to.Invite().Source; !strings.HasPrefix(from, "127.0.0.2:") {
		t.Errorf("INVITE came from %s", from)
	}
}

func TestUseMedia(t *testing.T) {
	p := connect(t, peer.Options{}, says(peer.Tone(440)))
	from, to := p.call(t, peer.CallOptions{})
	must(t, to.UseMedia(peer.MediaOptions{Source: peer.Tone(425), Codecs: []string{"PCMU"}}))
	must(t, to.RingWithMedia())
	must(t, from.Media().HearsTone(within(t), 425))
	to.Media().Say(peer.Tone(1000))
	must(t, to.Answer())
	must(t, from.Media().HearsTone(within(t), 1000))
	must(t, from.Media().Stats().Unbroken())
	if err := to.UseMedia(peer.MediaOptions{}); err == nil {
		t.Error("media of an answered call replaced")
	}
}

func TestLadder(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{})
	from, to := p.answered(t, peer.CallOptions{})
	must(t, from.Hangup(within(t), peer.Header{Name: "Reason", Value: "Q.850;cause=16"}))
	_, err := to.WaitEnded(within(t))
	must(t, err)
	lines := strings.Split(strings.TrimSpace(peer.Ladder(p.carrier, p.phone)), "\n")
	if len(lines) != 12 {
		t.Fatalf("%d lines, want 12:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, want := range []string{"carrier    -> " + p.phone.Addr(), "ana        <- " + p.carrier.Addr(), "200 OK (1 INVITE) +sdp", "[Q.850;cause=16]"} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("no line with %q:\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if got := peer.Ladder(); got != "(no messages)\n" {
		t.Errorf("empty ladder: %q", got)
	}
}
