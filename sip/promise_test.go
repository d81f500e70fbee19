package sip

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// patientStore is a memory whose dialogs are durable only when the test says so.
type patientStore struct {
	*memory
	mu      sync.Mutex
	waiting []func()
}

func (s *patientStore) SaveDialog(d call.Dialog, stored func()) {
	s.memory.SaveDialog(d, func() {})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, stored)
}

// commit makes durable what was saved, and returns how much that was.
func (s *patientStore) commit() int {
	s.mu.Lock()
	stored := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, f := range stored {
		f()
	}
	synctest.Wait()
	return len(stored)
}

// patiently is bubble with such a store.
func patiently(t *testing.T, f func(t *testing.T, b *bench, store *patientStore, p *peer), trunks ...Trunk) {
	t.Helper()
	patientlyWith(t, nil, f, trunks...)
}

// patientlyWith is patiently with a log.
func patientlyWith(t *testing.T, log *slog.Logger, f func(t *testing.T, b *bench, store *patientStore, p *peer), trunks ...Trunk) {
	t.Helper()
	var store *patientStore
	change := func(o *Options) {
		store = &patientStore{memory: o.Dialogs.(*memory)}
		o.Dialogs, o.Log = store, log
	}
	bubbleWith(t, change, func(t *testing.T, b *bench, p *peer) { f(t, b, store, p) }, trunks...)
}

// quietly fails when the peer has got any message.
func quietly(t *testing.T, p *peer, when string) {
	t.Helper()
	synctest.Wait()
	for len(p.inbox) > 0 {
		t.Errorf("%s: %s", when, (<-p.inbox).String())
	}
}

// A caller hears nothing before a restart would know of its call: neither that
// we try, nor that we answered; meanwhile the call goes on.
func TestCallerHearsWhatIsStored(t *testing.T) {
	patiently(t, func(t *testing.T, b *bench, store *patientStore, p *peer) {
		p.send(p.invite("a", "a"))
		in := <-b.lines.arrivals
		b.Progress(in.Leg, 180, nil)
		quietly(t, p, "before the call is stored")
		store.commit()
		for _, status := range []int{100, 180} {
			if res := (<-p.inbox).(*wire.Response); res.StatusCode != status {
				t.Errorf("%d, want %d", res.StatusCode, status)
			}
		}
		b.Answer(in.Leg, []byte("answer"))
		quietly(t, p, "before the answer is stored")
		left, _ := b.store.Dialogs(t.Context())
		if len(left) != 1 || !left[0].Confirmed || left[0].Via == "" {
			t.Errorf("stored: %+v", left)
		}
		store.commit()
		ok := p.response(200, wire.INVITE)
		p.send(p.within(ok, "ACK", 1, "ack"))
		p.send(p.within(ok, "INVITE", 2, "re", testSDP))
		next[call.LegOffered](t, b.lines)
		b.Reanswer(in.Leg, []byte("again"))
		quietly(t, p, "before the new target is stored")
		store.commit()
		p.response(200, wire.INVITE)
		p.send(p.within(ok, "BYE", 3, "bye"))
		p.response(200, wire.BYE)
	}, hubCarrier())
}

// A CANCEL that comes while an answer is on its way to the disk wins.
func TestCancelWhileStoring(t *testing.T) {
	patiently(t, func(t *testing.T, b *bench, store *patientStore, p *peer) {
		p.send(p.invite("a", "a"))
		in := <-b.lines.arrivals
		store.commit()
		p.response(100, wire.INVITE)
		b.Answer(in.Leg, []byte("answer"))
		synctest.Wait()
		p.send(p.cancelText("a", "a"))
		p.response(200, wire.CANCEL)
		refused := p.response(487, wire.INVITE)
		store.commit()
		if again := p.response(487, wire.INVITE); tagOf(again.To().Params) != tagOf(refused.To().Params) {
			t.Errorf("%s", again) // a lost 487 is still resent, and nothing else
		}
		p.send(p.ackText(refused, "a", "a"))
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseCancelled {
			t.Errorf("gone %+v", gone)
		}
		synctest.Wait()
		if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 {
			t.Errorf("stored: %+v", left)
		}
	}, hubCarrier())
}

// A phone is called once its INVITE is stored, and acknowledged once its answer
// is.
func TestPhoneHearsWhatIsStored(t *testing.T) {
	patiently(t, func(t *testing.T, b *bench, store *patientStore, p *peer) {
		p.register("ana", "secret", 1)
		b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
		quietly(t, p, "before the INVITE is stored")
		store.commit()
		invite := p.request(wire.INVITE)
		p.reply(invite, 200, "x", testSDP)
		next[call.LegAnswered](t, b.lines)
		b.Release("01J-2", call.Cause{Kind: call.CauseNormal})
		quietly(t, p, "before the answer is stored")
		store.commit()
		for _, method := range []wire.RequestMethod{wire.ACK, wire.BYE} {
			req := (<-p.inbox).(*wire.Request)
			if req.Method != method {
				t.Fatalf("%s, want %s", req.Method, method)
			}
			if method == wire.BYE {
				p.reply(req, 200, "")
			}
		}
		synctest.Wait()
		if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 {
			t.Errorf("stored: %+v", left)
		}
	})
}

// What is given up before it is stored never rings.
func TestGivenUpWhileStoring(t *testing.T) {
	patiently(t, func(t *testing.T, b *bench, store *patientStore, p *peer) {
		p.register("ana", "secret", 1)
		b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
		synctest.Wait()
		b.Release("01J-2", call.Cause{Kind: call.CauseCancelled})
		synctest.Wait()
		if n := store.commit(); n != 1 {
			t.Errorf("%d stored", n)
		}
		time.Sleep(time.Minute)
		quietly(t, p, "a call that was given up")
		if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 {
			t.Errorf("stored: %+v", left)
		}
	})
}

// A cancelled INVITE stays stored until the phone has let go: a restart would
// have to cancel it anew.
func TestCancelledStaysStored(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		q, hangToo := b.hub.peer(t, b, "10.0.0.4:5060")
		defer hangToo()
		stored := func(want int) {
			t.Helper()
			synctest.Wait()
			if left, _ := b.store.Dialogs(t.Context()); len(left) != want {
				t.Errorf("%d stored, want %d: %+v", len(left), want, left)
			}
		}
		leg, invites := ring(t, b, p, q)
		p.reply(invites[0], 180, "p")
		stored(2)
		q.reply(invites[1], 200, "q", testSDP) // the second phone wins
		cancel := p.request(wire.CANCEL)
		stored(2)
		p.reply(cancel, 200, "p")
		stored(2)
		p.reply(invites[0], 487, "p")
		stored(1)
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		bye := q.request(wire.BYE)
		stored(1)
		q.reply(bye, 200, "")
		stored(0)
	})
}

// A slow disk holds an answer back for 150 ms and no longer, keeps the order
// and is complained about once a second.
func TestSlowDialogStore(t *testing.T) {
	var out bytes.Buffer
	patientlyWith(t, slog.New(slog.NewTextHandler(&out, nil)), func(t *testing.T, b *bench, store *patientStore, p *peer) {
		const calls = 5
		start := time.Now()
		for _, id := range strings.Split("abcde", "")[:calls] {
			p.send(p.invite(id, id))
			b.Progress((<-b.lines.arrivals).Leg, 180, nil)
		}
		last := map[string]int{}
		for range 2 * calls {
			res := (<-p.inbox).(*wire.Response)
			if last[res.CallID().Value()] >= res.StatusCode {
				t.Errorf("out of order: %s", res)
			}
			last[res.CallID().Value()] = res.StatusCode
		}
		if passed := time.Since(start); passed != durableLimit {
			t.Errorf("answered after %v", passed)
		}
		if n := testutil.ToFloat64(b.meter.unstored); n != calls {
			t.Errorf("%v counted", n)
		}
		if n := strings.Count(out.String(), "the store is slow"); n != 1 {
			t.Errorf("%d complaints: %s", n, out.String())
		}
		store.commit()
		quietly(t, p, "once the disk is done") // each answer went out already
	}, hubCarrier())
}
