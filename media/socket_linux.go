package media

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// expedited is the traffic class of voice, DSCP EF (RFC 3246) in the upper six bits.
const expedited = 0xB8

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
