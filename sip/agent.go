package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Agent is the switch's SIP end. It implements call.Signalling and
// call.Transfers.
type Agent struct {
	opt     Options
	log     *slog.Logger
	meter   *meter
	sockets []*socket
	tpl     *wire.TransportLayer
	txl     *wire.TransactionLayer

	directory atomic.Pointer[directory]
	legs      *legs
	digest    *digestServer
	registrar *registrar
	scribe    *scribe
	trunks    *trunks
	facing    facing
	asked     *asked // whom we sent requests to
	guard     *guard
	open      *places // server transactions
	calls     calls
	dialing   *dialing
	identity  *identity // nil without TLS listeners
	uplinks   *uplinks  // TLS connections that we open
	proofs    *proofs
	adopting  sync.Mutex
	turned    *turnaways

	tasks     tasks
	farewells farewells
	// life ends with Close: it bounds what outlives the call that started it,
	// such as a transaction or a probe.
	life  context.Context //nolint:containedctx // the agent's own, not a caller's
	end   context.CancelFunc
	close sync.Once
}

var (
	_ call.Signalling = (*Agent)(nil)
	_ call.Transfers  = (*Agent)(nil)
)

// socket is one served listener.
type socket struct {
	network string // udp, tcp or tls
	packet  net.PacketConn
	stream  net.Listener
	addr    netip.AddrPort
	serving chan struct{} // closed once the library reads from it
	once    sync.Once
}

// ready notes that the library reads from the socket.
func (s *socket) ready() { s.once.Do(func() { close(s.serving) }) }

// New opens the sockets, loads the registrations and returns an Agent that
// serves nobody yet.
func New(opt Options) (*Agent, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if len(opt.Listen) == 0 {
		return nil, errors.New("sip: Options.Listen is empty")
	}
	var sockets []*socket
	for _, l := range opt.Listen {
		s, err := open(l)
		if err != nil {
			closeAll(sockets)
			return nil, err
		}
		sockets = append(sockets, s)
	}
	a, err := assemble(opt, sockets)
	if err != nil {
		closeAll(sockets)
		return nil, err
	}
	return a, nil
}

// receiveBuffer is what is asked for to hold datagrams, in bytes; the kernel
// gives what it allows. Linux's default holds ten milliseconds of a flood, and an
// INVITE for which it had no room comes again after 500 ms.
const receiveBuffer = 4 << 20

// open binds one listener.
func open(l Listen) (*socket, error) {
	network := l.Network
	if host, _, err := net.SplitHostPort(l.Addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			network += "4" // "0.0.0.0" alone would open a socket for both families
		}
	}
	switch l.Network {
	case "udp":
		conn, err := net.ListenPacket(network, l.Addr)
		if err != nil {
			return nil, fmt.Errorf("sip: listen %s %s: %w", l.Network, l.Addr, err)
		}
		if err := conn.(*net.UDPConn).SetReadBuffer(receiveBuffer); err != nil {
			return nil, errors.Join(fmt.Errorf("sip: listen %s %s: receive buffer: %w", l.Network, l.Addr, err), conn.Close())
		}
		return &socket{network: "udp", packet: conn, addr: addrOf(conn.LocalAddr())}, nil
	case "tcp", "tls":
		listener, err := net.Listen(strings.Replace(network, "tls", "tcp", 1), l.Addr)
		if err != nil {
			return nil, fmt.Errorf("sip: listen %s %s: %w", l.Network, l.Addr, err)
		}
		return &socket{network: l.Network, stream: listener, addr: addrOf(listener.Addr())}, nil
	}
	return nil, fmt.Errorf("sip: listen %s://%s: transport is not supported", l.Network, l.Addr)
}

func closeAll(sockets []*socket) {
	for _, s := range sockets {
		s.close()
	}
}

// close closes the listener; a second time does nothing.
func (s *socket) close() {
	if s.packet != nil {
		_ = s.packet.Close() // nothing is left to save when closing fails
		return
	}
	_ = s.stream.Close()
}

// assemble builds an Agent on sockets that are open.
func assemble(opt Options, sockets []*socket) (*Agent, error) {
	meter, err := newMeter(opt.Metrics)
	if err != nil {
		return nil, err
	}
	library := newQuiet(opt.Log)
	prepareLibrary(library)
	for _, s := range sockets {
		s.serving = make(chan struct{})
	}
	a := &Agent{opt: opt, log: opt.Log, meter: meter, sockets: sockets, legs: newLegs(), asked: newAsked(), open: newPlaces(), dialing: newDialing(), uplinks: newUplinks(),
		turned: &turnaways{log: opt.Log, total: meter.turned}}
	a.life, a.end = context.WithCancel(context.Background())
	a.tpl = wire.NewTransportLayer(net.DefaultResolver, lenientParser(), nil, wire.WithTransportLayerLogger(library))
	a.tpl.OnMessage(a.stamp) // before the transaction layer's own
	a.txl = wire.NewTransactionLayer(a.tpl,
		wire.WithTransactionLayerLogger(library),
		wire.WithTransactionLayerUnhandledResponseHandler(a.strayResponse),
		wire.WithTransactionLayerTerminateOnConnClose())
	a.txl.OnRequest(a.serve)
	a.scribe = newScribe(a)
	a.proofs = newProofs(a)
	a.digest = newDigestServer(opt.Domain, a.names)
	a.trunks = newTrunks(a)
	if a.registrar, err = newRegistrar(a); err == nil {
		err = errors.Join(a.registerHoldings(opt.Metrics), a.Reconfigure(opt.Directory), a.identify())
	}
	if err != nil {
		a.end()
		a.scribe.stop()
		return nil, err
	}
	a.guard = newGuard(a)
	return a, nil
}

// identify loads the certificate if a listener needs one.
func (a *Agent) identify() error {
	for _, s := range a.sockets {
		if secured(s.network) && a.identity == nil {
			a.identity = &identity{files: a.opt.TLS}
			return a.identity.renew()
		}
	}
	return nil
}

// Addrs returns the addresses that are really listened on, in the order of
// Options.Listen.
func (a *Agent) Addrs() []netip.AddrPort {
	all := make([]netip.AddrPort, len(a.sockets))
	for i, s := range a.sockets {
		all[i] = s.addr
	}
	return all
}

// Run serves until ctx ends, then closes the Agent. A listener that stops by
// itself is fatal: its error is returned.
func (a *Agent) Run(ctx context.Context) error {
	failed := make(chan error, len(a.sockets))
	for _, s := range a.sockets {
		if !a.tasks.start(func() { failed <- a.listen(s) }) {
			return errors.New("sip: the agent is closed")
		}
	}
	a.tasks.start(func() { _ = a.tpl.ServeTLS(a.uplinks) }) // ends when they are closed
	if a.identity != nil {
		a.tasks.start(func() { a.identity.watch(a.life, a.log) })
	}
	err := a.ready(ctx, failed)
	if err == nil {
		a.trunks.start()
		a.registrar.start()
		select {
		case <-ctx.Done():
		case <-a.life.Done():
		case err = <-failed:
		}
	}
	if ctx.Err() != nil || a.life.Err() != nil {
		err = nil
	}
	a.Close()
	return err
}

// ready waits until all sockets are served: before that a request of ours would
// leave from a socket of its own.
func (a *Agent) ready(ctx context.Context, failed <-chan error) error {
	for _, s := range a.sockets {
		select {
		case <-s.serving:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-a.life.Done():
			return a.life.Err()
		}
	}
	return nil
}

// listen serves one socket until it is closed.
func (a *Agent) listen(s *socket) error {
	var err error
	switch {
	case s.packet != nil:
		err = a.tpl.ServeUDP(&guardedPacket{PacketConn: s.packet, guard: a.guard, ready: s.ready})
	case secured(s.network):
		// A handshake happens when the connection is read first: it holds up
		// nobody else, and the guard's limit for a first message bounds it.
		hidden := tls.NewListener(s.stream, a.identity.config(a.proofs.wanted))
		err = a.tpl.ServeTLS(&guardedListener{Listener: hidden, guard: a.guard, ready: s.ready})
	default:
		err = a.tpl.ServeTCP(&guardedListener{Listener: s.stream, guard: a.guard, ready: s.ready})
	}
	return fmt.Errorf("sip: listener %s %s stopped: %w", s.network, s.addr, errors.Join(err, net.ErrClosed))
}

// closeGrace is how long Close waits for peers to take note of released calls.
const closeGrace = time.Second

// Close stops serving and waits for everything that the Agent started. Calls
// are not ended: that is their owner's to do before, by Release; the BYEs that
// follow from it still go out.
func (a *Agent) Close() {
	a.close.Do(func() {
		a.farewells.wait(closeGrace)
		a.end()
		a.trunks.stop()
		a.registrar.stop()
		a.txl.Close()
		closeAll(a.sockets)
		_ = a.uplinks.Close() // never fails
		if err := a.tpl.Close(); err != nil {
			a.log.Debug("closing sip connections", "err", err)
		}
		a.tasks.wait()
		a.scribe.stop()
	})
}
