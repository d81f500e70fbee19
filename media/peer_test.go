package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
	"tandem/media/tone"
)

// inbox keeps what the engine posts.
type inbox struct {
	mu     sync.Mutex
	inputs []call.Input
	signal chan struct{}
}

func newInbox() *inbox { return &inbox{signal: make(chan struct{}, 64)} }

func (b *inbox) Post(_ call.ID, in call.Input) bool {
	b.mu.Lock()
	b.inputs = append(b.inputs, in)
	b.mu.Unlock()
	select {
	case b.signal <- struct{}{}:
	default:
	}
	return true
}

func (b *inbox) all() []call.Input {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]call.Input(nil), b.inputs...)
}

// wait returns once an input of the wanted kind has come.
func (b *inbox) wait(t *testing.T, wanted call.Input) {
	t.Helper()
	expired := time.After(10 * time.Second)
	for {
		if slices.Contains(b.all(), wanted) {
			return
		}
		select {
		case <-b.signal:
		case <-expired:
			t.Fatalf("no %#v among %#v", wanted, b.all())
		}
	}
}

// eachIO runs a test over every PacketIO that this system has.
func eachIO(t *testing.T, run func(t *testing.T, io func() (PacketIO, error))) {
	t.Helper()
	for name, io := range map[string]func() (PacketIO, error){"native": NewPacketIO, "dedicated": NewDedicatedIO, "portable": NewPortableIO} {
		t.Run(name, func(t *testing.T) { run(t, io) })
	}
}

// startEngine runs an engine on loopback until the test ends.
func startEngine(t testing.TB, o Options) *Engine {
	t.Helper()
	o.Bind = netip.MustParseAddr("127.0.0.1")
	if o.From == 0 {
		o.From, o.To = 23000, 23999
	}
	if o.Lines == nil {
		o.Lines = newInbox()
	}
	if o.Workers == 0 {
		o.Workers = 1 // each of a dedicated PacketIO keeps a processor
	}
	o.Log = slog.New(slog.DiscardHandler)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

// phone is a raw RTP user agent on loopback.
type phone struct {
	t      testing.TB
	udp    *net.UDPConn
	law    codec.Law
	remote *net.UDPAddr
	ssrc   uint32
	seq    uint16
	ts     uint32
}

func newPhone(t testing.TB, law codec.Law) *phone {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	return &phone{t: t, udp: udp, law: law, ssrc: 0xABCD0000 + uint32(law), seq: 65500, ts: 4294960000}
}

func (p *phone) port() int { return p.udp.LocalAddr().(*net.UDPAddr).Port }

// sdp describes the phone; event is the payload type of telephone events.
func (p *phone) sdp(direction string, event uint8) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP %d %d\r\na=rtpmap:%d %s/8000\r\na=rtpmap:%d telephone-event/8000\r\na=%s\r\n",
		p.port(), p.law, event, p.law, p.law, event, direction)
}

// answered aims the phone at what the engine said about itself.
func (p *phone) answered(body []byte) {
	p.t.Helper()
	d, err := sdp.Parse(body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.remote = net.UDPAddrFromAddrPort(d.Remote())
}

// open connects the phone to the engine as a leg that offered.
func (p *phone) open(e *Engine, id call.LegID) {
	p.t.Helper()
	body, err := e.Open(id, call.MediaSpec{Remote: p.sdp("sendrecv", 101), Source: "127.0.0.1"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.answered(body)
}

// packet returns the phone's next packet.
func (p *phone) packet(kind uint8, payload []byte) []byte {
	next := packet{kind: kind, seq: p.seq, timestamp: p.ts, ssrc: p.ssrc, payload: payload}
	p.seq++
	p.ts += uint32(len(payload))
	return next.write(make([]byte, maxDatagram+headerSize))
}

func (p *phone) write(b []byte) {
	p.t.Helper()
	if _, err := p.udp.WriteToUDP(b, p.remote); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) say(payload []byte) {
	p.t.Helper()
	p.write(p.packet(uint8(p.law), payload))
}

// hear returns the next RTP packet that comes, or fails.
func (p *phone) hear() packet {
	p.t.Helper()
	for {
		if err := p.udp.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			p.t.Fatal(err)
		}
		b := make([]byte, maxDatagram+1)
		n, err := p.udp.Read(b)
		if err != nil {
			p.t.Fatal(err)
		}
		if isRTCP(b[:n]) {
			continue
		}
		got, ok := parsePacket(b[:n])
		if !ok {
			p.t.Fatalf("not RTP: %x", b[:n])
		}
		return got
	}
}

// pattern is a payload that says which one it is.
func pattern(n int) []byte {
	b := make([]byte, codec.FrameSamples)
	for i := range b {
		b[i] = byte(n*7 + i)
	}
	binary.BigEndian.PutUint32(b, uint32(n))
	return b
}

// clipOf is a sine of a number of frames.
func clipOf(hz float64, frames int) tone.Clip {
	source := tone.Sine(hz, -10)
	var clip tone.Clip
	for range frames {
		var f codec.Frame
		source.Next(&f)
		clip = append(clip, f[:]...)
	}
	return clip
}
