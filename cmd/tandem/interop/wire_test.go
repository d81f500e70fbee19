//go:build linux

package interop_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"tandem/media/codec"
)

// wiretap listens to the cable between the switch and the peers: what it
// notes is what a peer really got, whatever that peer makes of it.
type wiretap struct {
	*network
	file *os.File
	done chan struct{}

	mu      sync.Mutex
	streams map[stream][]rtp
}

// stream is what one source sends to one destination.
type stream struct {
	to   netip.AddrPort
	ssrc uint32
}

// rtp is one packet of A-law audio (RFC 3550 section 5.1).
type rtp struct {
	sequence  uint16
	timestamp uint32
	payload   []byte
}

// tap starts listening, until the test ends.
func (n *network) tap() *wiretap {
	n.t.Helper()
	link, err := net.InterfaceByName(n.link)
	if err != nil {
		n.t.Fatal(err)
	}
	everything := int(binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})) // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		n.t.Fatal(err)
	}
	w := &wiretap{network: n, file: os.NewFile(uintptr(fd), "wiretap"), done: make(chan struct{}), streams: map[stream][]rtp{}}
	// Room for seconds, lest a slow test takes its own losses for the switch's.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(everything), Ifindex: link.Index})
	}
	if err != nil {
		n.t.Fatal(errors.Join(err, w.file.Close()))
	}
	go w.listen()
	n.t.Cleanup(func() {
		_ = w.file.Close()
		<-w.done
	})
	return w
}

func (w *wiretap) listen() {
	defer close(w.done)
	b := make([]byte, 2048)
	for {
		n, err := w.file.Read(b)
		if err != nil {
			return
		}
		if s, p, ok := parseAudio(b[:n]); ok {
			w.mu.Lock()
			w.streams[s] = append(w.streams[s], p)
			w.mu.Unlock()
		}
	}
}

// parseAudio reads an IPv4 packet that carries RTP of payload type 8.
func parseAudio(b []byte) (s stream, p rtp, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 || b[9] != unix.IPPROTO_UDP {
		return s, p, false
	}
	addr, _ := netip.AddrFromSlice(b[16:20])
	udp := b[min(len(b), 4*int(b[0]&15)):]
	if len(udp) < 8+12 || udp[8] != 0x80 || udp[9]&0x7f != 8 {
		return s, p, false
	}
	head := udp[8:]
	s = stream{netip.AddrPortFrom(addr, binary.BigEndian.Uint16(udp[2:])), binary.BigEndian.Uint32(head[8:])}
	return s, rtp{binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[4:]), slices.Clone(head[12:])}, true
}

// sent returns the streams that went to an address, the longest first.
func (w *wiretap) sent(to netip.Addr) [][]rtp {
	return w.matching(func(at netip.AddrPort) bool { return at.Addr() == to })
}

func (w *wiretap) matching(holds func(to netip.AddrPort) bool) (streams [][]rtp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, packets := range w.streams {
		if holds(s.to) {
			streams = append(streams, slices.Clone(packets))
		}
	}
	slices.SortFunc(streams, func(a, b []rtp) int { return len(b) - len(a) })
	return streams
}

// only returns the one stream that went to an address, as far as it got.
func (w *wiretap) only(to netip.Addr) []rtp {
	w.t.Helper()
	return w.single(to.String(), w.sent(to))
}

// heardBy returns the one stream that went to a phone, as far as it got.
func (w *wiretap) heardBy(p *phone) []rtp {
	w.t.Helper()
	return w.single(p.directory, w.matching(func(at netip.AddrPort) bool {
		return at.Port() >= p.rtp && at.Port() < p.rtp+rtpPorts
	}))
}

func (w *wiretap) single(to string, streams [][]rtp) []rtp {
	w.t.Helper()
	if len(streams) == 0 {
		return nil
	}
	if len(streams) > 1 {
		w.t.Fatalf("%d streams went to %s", len(streams), to)
	}
	return streams[0]
}

// flows waits for a second more of the stream to an address and returns what
// the later half of it says.
func (w *wiretap) flows(to netip.Addr) []int16 {
	w.t.Helper()
	return w.second("to "+to.String(), func() []rtp { return w.only(to) })
}

// mostly is flows for a carrier that forks: whoever spoke before another callee
// answered may have got a packet, too.
func (w *wiretap) mostly(to netip.Addr) []int16 {
	w.t.Helper()
	return w.second("to "+to.String(), func() []rtp {
		if streams := w.sent(to); len(streams) > 0 {
			return streams[0]
		}
		return nil
	})
}

// hears waits for a second more of the stream to a phone and returns what the
// later half of it says.
func (w *wiretap) hears(p *phone) []int16 {
	w.t.Helper()
	return w.second("to a phone", func() []rtp { return w.heardBy(p) })
}

func (w *wiretap) second(what string, stream func() []rtp) []int16 {
	w.t.Helper()
	begin := len(stream())
	w.eventually("a second of sound "+what, func() bool { return len(stream()) >= begin+50 })
	return sound(stream()[begin+25:])
}

// unbroken fails the test unless the packets have every sequence number and
// every timestamp.
func (w *wiretap) unbroken(packets []rtp) {
	w.t.Helper()
	for i := 1; i < len(packets); i++ {
		last, next := packets[i-1], packets[i]
		if next.sequence != last.sequence+1 || next.timestamp != last.timestamp+codec.FrameSamples {
			w.t.Errorf("packet %d of %d follows (sequence %d, timestamp %d) with (%d, %d)",
				i, len(packets), last.sequence, last.timestamp, next.sequence, next.timestamp)
			return
		}
	}
}

// sound returns what packets say.
func sound(packets []rtp) (samples []int16) {
	alaw := codec.New(codec.PCMA)
	for _, p := range packets {
		frame := make([]int16, len(p.payload))
		alaw.DecodeSamples(frame, p.payload)
		samples = append(samples, frame...)
	}
	return samples
}
