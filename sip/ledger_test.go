package sip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// stalledStore keeps no binding while it is stalled: it hangs, or fails at once.
type stalledStore struct {
	*memory
	stalled, fails atomic.Bool
	mu             sync.Mutex
	asked          []string // what was asked of it
}

func (s *stalledStore) SaveBinding(ctx context.Context, b call.Binding) error {
	if err := s.stall(ctx, "save "+b.User+" "+b.CallID); err != nil {
		return err
	}
	return s.memory.SaveBinding(ctx, b)
}

func (s *stalledStore) DeleteBinding(ctx context.Context, b call.Binding) error {
	if err := s.stall(ctx, "delete "+b.User+" "+b.CallID); err != nil {
		return err
	}
	return s.memory.DeleteBinding(ctx, b)
}

func (s *stalledStore) stall(ctx context.Context, what string) error {
	s.mu.Lock()
	s.asked = append(s.asked, what)
	s.mu.Unlock()
	if !s.stalled.Load() {
		return nil
	}
	if s.fails.Load() {
		return errors.New("disk full")
	}
	<-ctx.Done()
	return ctx.Err()
}

// asks returns how often something was asked of the store.
func (s *stalledStore) asks(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if asked == what {
			n++
		}
	}
	return n
}

// stalled runs a test with an Agent whose store of bindings stalls.
func stalled(t *testing.T, f func(t *testing.T, b *bench, store *stalledStore, p *peer, log *bytes.Buffer)) {
	t.Helper()
	store, log := &stalledStore{}, &bytes.Buffer{}
	store.stalled.Store(true)
	change := func(o *Options) {
		store.memory = o.Bindings.(*memory)
		o.Bindings, o.Log = store, slog.New(slog.NewTextHandler(log, nil))
	}
	bubbleWith(t, change, func(t *testing.T, b *bench, p *peer) { f(t, b, store, p, log) })
}

// stored returns what the store has of ana.
func (s *stalledStore) stored(t *testing.T) []call.Binding {
	t.Helper()
	synctest.Wait()
	all, _ := s.Bindings(t.Context())
	return all
}

// A store that stalls for minutes has the binding in the end; the phone is
// answered meanwhile, and the log says what is at stake.
func TestBindingIsStoredInTheEnd(t *testing.T) {
	for _, fails := range []bool{false, true} {
		stalled(t, func(t *testing.T, b *bench, store *stalledStore, p *peer, log *bytes.Buffer) {
			store.fails.Store(fails)
			start := time.Now()
			if res := p.register("ana", "secret", 1, "Expires: 3600"); res.StatusCode != 200 || time.Since(start) != durableLimit {
				t.Fatalf("%d after %v", res.StatusCode, time.Since(start))
			}
			time.Sleep(3 * time.Minute)
			if n := b.scribe.bindings.waiting(); n != 1 || len(store.stored(t)) != 0 {
				t.Errorf("%d wait", n)
			}
			if !strings.Contains(log.String(), "a restart would forget it") {
				t.Error("nothing is said of it")
			}
			store.stalled.Store(false)
			time.Sleep(lastRetry + storeLimit)
			if got := store.stored(t); len(got) != 1 || b.scribe.bindings.waiting() != 0 {
				t.Errorf("stored %+v", got)
			}
			if !strings.Contains(log.String(), "binding stored after all") {
				t.Error("nobody is told that it is well again")
			}
			tries := store.asks("save ana reg-ana10.0.0.3:5060")
			time.Sleep(10 * time.Minute)
			if again := store.asks("save ana reg-ana10.0.0.3:5060"); again != tries || tries > 20 {
				t.Errorf("%d tries, then %d", tries, again)
			}
		})
	}
}

// While the store stalls only the newest state of a binding waits.
func TestNewestBindingWins(t *testing.T) {
	stalled(t, func(t *testing.T, b *bench, store *stalledStore, p *peer, _ *bytes.Buffer) {
		for seq := range 20 {
			if res := p.register("ana", "secret", 1+2*seq, "Expires: 3600"); res.StatusCode != 200 {
				t.Fatal(res.StatusCode)
			}
			time.Sleep(time.Second)
		}
		if n := b.scribe.bindings.waiting(); n != 1 {
			t.Errorf("%d wait", n)
		}
		store.stalled.Store(false)
		time.Sleep(lastRetry + storeLimit)
		if got := store.stored(t); len(got) != 1 || got[0].CSeq != 40 {
			t.Errorf("stored %+v", got)
		}
		store.stalled.Store(true)
		p.register("ana", "secret", 50, "Expires: 3600")
		p.register("ana", "secret", 60, "Expires: 0") // gone before it was stored
		store.stalled.Store(false)
		time.Sleep(lastRetry + storeLimit)
		if got := store.stored(t); len(got) != 0 {
			t.Errorf("stored %+v", got)
		}
	})
}

// A registration that is over needs no place in the store, nor in memory.
func TestLapsedBindingIsForgotten(t *testing.T) {
	stalled(t, func(t *testing.T, b *bench, store *stalledStore, p *peer, _ *bytes.Buffer) {
		p.register("ana", "secret", 1, "Expires: 60")
		time.Sleep(time.Minute + lastRetry + 2*storeLimit)
		synctest.Wait()
		if n := b.scribe.bindings.waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// What waits when the switch stops is written then; what cannot be is counted.
func TestLedgerStops(t *testing.T) {
	for _, works := range []bool{true, false} {
		var store *stalledStore
		var log *bytes.Buffer
		stalled(t, func(t *testing.T, b *bench, s *stalledStore, p *peer, l *bytes.Buffer) {
			store, log = s, l
			p.register("ana", "secret", 1)
			p.register("eva", "geheim", 1)
			time.Sleep(12 * time.Second)
			store.stalled.Store(!works)
			b.scribe.bindings.stop()
			if n := len(store.stored(t)); works != (n == 2) {
				t.Errorf("%d stored", n)
			}
		})
		if said := strings.Contains(log.String(), "have to register again"); said == works {
			t.Errorf("works %v: %s", works, log)
		}
	}
}

// Beyond its bound the ledger refuses, loudly, and tells whoever waits.
func TestLedgerIsBounded(t *testing.T) {
	n := &lane{wanted: map[string]*entryWrite{}, wake: make(chan struct{}, 1)}
	for i := range maxUnwritten {
		if !n.put(host(i).String(), &entryWrite{}) {
			t.Fatalf("refused at %d", i)
		}
	}
	if n.put("more", &entryWrite{}) || !n.put(host(0).String(), &entryWrite{}) {
		t.Error("the bound holds for what is new alone")
	}
	n.close()
	if n.put("later", &entryWrite{}) {
		t.Error("taken after the end")
	}
}
