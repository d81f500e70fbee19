package sip

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// A mailbox keeps the order and refuses what the wire brings when it is full,
// never what we decided ourselves.
func TestMailbox(t *testing.T) {
	var tasks tasks
	held := make(chan struct{})
	m := &mailbox{start: tasks.start}
	var got []int
	m.post(func() { <-held })
	accepted := 0
	for i := range 2 * mailboxLimit {
		if m.post(func() { got = append(got, i) }) {
			accepted++
		}
	}
	m.command(func() { got = append(got, -1) })
	close(held)
	tasks.wait()
	if accepted > mailboxLimit || len(got) != accepted+1 || got[len(got)-1] != -1 {
		t.Fatalf("%d accepted, %d ran", accepted, len(got))
	}
	for i, v := range got[:accepted] {
		if v != i {
			t.Fatalf("%d ran in place of %d", v, i)
		}
	}
	if tasks.start(func() {}) {
		t.Error("a task began after the end")
	}
}

// Once Release returned, nothing more is posted, whoever was about to.
func TestGate(t *testing.T) {
	for range 200 {
		l := newLines()
		g := gate{leg: "01J-1"}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { g.post(l, call.LegProgress{}, "01J-1", false) })
		}
		wg.Go(func() { g.post(l, call.LegGone{}, "01J-1", true) })
		g.shutNow()
		posted := len(l.inputs)
		wg.Wait()
		if now := len(l.inputs); now != posted {
			t.Fatalf("%d inputs when the gate was shut, %d later", posted, now)
		}
	}
}

func TestFarewells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f farewells
		f.wait(time.Hour)
		f.add()
		f.add()
		start := time.Now()
		f.wait(time.Second)
		if passed := time.Since(start); passed != time.Second {
			t.Errorf("waited %v", passed)
		}
		time.AfterFunc(time.Second, func() { f.done(); f.done() })
		start = time.Now()
		f.wait(time.Hour)
		if passed := time.Since(start); passed != time.Second {
			t.Errorf("waited %v", passed)
		}
	})
}

// What the library logs is cut, quoted and sampled: nobody can fill a disk.
func TestQuietLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := newQuiet(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		for range 1000 {
			log.Error("failed to parse", "data", strings.Repeat("x\n", 4096))
			log.Info("chatter")
		}
		time.Sleep(sampleEvery)
		log.With("caller", "x").WithGroup("g").Warn("again")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || len(lines[0]) > 4*maxLogged || !strings.Contains(lines[1], "again") {
			t.Errorf("%d lines: %q", len(lines), lines)
		}
		if log.Enabled(context.Background(), slog.LevelInfo) {
			t.Error("the library's chatter is built")
		}
	})
}

// slow is a store that takes longer than a phone may be kept waiting.
type slow struct {
	*memory
	release chan struct{}
}

func (s slow) SaveBinding(ctx context.Context, b call.Binding) error {
	<-s.release
	return s.memory.SaveBinding(ctx, b)
}

// A REGISTER is answered after 150 ms at the latest, however slow the disk is.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
		opt := b.options(nil)
		store := slow{b.store, make(chan struct{})}
		opt.Bindings = store
		if err := opt.check(); err != nil {
			t.Fatal(err)
		}
		conn := h.open("10.0.0.1:5060")
		agent, err := assemble(opt, []*socket{{network: "udp", packet: conn, addr: conn.addr}})
		if err != nil {
			t.Fatal(err)
		}
		b.Agent = agent
		defer b.serve(t)()
		p, hang := h.peer(t, b, "10.0.0.3:5060")
		defer hang()
		start := time.Now()
		if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
		if passed := time.Since(start); passed != durableLimit {
			t.Errorf("answered after %v", passed)
		}
		close(store.release)
	})
}
