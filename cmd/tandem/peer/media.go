package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

// MediaOptions describe the audio of a call.
type MediaOptions struct {
	Codecs     []string      // encoding names in order of preference; default PCMA, PCMU
	Source     Source        // what is said at first; nil: nothing is sent until Say
	NoDTMF     bool          // telephone-event is neither offered nor accepted
	EarlySend  bool          // a caller sends as soon as it knows where to, not only after the answer
	NAT        bool          // the SDP names a port that nobody reads: only who answers to the source of our packets is heard
	RTCP       time.Duration // interval of sender reports; default 5s, negative: none
	Capture    time.Duration // how much of what is heard is kept; default 10s
	Impairment Impairment

	// Engine carries the audio in the call's place; nil: the call does it itself. With one, only Codecs and EarlySend of
	// the above have a meaning, and of Media's methods LocalAddr, RemoteAddr and Codec.
	Engine Engine
}

// Impairment is what a bad network does to the packets sent.
type Impairment struct {
	Loss    float64       // fraction of packets never sent, 0 to 1
	Reorder float64       // fraction of packets sent after their successor
	Jitter  time.Duration // each packet leaves late by a random time of up to this, below 20ms
	Seed    uint64        // of the random choices, so that a test can repeat them
}

// Media is the audio of one call: RTP and RTCP sockets, one stream sent, whatever comes received and measured.
type Media struct {
	options MediaOptions
	rtp     *net.UDPConn
	rtcp    *net.UDPConn
	shown   netip.AddrPort // named in our SDP
	idle    *net.UDPConn   // holds that port when it is not ours to read (NAT)
	done    chan struct{}  // closed by close
	stream  Stream         // of the engine, in place of the sockets

	watch     watch // guards all below
	closed    bool
	session   uint64 // SDP origin
	version   int
	direction string         // ours
	remote    netip.AddrPort // zero: not known
	control   netip.AddrPort // where RTCP goes
	granted   bool           // by the negotiated directions: we may send
	started   bool           // by the call's progress: we do send
	payload   uint8          // of the codec to send
	codec     string
	event     uint8          // payload type of telephone-event, 0: none
	events    map[uint8]bool // every payload type of telephone-event seen in SDP
	out       outgoing
	in        incoming
}

// openMedia binds an even port and the next one on host:port's host and reads both.
func openMedia(o MediaOptions, address string, spawn func(func(context.Context))) (*Media, error) {
	if o.Codecs == nil {
		o.Codecs = []string{"PCMA", "PCMU"}
	}
	for _, name := range o.Codecs {
		if encoders(name) == nil {
			return nil, fmt.Errorf("codec %q: want PCMA or PCMU", name)
		}
	}
	if o.RTCP == 0 {
		o.RTCP = 5 * time.Second
	}
	if o.Capture == 0 {
		o.Capture = 10 * time.Second
	}
	host := netip.MustParseAddrPort(address).Addr()
	m := &Media{options: o, done: make(chan struct{}), session: rand.Uint64() >> 2, direction: "sendrecv", events: map[uint8]bool{}}
	if o.Engine != nil {
		if err := m.hire(host); err != nil {
			return nil, err
		}
		return m, nil
	}
	if err := m.bind(host); err != nil {
		return nil, err
	}
	m.out = newOutgoing(o)
	m.in = newIncomingStream(int(o.Capture.Seconds() * sampleRate))
	spawn(func(context.Context) { m.readRTP() })
	spawn(func(context.Context) { m.readRTCP() })
	spawn(func(context.Context) { m.send() })
	return m, nil
}

// bind takes a pair of ports, the even one for RTP (RFC 3550 11).
func (m *Media) bind(host netip.Addr) error {
	for range 100 {
		rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0)))
		if err != nil {
			return fmt.Errorf("bind rtp: %w", err)
		}
		own := rtp.LocalAddr().(*net.UDPAddr).AddrPort()
		if own.Port()%2 == 0 && own.Port() < 65535 {
			next := net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, own.Port()+1))
			if rtcp, err := net.ListenUDP("udp", next); err == nil {
				m.rtp, m.rtcp, m.shown = rtp, rtcp, own
				return m.hide(host)
			}
		}
		_ = rtp.Close()
	}
	return errors.New("bind rtp: no free pair of ports")
}

// hide makes the SDP name another port than the one in use, as behind a NAT.
func (m *Media) hide(host netip.Addr) error {
	if !m.options.NAT {
		return nil
	}
	idle, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0)))
	if err != nil {
		_, _ = m.rtp.Close(), m.rtcp.Close()
		return fmt.Errorf("bind rtp: %w", err)
	}
	m.idle = idle
	m.shown = idle.LocalAddr().(*net.UDPAddr).AddrPort()
	return nil
}

func (m *Media) close() {
	m.watch.Lock()
	defer m.watch.Unlock()
	if m.closed {
		return
	}
	m.closed = true
	m.watch.ring()
	close(m.done)
	if m.stream != nil {
		m.stream.Close()
		return
	}
	_, _ = m.rtp.Close(), m.rtcp.Close()
	if m.idle != nil {
		_ = m.idle.Close()
	}
}

// LocalAddr is where this end really sends from and listens.
func (m *Media) LocalAddr() netip.AddrPort {
	if m.stream != nil {
		return m.stream.LocalAddr()
	}
	return m.rtp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// RemoteAddr is where the other side's SDP wants packets, the zero value before there is one.
func (m *Media) RemoteAddr() netip.AddrPort {
	m.watch.Lock()
	defer m.watch.Unlock()
	return m.remote
}

// Codec returns the encoding name agreed on for sending, "" before that.
func (m *Media) Codec() string {
	m.watch.Lock()
	defer m.watch.Unlock()
	return m.codec
}

// offer describes what we can do.
func (m *Media) offer() []byte { return m.offerAt(m.shown) }

// offerNowhere describes it without saying where to send to.
func (m *Media) offerNowhere() []byte {
	nowhere := netip.IPv4Unspecified()
	if m.shown.Addr().Is6() {
		nowhere = netip.IPv6Unspecified()
	}
	return m.offerAt(netip.AddrPortFrom(nowhere, m.shown.Port()))
}

func (m *Media) offerAt(shown netip.AddrPort) []byte {
	m.watch.Lock()
	defer m.watch.Unlock()
	d := description{addr: shown, direction: m.direction}
	for _, name := range m.options.Codecs {
		d.formats = append(d.formats, format{staticPayload(name), name})
	}
	if !m.options.NoDTMF {
		d.formats = append(d.formats, format{101, eventName})
		m.events[101] = true
	}
	m.version++
	return d.bytes(m.session, m.version)
}

// answer applies an SDP offer and describes what we take of it: the first of its codecs that we have.
func (m *Media) answer(offer []byte) ([]byte, error) {
	d, err := parseSDP(offer)
	if err != nil {
		return nil, err
	}
	m.watch.Lock()
	defer m.watch.Unlock()
	if err := m.apply(d); err != nil {
		return nil, err
	}
	reply := description{addr: m.shown, direction: answerDirection(d.direction, m.direction)}
	reply.formats = append(reply.formats, format{m.payload, m.codec})
	if m.event != 0 {
		reply.formats = append(reply.formats, format{m.event, eventName})
	}
	m.version++
	return reply.bytes(m.session, m.version), nil
}

// accept applies an SDP answer.
func (m *Media) accept(answer []byte) error {
	d, err := parseSDP(answer)
	if err != nil {
		return err
	}
	m.watch.Lock()
	defer m.watch.Unlock()
	if err := m.apply(d); err != nil {
		return err
	}
	if m.options.EarlySend {
		m.started = true
		m.steer()
	}
	return nil
}

// apply takes address, codec and direction of the other side.
func (m *Media) apply(d description) error {
	i := slices.IndexFunc(d.formats, func(f format) bool { return slices.Contains(m.options.Codecs, f.name) })
	if i < 0 {
		return errors.New("SDP without a common codec")
	}
	if d.addr.Port() != 0 && !d.addr.Addr().IsLoopback() && !d.addr.Addr().IsUnspecified() {
		return fmt.Errorf("SDP address %s is not loopback", d.addr)
	}
	m.codec, m.payload = d.formats[i].name, d.formats[i].payload
	m.event = 0
	if pt, ok := d.payload(eventName); ok && !m.options.NoDTMF {
		m.event = pt
		m.events[pt] = true
	}
	m.remote = d.addr
	m.control = netip.AddrPortFrom(d.addr.Addr(), d.addr.Port()+1)
	held := d.addr.Port() == 0 || d.addr.Addr().IsUnspecified() // RFC 3264 8.4: the old way to hold
	m.granted = sends(answerDirection(d.direction, m.direction)) && !held
	m.steer()
	return nil
}

// setDirection changes our direction for the next offer and returns the one before.
func (m *Media) setDirection(direction string) (before string) {
	m.watch.Lock()
	defer m.watch.Unlock()
	before, m.direction = m.direction, direction
	return before
}

// start lets packets go out.
func (m *Media) start() {
	m.watch.Lock()
	defer m.watch.Unlock()
	m.started = true
	m.steer()
}
