package peer_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"

	"tandem/cmd/tandem/peer"
)

// notebook is an engine that only notes what it is told.
type notebook struct {
	mu    sync.Mutex
	port  uint16
	notes []string
}

func (n *notebook) Open(host netip.Addr) (peer.Stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.port += 2
	return &noted{n, netip.AddrPortFrom(host, 40000+n.port)}, nil
}

func (n *notebook) add(note string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, note)
}

func (n *notebook) last() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.notes[len(n.notes)-1]
}

type noted struct {
	book *notebook
	addr netip.AddrPort
}

func (s *noted) LocalAddr() netip.AddrPort { return s.addr }
func (s *noted) Pause()                    { s.book.add("pause") }
func (s *noted) Close()                    { s.book.add("close") }
func (s *noted) Send(to netip.AddrPort, payload uint8) {
	s.book.add("send " + to.String() + " " + string('0'+rune(payload)))
}

// An engine is told where packets go when the call is answered, that they stop
// on hold, and to close once.
func TestEngine(t *testing.T) {
	book := new(notebook)
	p := connect(t, peer.Options{}, peer.Options{Media: peer.MediaOptions{Engine: book, Codecs: []string{"PCMU"}}})
	from, to := p.answered(t, peer.CallOptions{})
	want := "send " + from.Media().LocalAddr().String() + " 0"
	if got := book.last(); got != want {
		t.Errorf("after the answer: %s, want %s", got, want)
	}
	if got := to.Media().LocalAddr().Port(); got != 40002 || from.Media().RemoteAddr() != to.Media().LocalAddr() {
		t.Errorf("port %d, the other side sends to %s", got, from.Media().RemoteAddr())
	}
	must(t, from.Reinvite(within(t), "sendonly"))
	if got := book.last(); got != "pause" {
		t.Errorf("on hold: %s", got)
	}
	must(t, from.Reinvite(within(t), "sendrecv"))
	if got := book.last(); got != want {
		t.Errorf("after hold: %s, want %s", got, want)
	}
	if err := to.Media().Inject(nil); err == nil {
		t.Error("injected past the engine")
	}
	must(t, from.Hangup(within(t)))
	_, err := to.WaitEnded(within(t))
	must(t, err)
	closes := slices.DeleteFunc(slices.Clone(book.notes), func(note string) bool { return note != "close" })
	if len(closes) != 1 || book.last() != "close" {
		t.Errorf("notes %q", book.notes)
	}
}
