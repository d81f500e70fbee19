//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tandem/cmd/tandem/peer"
)

const (
	frameTime = 20 * time.Millisecond
	slotTime  = time.Millisecond // streams send at different times, as telephones do
	slots     = int(frameTime / slotTime)
	// maxBehind is how late the clock may run before it gives slots up.
	maxBehind = 5 * frameTime
)

// crowd is the audio of every telephone and of the carrier: one thread that
// sends each stream's packet every 20 ms and takes what comes back.
type crowd struct {
	epoll int
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex // held while the thread works, not while it waits
	slots   [slots][]*stream
	streams map[int32]*stream // by descriptor
	opened  int
	muted   bool
	tally   tally
	failed  error
}

// tally counts what all streams together sent and received.
type tally struct {
	Sent, Received, Lost, Foreign uint64
	Broken                        uint64        // streams that went on with another SSRC
	Gaps                          uint64        // more than 40 ms between two packets of a stream
	MaxGap                        time.Duration // between two packets of a stream
	Latency                       histogram     // from sending to the kernel's receipt at the other end
	Lateness                      histogram     // of the crowd's own clock
}

// newCrowd opens a crowd; muted streams receive only. Close it.
func newCrowd(muted bool) (*crowd, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	c := &crowd{
		epoll: fd, muted: muted, streams: make(map[int32]*stream),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go c.run()
	return c, nil
}

// Close ends the thread and every stream.
func (c *crowd) Close() error {
	close(c.stop)
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		s.release()
	}
	return errors.Join(c.failed, unix.Close(c.epoll))
}

// Open implements peer.Engine.
func (c *crowd) Open(host netip.Addr) (peer.Stream, error) {
	rtp, rtcp, addr, err := bindPair(host)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := newStream(c, rtp, rtcp, addr, c.opened%slots)
	c.opened++
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(rtp)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, rtp, &event); err != nil {
		return nil, errors.Join(os.NewSyscallError("epoll_ctl", err), unix.Close(rtp), unix.Close(rtcp))
	}
	c.streams[int32(rtp)] = s
	c.slots[s.slot] = append(c.slots[s.slot], s)
	return s, nil
}

// reset starts counting anew; the streams go on.
func (c *crowd) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally = tally{}
}

// counted returns what was counted since the last reset.
func (c *crowd) counted() (tally, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally, c.failed
}

// voiced is when the stream of an address first received what another stream
// sent, zero when it has not.
func (c *crowd) voiced(addr netip.AddrPort) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.at(addr); s != nil && s.voiced != 0 {
		return time.Unix(0, s.voiced)
	}
	return time.Time{}
}

// run is the thread.
func (c *crowd) run() {
	defer close(c.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var events [256]unix.EpollEvent
	next, slot := time.Now(), 0
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		wait := max(0, (time.Until(next)+slotTime-1)/slotTime)
		n, err := unix.EpollWait(c.epoll, events[:], int(wait))
		if err != nil && !errors.Is(err, unix.EINTR) {
			c.fail(os.NewSyscallError("epoll_wait", err))
			return
		}
		c.mu.Lock()
		for i := range max(n, 0) {
			if s := c.streams[events[i].Fd]; s != nil {
				s.receive()
			}
		}
		next, slot = c.send(next, slot)
		c.mu.Unlock()
	}
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = err
}

// send sends the packets of every slot that is due and returns the next one.
func (c *crowd) send(next time.Time, slot int) (time.Time, int) {
	for {
		late := time.Since(next)
		if late < 0 {
			return next, slot
		}
		c.tally.Lateness.observe(late)
		if late > maxBehind {
			next = next.Add(late)
		}
		for _, s := range c.slots[slot] {
			s.transmit()
		}
		next, slot = next.Add(slotTime), (slot+1)%slots
	}
}

// bindPair takes an even port and the next one (RFC 3550 11). Nobody reads the
// second: it keeps reports from being refused by the kernel.
func bindPair(host netip.Addr) (rtp, rtcp int, addr netip.AddrPort, err error) {
	for range 100 {
		rtp, port, err := bind(host, 0)
		if err != nil {
			return 0, 0, addr, err
		}
		if port%2 == 0 && port < 65534 {
			if rtcp, _, err := bind(host, port+1); err == nil {
				return rtp, rtcp, netip.AddrPortFrom(host, port), nil
			}
		}
		if err := unix.Close(rtp); err != nil {
			return 0, 0, addr, os.NewSyscallError("close", err)
		}
	}
	return 0, 0, addr, errors.New("bind rtp: no free pair of ports")
}

// bind opens a UDP socket that tells when the kernel received each datagram.
func bind(host netip.Addr, port uint16) (fd int, bound uint16, err error) {
	if !host.Is4() || !host.IsLoopback() {
		return 0, 0, fmt.Errorf("bind %s: not an IPv4 loopback address", host)
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: host.As4()}))
	}
	var local unix.Sockaddr
	if err == nil {
		local, err = unix.Getsockname(fd)
	}
	if err != nil {
		return 0, 0, errors.Join(err, unix.Close(fd))
	}
	return fd, uint16(local.(*unix.SockaddrInet4).Port), nil
}
