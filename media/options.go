package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/tone"
)

// Lines takes what media has to tell calls: PlayEnded, MediaLost and Digit.
type Lines interface {
	// Post hands an input to a live call; false when there is no such call.
	Post(id call.ID, in call.Input) bool
}

// Options of an Engine.
type Options struct {
	Lines Lines

	// From and To bound the ports: even ones carry RTP, the odd ones after them RTCP.
	From, To uint16
	// Bind is the local address of the sockets; all addresses when not valid.
	Bind netip.Addr
	// External is the address that SDP shows, for a switch behind NAT. When not
	// valid it is Bind, or else the address that faces the signalling peer.
	External netip.Addr

	// Codecs holds the laws that each trunk may use, in order of preference; a trunk
	// that is missing, and every phone, may use both and is answered in its own order.
	Codecs map[string][]codec.Law
	// TrunkEncryption and UserEncryption hold who has SRTP; none who is missing.
	TrunkEncryption, UserEncryption map[string]Encryption
	// Sounds are the clips that legs can be played, beside the country's tones.
	Sounds map[call.Sound]tone.Clip
	// Country is the one whose tones are played, ISO 3166-1 alpha-2.
	Country string

	// JitterMin and JitterMax bound the delay of mixed audio; 20 ms and 200 ms when zero.
	JitterMin, JitterMax time.Duration
	// Timeout without RTP ends a conversation; 30 s when zero.
	Timeout time.Duration
	// Workers is the number of threads; GOMAXPROCS when zero.
	Workers int

	Log        *slog.Logger          // slog.Default when nil
	Registerer prometheus.Registerer // no metrics when nil
	// PacketIO makes the I/O of one worker; when nil NewDedicatedIO, or
	// NewPacketIO where workers would leave nobody else a processor.
	PacketIO func() (PacketIO, error)
}

// withDefaults fills in and checks.
func (o Options) withDefaults() (Options, error) {
	if o.Lines == nil {
		return o, errors.New("media: no lines to post to")
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Workers < 0 {
		return o, fmt.Errorf("media: %d workers", o.Workers)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.PacketIO == nil {
		o.PacketIO = NewPacketIO
		if o.Workers < runtime.GOMAXPROCS(0) {
			o.PacketIO = NewDedicatedIO
		}
	}
	return o, nil
}

// hostAddresses returns the addresses that this machine has, beside loopback.
func hostAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("media: addresses of this machine: %w", err)
	}
	var own []netip.Addr
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && !prefix.Addr().IsLoopback() {
			own = append(own, prefix.Addr().WithZone(""))
		}
	}
	return own, nil
}

// localFor asks the routing table: connecting a UDP socket sends nothing. Without
// a route to the peer it is loopback.
func localFor(source string) netip.Addr {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	peer, err := netip.ParseAddr(source)
	if err != nil {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // anywhere: the default route
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	if err != nil {
		return loopback
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
