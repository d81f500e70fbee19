//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	floodTick  = 5 * time.Millisecond // between two bursts
	floodBurst = 256                  // datagrams of one system call at most
	// floodBehind is how late a flood may run before it gives up what was due.
	floodBehind = 100 * time.Millisecond
	// floodInfo is a control message that holds an in_pktinfo (ip(7)), and where
	// in it the source address is: after the header and the interface's index.
	floodInfo   = unix.SizeofCmsghdr + (unix.SizeofInet4Pktinfo+7)/8*8
	floodSource = unix.SizeofCmsghdr + 4
)

// mmsghdr is one message of sendmmsg(2).
type mmsghdr struct {
	head unix.Msghdr
	sent uint32
}

// flood sends datagrams that were built beforehand, round and round, each from a
// source address of its own, and counts what comes back. Its memory does not
// change while it runs.
type flood struct {
	fd      int
	rate    int // datagrams a second
	source  func(*rand.Rand) netip.Addr
	to      unix.RawSockaddrInet4
	vectors []unix.Iovec
	control []byte // floodInfo of each packet
	packets []mmsghdr
	next    int // packet

	sent, sentBytes         int64
	received, receivedBytes int64
	incoming                [2048]byte
}

// newFlood prepares a flood of those messages to an IPv4 address. Source
// addresses may be any of this host's. Run it once, then Close it.
func newFlood(to netip.AddrPort, messages [][]byte, rate int, source func(*rand.Rand) netip.Addr) (*flood, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := &flood{
		fd: fd, rate: rate, source: source,
		vectors: make([]unix.Iovec, len(messages)), control: make([]byte, len(messages)*floodInfo), packets: make([]mmsghdr, len(messages)),
	}
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], to.Port())
	f.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: to.Addr().Unmap().As4()}
	for i, message := range messages {
		f.vectors[i].Base = &message[0]
		f.vectors[i].SetLen(len(message))
		info := f.control[i*floodInfo:]
		header := (*unix.Cmsghdr)(unsafe.Pointer(&info[0]))
		header.Level, header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		header.SetLen(unix.SizeofCmsghdr + unix.SizeofInet4Pktinfo)
		head := &f.packets[i].head
		head.Name, head.Namelen = (*byte)(unsafe.Pointer(&f.to)), unix.SizeofSockaddrInet4
		head.Iov, head.Control = &f.vectors[i], &info[0]
		head.SetIovlen(1)
		head.SetControllen(floodInfo)
	}
	return f, nil
}

// Close ends a flood that does not run any more.
func (f *flood) Close() error { return os.NewSyscallError("close", unix.Close(f.fd)) }

// run sends at an even rate until ctx ends.
func (f *flood) run(ctx context.Context, r *rand.Rand) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, gone := time.Now(), int64(0) // gone: sent or given up
	for pause(ctx, floodTick) == nil {
		due := int64(time.Since(begin).Seconds()*float64(f.rate)) - gone
		gone += due
		for most := int64(floodBehind.Seconds() * float64(f.rate)); due > 0 && most > 0; {
			n, err := f.burst(int(min(due, most)), r)
			if err != nil {
				return err
			}
			if n == 0 {
				break // no room in the kernel
			}
			due, most = due-int64(n), most-int64(n)
		}
		f.drain()
	}
	return nil
}

// burst sends up to n packets with one system call and returns how many.
func (f *flood) burst(n int, r *rand.Rand) (int, error) {
	n = min(n, floodBurst, len(f.packets)-f.next)
	for i := f.next; i < f.next+n; i++ {
		address := f.source(r).As4()
		copy(f.control[i*floodInfo+floodSource:], address[:])
	}
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&f.packets[f.next])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN || errno == unix.ENOBUFS || errno == unix.EINTR {
		return 0, nil
	}
	if errno != 0 {
		return 0, os.NewSyscallError("sendmmsg", errno)
	}
	for i := f.next; i < f.next+int(sent); i++ {
		f.sentBytes += int64(f.packets[i].sent)
	}
	f.sent += int64(sent)
	f.next = (f.next + int(sent)) % len(f.packets)
	return int(sent), nil
}

// drain counts what came back.
func (f *flood) drain() {
	for {
		n, _, err := unix.Recvfrom(f.fd, f.incoming[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if err != nil {
			return
		}
		f.received++
		f.receivedBytes += int64(n)
	}
}
