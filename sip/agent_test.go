package sip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/call"
)

// patience bounds a wait for something that has to come; it decides nothing
// but how long a broken test takes to fail.
const patience = 40 * time.Second

const testSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

// lines is a call.Lines that keeps what is posted.
type lines struct {
	full     atomic.Bool // refuses arrivals
	gone     atomic.Bool // knows no call any more
	arrivals chan call.Arrival
	dialed   chan call.Origination
	inputs   chan call.Input
}

func newLines() *lines {
	return &lines{arrivals: make(chan call.Arrival, 64), dialed: make(chan call.Origination, 64), inputs: make(chan call.Input, 256)}
}

func (l *lines) Arrive(in call.Arrival) error {
	if l.full.Load() {
		return errors.New("full")
	}
	l.arrivals <- in
	return nil
}

func (l *lines) Originate(in call.Origination) error {
	if l.full.Load() {
		return errors.New("full")
	}
	l.dialed <- in
	return nil
}

func (l *lines) Post(_ call.ID, in call.Input) bool {
	l.inputs <- in
	return !l.gone.Load()
}

// next returns the next input that has type T; others before it fail the test.
func next[T call.Input](t *testing.T, l *lines) T {
	t.Helper()
	select {
	case in := <-l.inputs:
		got, ok := in.(T)
		if !ok {
			t.Fatalf("got %T %+v, want %T", in, in, got)
		}
		return got
	case <-time.After(patience):
		var want T
		t.Fatalf("no %T came", want)
	}
	panic("unreachable")
}

// memory is a store for bindings and dialogs.
type memory struct {
	mu       sync.Mutex
	bindings map[string]call.Binding
	dialogs  map[call.LegID]call.Dialog
}

func newMemory() *memory {
	return &memory{bindings: map[string]call.Binding{}, dialogs: map[call.LegID]call.Dialog{}}
}

func (m *memory) SaveBinding(_ context.Context, b call.Binding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bindings[b.User+" "+b.ContactURI] = b
	return nil
}

func (m *memory) DeleteBinding(_ context.Context, b call.Binding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.bindings, b.User+" "+b.ContactURI)
	return nil
}

func (m *memory) Bindings(context.Context) ([]call.Binding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []call.Binding
	for _, b := range m.bindings {
		all = append(all, b)
	}
	return all, nil
}

func (m *memory) SaveDialog(d call.Dialog, stored func()) {
	m.mu.Lock()
	m.dialogs[d.Leg] = d
	m.mu.Unlock()
	stored()
}

func (m *memory) DeleteDialog(leg call.LegID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dialogs, leg)
}

func (m *memory) Dialogs(context.Context) ([]call.Dialog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []call.Dialog
	for _, d := range m.dialogs {
		all = append(all, d)
	}
	return all, nil
}

// watcher records presence and trunk states.
type watcher struct{ events chan string }

func newWatcher() *watcher { return &watcher{events: make(chan string, 64)} }

func (w *watcher) PhoneUp(user string)   { w.events <- "up " + user }
func (w *watcher) PhoneDown(user string) { w.events <- "down " + user }
func (w *watcher) TrunkState(trunk string, up bool, _ string) {
	w.events <- fmt.Sprintf("trunk %s %v", trunk, up)
}

func (w *watcher) want(t *testing.T, event string) {
	t.Helper()
	select {
	case got := <-w.events:
		if got != event {
			t.Fatalf("event %q, want %q", got, event)
		}
	case <-time.After(5 * patience): // some events are minutes away in a bubble
		t.Fatalf("no event %q", event)
	}
}

// bench is an Agent that serves loopback, with what is around it.
type bench struct {
	*Agent
	lines *lines
	store *memory
	watch *watcher
	hub   *hub // in a bubble
}

// newBench starts an Agent whose only trunk is what trunkAt gives, or none.
func newBench(t *testing.T, trunks ...Trunk) *bench {
	t.Helper()
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(trunks)
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}, {"tcp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	return b
}

func (b *bench) options(trunks []Trunk) Options {
	return Options{
		Lines: b.lines, Bindings: b.store, Dialogs: b.store, Presence: b.watch, Trunks: b.watch, Domain: "pbx.test", CallsPerSecond: 10_000,
		Directory: Directory{
			Users:  []User{{Name: "ana", Password: "secret"}, {Name: "eva", Password: "geheim"}},
			Trunks: trunks,
		},
	}
}

// serve runs the Agent; the function that it returns ends it.
func (b *bench) serve(t *testing.T) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// carrierAt is a trunk for the peer at that address.
func carrierAt(p *peer) Trunk {
	return Trunk{Name: "carrier", Address: p.addr.String(), Transport: p.network, TrustCallerID: true,
		CallerID: CallerIDAsserted, Auth: Credentials{"acme", "trunkpw"}}
}
