//go:build linux

package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
	"unsafe"

	"github.com/zaf/g711"
	"golang.org/x/sys/unix"
)

const (
	headerBytes  = 12  // RTP without CSRCs and extension
	frameSamples = 160 // bytes of G.711 in 20 ms
	stampBytes   = 16  // at the begin of the payload: mark and time of sending
	mark         = 0x5441_4e44_454d_2121
	// longGap is what a listener's jitter buffer of usual depth cannot hide.
	longGap = 40 * time.Millisecond
	// maxStep is the longest step in sequence numbers that loss explains (RFC 3550 A.1).
	maxStep = 3000
)

// stream is one telephone's audio. Its crowd's lock guards all of it.
type stream struct {
	crowd     *crowd
	rtp, rtcp int
	addr      netip.AddrPort
	slot      int
	closed    bool

	sending  bool
	to       unix.RawSockaddrInet4
	seq      uint16
	stamp    uint32
	datagram [headerBytes + frameSamples]byte
	voice    [frameSamples]byte // payload of a packet in which something is said

	heard    bool // something was received
	ssrc     uint32
	last     uint16 // sequence number
	at       int64  // kernel's time of the last receipt, Unix nanoseconds
	voiced   int64  // and of the first packet that another stream sent; 0: none
	knocks   knocks
	incoming [1500]byte
	control  [64]byte
}

func newStream(c *crowd, rtp, rtcp int, addr netip.AddrPort, slot int) *stream {
	s := &stream{crowd: c, rtp: rtp, rtcp: rtcp, addr: addr, slot: slot, seq: uint16(rand.Uint32()), stamp: rand.Uint32()}
	s.datagram[0] = 2 << 6 // version
	binary.BigEndian.PutUint32(s.datagram[8:], rand.Uint32())
	return s
}

// LocalAddr implements peer.Stream.
func (s *stream) LocalAddr() netip.AddrPort { return s.addr }

// Send implements peer.Stream.
func (s *stream) Send(to netip.AddrPort, payload uint8) {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	if s.crowd.muted || !to.Addr().Unmap().Is4() {
		return
	}
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], to.Port())
	s.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: to.Addr().Unmap().As4()}
	s.datagram[1] = payload
	speak(s.voice[:], payload)
	copy(s.datagram[headerBytes:], s.voice[:])
	s.sending = true
}

// speak fills a payload with 400 Hz, of which 20 ms hold whole periods.
func speak(payload []byte, payloadType uint8) {
	encode := g711.EncodeUlawFrame
	if payloadType == 8 { // PCMA (RFC 3551 6)
		encode = g711.EncodeAlawFrame
	}
	for i := range payload {
		payload[i] = encode(int16(7300 * math.Sin(2*math.Pi*400*float64(i)/8000)))
	}
}

// Pause implements peer.Stream.
func (s *stream) Pause() {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.sending = false
}

// Close implements peer.Stream.
func (s *stream) Close() {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.release()
}

// release frees the ports; closing a descriptor takes it out of the epoll. The
// crowd's lock must be held.
func (s *stream) release() {
	if s.closed {
		return
	}
	s.closed, s.sending = true, false
	delete(s.crowd.streams, int32(s.rtp))
	same := &s.crowd.slots[s.slot]
	*same = slices.DeleteFunc(*same, func(other *stream) bool { return other == s })
	_, _ = unix.Close(s.rtp), unix.Close(s.rtcp) // they hold nothing that could be lost
}

// transmit sends the packet of one frame, with the time of sending in it.
func (s *stream) transmit() {
	s.stamp += frameSamples
	if !s.sending {
		return
	}
	s.seq++
	d := s.datagram[:]
	binary.BigEndian.PutUint16(d[2:], s.seq)
	binary.BigEndian.PutUint32(d[4:], s.stamp)
	if s.knocks.other != nil {
		copy(d[headerBytes:], s.knocks.next(s.voice[:]))
	} else {
		binary.BigEndian.PutUint64(d[headerBytes:], mark)
		binary.BigEndian.PutUint64(d[headerBytes+8:], uint64(time.Now().UnixNano()))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.rtp), uintptr(unsafe.Pointer(&d[0])), uintptr(len(d)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&s.to)), unix.SizeofSockaddrInet4)
	if errno == 0 {
		s.crowd.tally.Sent++
	}
}

// receive takes one datagram and when the kernel got it.
func (s *stream) receive() {
	vector := unix.Iovec{Base: &s.incoming[0]}
	vector.SetLen(len(s.incoming))
	message := unix.Msghdr{Iov: &vector, Control: &s.control[0]}
	message.SetIovlen(1)
	message.SetControllen(len(s.control))
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.rtp), uintptr(unsafe.Pointer(&message)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return // a refusal told by ICMP
	}
	at := time.Now().UnixNano()
	const needed = unix.SizeofCmsghdr + int(unsafe.Sizeof(unix.Timespec{}))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&s.control[0]))
	if message.Controllen >= uint64(needed) && header.Type == unix.SO_TIMESTAMPNS {
		at = (*unix.Timespec)(unsafe.Pointer(&s.control[unix.SizeofCmsghdr])).Nano()
	}
	s.measure(s.incoming[:n], at)
}

// measure compares a packet with the one before it and with when it was sent.
func (s *stream) measure(packet []byte, at int64) {
	t := &s.crowd.tally
	if len(packet) < headerBytes || packet[0]>>6 != 2 {
		t.Foreign++
		return
	}
	t.Received++
	seq, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:])
	if payload := packet[headerBytes:]; len(payload) >= stampBytes && binary.BigEndian.Uint64(payload) == mark {
		t.Latency.observe(time.Duration(at - int64(binary.BigEndian.Uint64(payload[8:]))))
		if s.voiced == 0 {
			s.voiced = at
		}
	}
	if took, ok := s.knocks.heard(packet, at); ok {
		t.Latency.observe(took)
	}
	if s.heard && ssrc == s.ssrc {
		s.compare(seq, at)
		return
	}
	if s.heard {
		t.Broken++
	}
	s.heard, s.ssrc, s.last, s.at = true, ssrc, seq, at
}

// compare counts losses and gaps between two packets of one source.
func (s *stream) compare(seq uint16, at int64) {
	t := &s.crowd.tally
	step := int16(seq - s.last)
	if step <= 0 { // it came late, and had been counted as lost
		t.Lost -= min(t.Lost, 1)
		return
	}
	if step > 1 && step <= maxStep {
		t.Lost += uint64(step - 1)
	}
	gap := time.Duration(at - s.at)
	if gap > longGap {
		t.Gaps++
	}
	t.MaxGap = max(t.MaxGap, gap)
	s.last, s.at = seq, at
}
