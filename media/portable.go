package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	portableBacklog = 1024 // datagrams waiting for Poll
	portableBatch   = 256
)

// portable is the PacketIO of every system: a goroutine reads each socket into
// one queue.
type portable struct {
	queue   chan *datagram
	wake    chan struct{}
	spare   sync.Pool
	readers sync.WaitGroup
	sockets map[*udpSocket]struct{}
}

type datagram struct {
	socket *udpSocket
	from   netip.AddrPort
	size   int
	bytes  [maxDatagram + 1]byte
}

type udpSocket struct {
	owner  *portable
	udp    *net.UDPConn
	six    bool
	take   Take // nil until it is watched
	closed atomic.Bool
}

// NewPortableIO returns the PacketIO that runs everywhere, at the price of a
// goroutine per socket.
func NewPortableIO() (PacketIO, error) {
	return &portable{
		queue:   make(chan *datagram, portableBacklog),
		wake:    make(chan struct{}, 1),
		spare:   sync.Pool{New: func() any { return new(datagram) }},
		sockets: make(map[*udpSocket]struct{}),
	}, nil
}

func (p *portable) Bind(addr netip.Addr, port uint16) (Socket, error) {
	local := &net.UDPAddr{Port: int(port)}
	network := "udp"
	if addr.IsValid() {
		local.IP = addr.AsSlice()
		if addr.Is4() {
			network = "udp4"
		}
	}
	udp, err := net.ListenUDP(network, local)
	if err != nil {
		return nil, fmt.Errorf("bind udp port %d: %w", port, err)
	}
	bound := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udpSocket{owner: p, udp: udp, six: !bound.Addr().Is4()}, nil
}

func (p *portable) Watch(s Socket, take Take) error {
	c, ok := s.(*udpSocket)
	if !ok || c.owner != p {
		return errors.New("media: socket of another PacketIO")
	}
	c.take = take
	p.sockets[c] = struct{}{}
	p.readers.Go(c.read)
	return nil
}

// read ends when the socket is closed. What the worker is too slow for is lost.
func (s *udpSocket) read() {
	for {
		d := s.owner.spare.Get().(*datagram)
		n, from, err := s.udp.ReadFromUDPAddrPort(d.bytes[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		d.socket, d.size = s, n
		d.from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		select {
		case s.owner.queue <- d:
		default:
			s.owner.spare.Put(d)
		}
	}
}

func (p *portable) Poll(deadline time.Time) (int, error) {
	taken := p.drain()
	wait := time.Until(deadline)
	if taken > 0 || wait <= 0 {
		return taken, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case d := <-p.queue:
		p.hand(d)
		return 1 + p.drain(), nil
	case <-p.wake:
	case <-timer.C:
	}
	return 0, nil
}

func (p *portable) drain() (taken int) {
	for taken < portableBatch {
		select {
		case d := <-p.queue:
			p.hand(d)
			taken++
		default:
			return taken
		}
	}
	return taken
}

func (p *portable) hand(d *datagram) {
	if !d.socket.closed.Load() {
		d.socket.take(d.from, d.bytes[:d.size])
	}
	p.spare.Put(d)
}

func (p *portable) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *portable) Close() error {
	var errs []error
	for c := range p.sockets {
		errs = append(errs, c.Close())
	}
	p.readers.Wait()
	return errors.Join(errs...)
}

func (s *udpSocket) Send(to netip.AddrPort, datagram []byte) error {
	if s.six && to.Addr().Is4() {
		to = netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port())
	}
	_, err := s.udp.WriteToUDPAddrPort(datagram, to)
	return err
}

func (s *udpSocket) Close() error {
	s.closed.Store(true)
	if s.take != nil {
		delete(s.owner.sockets, s)
	}
	return s.udp.Close()
}
