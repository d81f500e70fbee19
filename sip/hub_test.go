package sip

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hub is a network of channels, so that timers can be tested in a bubble.
type hub struct {
	mu    sync.Mutex
	ports map[netip.AddrPort]*port
}

type packet struct {
	data []byte
	from netip.AddrPort
}

// port is one socket on a hub.
type port struct {
	hub   *hub
	addr  netip.AddrPort
	inbox chan packet
	done  chan struct{}
	once  sync.Once
}

func newHub() *hub { return &hub{ports: map[netip.AddrPort]*port{}} }

func (h *hub) open(addr string) *port {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &port{hub: h, addr: netip.MustParseAddrPort(addr), inbox: make(chan packet, 1024), done: make(chan struct{})}
	h.ports[p.addr] = p
	return p
}

func (p *port) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.inbox:
		return copy(b, in.data), net.UDPAddrFromAddrPort(in.from), nil
	case <-p.done:
		return 0, nil, net.ErrClosed
	}
}

func (p *port) WriteTo(b []byte, to net.Addr) (int, error) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	if dest := p.hub.ports[addrOf(to)]; dest != nil {
		dest.inbox <- packet{append([]byte{}, b...), p.addr}
	}
	return len(b), nil
}

func (p *port) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *port) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(p.addr) }
func (p *port) SetDeadline(time.Time) error      { return nil }
func (p *port) SetReadDeadline(time.Time) error  { return nil }
func (p *port) SetWriteDeadline(time.Time) error { return nil }

// newHubBench starts an Agent on a hub at 10.0.0.1:5060. The caller has to call
// the function that ends it before the bubble's function returns.
func newHubBench(t *testing.T, h *hub, trunks ...Trunk) (*bench, func()) {
	t.Helper()
	return newHubBenchWith(t, h, func(*Options) {}, trunks...)
}

// newHubBenchWith is newHubBench with other options.
func newHubBenchWith(t *testing.T, h *hub, change func(*Options), trunks ...Trunk) (*bench, func()) {
	t.Helper()
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher(), hub: h}
	opt := b.options(trunks)
	change(&opt)
	if err := opt.check(); err != nil {
		t.Fatal(err)
	}
	conn := h.open("10.0.0.1:5060")
	agent, err := assemble(opt, []*socket{{network: "udp", packet: conn, addr: conn.addr}})
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	return b, b.settled(t)
}

// bubble runs a test with an Agent and a peer on a hub: a phone, or the carrier
// of hubCarrier.
func bubble(t *testing.T, f func(t *testing.T, b *bench, p *peer), trunks ...Trunk) {
	t.Helper()
	bubbleWith(t, func(*Options) {}, f, trunks...)
}

// bubbleWith is bubble with other options.
func bubbleWith(t *testing.T, change func(*Options), f func(t *testing.T, b *bench, p *peer), trunks ...Trunk) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		b, end := newHubBenchWith(t, h, change, trunks...)
		defer end()
		p, hang := h.peer(t, b, "10.0.0.3:5060")
		defer hang()
		f(t, b, p)
	})
}

// hubCarrier is a trunk to the peer of a bubble.
func hubCarrier() Trunk { return Trunk{Name: "carrier", Address: "10.0.0.3"} }

// settled runs the Agent in a bubble. What still comes in is served before the
// function that it returns ends it: the library would open a socket of the
// machine's for it.
func (b *bench) settled(t *testing.T) (end func()) {
	stop := b.serve(t)
	return func() {
		synctest.Wait()
		stop()
	}
}

// peer opens a peer on the hub.
func (h *hub) peer(t *testing.T, b *bench, addr string) (*peer, func()) {
	conn := h.open(addr)
	p := packetPeer(t, conn)
	if b != nil {
		p.dial(b)
	}
	return p, func() { _ = conn.Close() }
}
