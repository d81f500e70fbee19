package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	epollBatch = 256
	// expedited is the traffic class of voice, DSCP EF (RFC 3246) in the upper six bits.
	expedited = 0xB8
)

// The slots of the two descriptors that are no sockets.
const (
	timerSlot = -1
	wakeSlot  = -2
)

// epoll is the PacketIO of Linux: raw non-blocking sockets, one epoll, a timer
// for the deadline and an eventfd for Wake.
type epoll struct {
	fd, timer, wake int
	deadline        time.Time // that the timer is set to
	slots           []*descriptor
	free            []int32
	events          [epollBatch]unix.EpollEvent
	from            unix.RawSockaddrAny
	buffer          [maxDatagram + 1]byte
}

// descriptor is one raw socket.
type descriptor struct {
	owner   *epoll
	fd      int
	six     bool // AF_INET6, which takes IPv4 addresses mapped
	slot    int32
	watched bool
	take    Take

	to        netip.AddrPort // that address holds
	address   unix.RawSockaddrInet6
	addressed uintptr // bytes of address in use
}

// NewPacketIO returns the fastest PacketIO of this system.
func NewPacketIO() (PacketIO, error) {
	e := &epoll{fd: -1, timer: -1, wake: -1}
	if err := e.open(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *epoll) open() (err error) {
	if e.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if e.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if e.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	if err := e.add(e.timer, timerSlot); err != nil {
		return err
	}
	return e.add(e.wake, wakeSlot)
}

func (e *epoll) add(fd int, slot int32) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &event))
}

func (e *epoll) Bind(addr netip.Addr, port uint16) (Socket, error) {
	family := unix.AF_INET
	if !addr.IsValid() || addr.Is6() {
		family = unix.AF_INET6
	}
	s, err := e.bind(family, addr, port)
	if err != nil && !addr.IsValid() && errors.Is(err, unix.EAFNOSUPPORT) {
		s, err = e.bind(unix.AF_INET, netip.IPv4Unspecified(), port)
	}
	if err != nil {
		return nil, fmt.Errorf("bind udp port %d: %w", port, err)
	}
	return s, nil
}

func (e *epoll) bind(family int, addr netip.Addr, port uint16) (*descriptor, error) {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// Traffic class and dual stack are wishes: without them calls still work.
	var local unix.Sockaddr
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		any6 := &unix.SockaddrInet6{Port: int(port)}
		if addr.IsValid() {
			any6.Addr = addr.As16()
		}
		local = any6
	} else {
		local = &unix.SockaddrInet4{Port: int(port), Addr: addr.Unmap().As4()}
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, expedited)
	if err := unix.Bind(fd, local); err != nil {
		return nil, errors.Join(os.NewSyscallError("bind", err), unix.Close(fd))
	}
	return &descriptor{owner: e, fd: fd, six: family == unix.AF_INET6}, nil
}

func (e *epoll) Watch(s Socket, take Take) error {
	d, ok := s.(*descriptor)
	if !ok || d.owner != e {
		return errors.New("media: socket of another PacketIO")
	}
	if n := len(e.free); n > 0 {
		d.slot, e.free = e.free[n-1], e.free[:n-1]
		e.slots[d.slot] = d
	} else {
		d.slot = int32(len(e.slots))
		e.slots = append(e.slots, d)
	}
	d.take, d.watched = take, true
	return e.add(d.fd, d.slot)
}

func (e *epoll) Poll(deadline time.Time) (int, error) {
	wait := -1
	switch left := time.Until(deadline); {
	case left <= 0:
		wait = 0
	case !deadline.Equal(e.deadline):
		e.deadline = deadline
		// Setting the timer also takes back that it had run out.
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
		if err := unix.TimerfdSettime(e.timer, 0, &spec, nil); err != nil {
			return 0, os.NewSyscallError("timerfd_settime", err)
		}
	}
	n, err := unix.EpollWait(e.fd, e.events[:], wait)
	if err != nil {
		if err == unix.EINTR {
			return 0, nil
		}
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	taken := 0
	for i := range n {
		switch slot := e.events[i].Fd; slot {
		case timerSlot:
		case wakeSlot:
			var count [8]byte
			_, _ = unix.Read(e.wake, count[:])
		default:
			// One datagram per event: who has more is reported again.
			if d := e.slots[slot]; d != nil && e.receive(d) {
				taken++
			}
		}
	}
	return taken, nil
}

// receive takes one datagram off a socket. Errors are those of the network, told
// by ICMP, and mean nothing to RTP.
func (e *epoll) receive(d *descriptor) bool {
	size := uint32(unsafe.Sizeof(e.from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(d.fd),
		uintptr(unsafe.Pointer(&e.buffer[0])), uintptr(len(e.buffer)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&e.from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return false
	}
	d.take(source(&e.from), e.buffer[:n])
	return true
}

// source reads the kernel's form of an address.
func source(from *unix.RawSockaddrAny) netip.AddrPort {
	switch from.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(from))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), networkOrder(a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(from))
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), networkOrder(a.Port))
	}
	return netip.AddrPort{}
}

// networkOrder swaps a port between this machine's order and the network's.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

func (e *epoll) Wake() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	// It fails only when the count is full, and then Poll is awake.
	_, _ = unix.Write(e.wake, one[:])
}

func (e *epoll) Close() error {
	var errs []error
	for _, d := range e.slots {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	for _, fd := range []int{e.timer, e.wake, e.fd} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}

func (d *descriptor) Send(to netip.AddrPort, datagram []byte) error {
	if to != d.to {
		if err := d.aim(to); err != nil {
			return err
		}
	}
	if len(datagram) == 0 {
		return nil
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(d.fd),
		uintptr(unsafe.Pointer(&datagram[0])), uintptr(len(datagram)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&d.address)), d.addressed)
	if errno != 0 {
		return errno
	}
	return nil
}

// aim prepares the kernel's form of an address; a leg's changes rarely.
func (d *descriptor) aim(to netip.AddrPort) error {
	addr := to.Addr()
	switch {
	case !addr.IsValid(), !d.six && !addr.Unmap().Is4():
		return unix.EAFNOSUPPORT
	case d.six:
		d.address = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(to.Port()), Addr: addr.As16()}
		d.addressed = unix.SizeofSockaddrInet6
	default:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&d.address))
		*a = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(to.Port()), Addr: addr.Unmap().As4()}
		d.addressed = unix.SizeofSockaddrInet4
	}
	d.to = to
	return nil
}

func (d *descriptor) Close() error {
	if d.watched {
		d.watched = false
		d.owner.slots[d.slot] = nil
		d.owner.free = append(d.owner.free, d.slot)
	}
	return os.NewSyscallError("close", unix.Close(d.fd))
}
