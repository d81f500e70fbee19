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
	// breather is how long datagrams gather before the next look: half of it is
	// what passing one on is late by, in the mean.
	breather = time.Millisecond
)

// The slots of the two descriptors that are no sockets.
const (
	timerSlot = -1
	wakeSlot  = -2
)

// systemCall makes one, as unix.Syscall6 does.
type systemCall func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, errno unix.Errno)

// epoll is the PacketIO of Linux: raw non-blocking sockets, one epoll, a timer
// for the deadline and an eventfd for Wake.
type epoll struct {
	fd, timer, wake int
	deadline        time.Time // that the timer is set to
	busy            time.Time // when datagrams were handed over last
	slots           []*descriptor
	free            []int32
	block           systemCall
	rest            unix.Timespec // how long sleep is
	events          [epollBatch]unix.EpollEvent
	count           [8]byte // what timer and wake are read for
	from            unix.RawSockaddrAny
	buffer          [maxDatagram + 1]byte
}

// NewPacketIO returns the fastest PacketIO of this system.
func NewPacketIO() (PacketIO, error) { return newEpoll(unix.Syscall6) }

// NewDedicatedIO returns a PacketIO that keeps a processor of the Go scheduler
// even while it waits, so it needs one to spare (GOMAXPROCS). The scheduler's
// monitor would otherwise take the processor away and give it back at every wait,
// which costs a quarter of what the audio does. A collection of garbage still gets
// its way: the signal that asks for it ends the wait.
func NewDedicatedIO() (PacketIO, error) { return newEpoll(unix.RawSyscall6) }

func newEpoll(block systemCall) (*epoll, error) {
	e := &epoll{fd: -1, timer: -1, wake: -1, block: block}
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

// Poll looks for datagrams at most once in a breather: to wake up for every single
// one costs more than all that is done with it, and those that come while the
// thread sleeps share its waking.
func (e *epoll) Poll(deadline time.Time) (int, error) {
	n, err := e.look()
	if n > 0 || err != nil {
		return e.hand(n), err
	}
	now := time.Now()
	left := deadline.Sub(now)
	if left <= 0 {
		return 0, nil
	}
	if rest := min(breather-now.Sub(e.busy), left); rest > 0 {
		return 0, e.sleep(rest)
	}
	n, err = e.wait(deadline, left)
	return e.hand(n), err
}

// look returns the number of events that are there; it never waits, so the
// scheduler need not know of it.
func (e *epoll) look() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd),
		uintptr(unsafe.Pointer(&e.events[0])), epollBatch, 0, 0, 0)
	return int(n), interrupted("epoll_pwait", errno)
}

// sleep lets datagrams gather.
func (e *epoll) sleep(d time.Duration) error {
	e.rest = unix.NsecToTimespec(int64(d))
	_, _, errno := e.block(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&e.rest)), 0, 0, 0, 0, 0)
	return interrupted("nanosleep", errno)
}

// wait returns the number of events once there is one, the deadline's included.
func (e *epoll) wait(deadline time.Time, left time.Duration) (int, error) {
	if !deadline.Equal(e.deadline) {
		e.deadline = deadline
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
		if err := unix.TimerfdSettime(e.timer, 0, &spec, nil); err != nil {
			return 0, os.NewSyscallError("timerfd_settime", err)
		}
	}
	n, _, errno := e.block(unix.SYS_EPOLL_PWAIT, uintptr(e.fd),
		uintptr(unsafe.Pointer(&e.events[0])), epollBatch, ^uintptr(0), 0, 0)
	return int(n), interrupted("epoll_pwait", errno)
}

// interrupted names a system call's error; that a signal ended it is none.
func interrupted(call string, errno unix.Errno) error {
	if errno == 0 || errno == unix.EINTR {
		return nil
	}
	return os.NewSyscallError(call, errno)
}

// hand deals with n events and returns how many of them were datagrams.
func (e *epoll) hand(n int) (taken int) {
	for i := range n {
		switch slot := e.events[i].Fd; slot {
		case timerSlot:
			_, _ = unix.Read(e.timer, e.count[:])
			e.deadline = time.Time{}
		case wakeSlot:
			_, _ = unix.Read(e.wake, e.count[:])
		default:
			// One datagram per event: who has more is reported again.
			if d := e.slots[slot]; d != nil && e.receive(d) {
				taken++
			}
		}
	}
	if taken > 0 {
		e.busy = time.Now()
	}
	return taken
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
