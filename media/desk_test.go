package media

import (
	"net/netip"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
)

// desk is a worker without a thread, sockets or a clock: tests move its time.
type desk struct {
	t       testing.TB
	w       *worker
	now     time.Duration
	due     time.Duration
	notices chan notice
	ends    map[call.LegID]*end
}

// end is the far end of a leg: what it sends comes from addr, what it is sent is
// kept.
type end struct {
	desk *desk
	leg  *leg
	addr netip.AddrPort
	law  codec.Law
	ssrc uint32
	seq  uint16
	ts   uint32
	got  []sent
	rtcp [][]byte
	told map[netip.AddrPort]bool // where its RTCP went
}

type sent struct {
	at time.Duration
	to netip.AddrPort
	packet
}

// wire and control are the sockets of an end.
type wire struct{ end *end }
type control struct{ end *end }

func (s wire) Send(to netip.AddrPort, b []byte) error {
	if isRTCP(b) {
		return control(s).Send(to, b)
	}
	p, ok := parsePacket(append([]byte(nil), b...))
	if !ok {
		s.end.desk.t.Fatalf("sent what is no RTP: %x", b)
	}
	s.end.got = append(s.end.got, sent{at: s.end.desk.now, to: to, packet: p})
	return nil
}

func (s wire) Close() error { return nil }

func (s control) Send(to netip.AddrPort, b []byte) error {
	s.end.rtcp = append(s.end.rtcp, append([]byte(nil), b...))
	s.end.told[to] = true
	return nil
}

func (s control) Close() error { return nil }

// idle is a PacketIO where nothing comes.
type idle struct{}

func (idle) Bind(netip.Addr, uint16) (Socket, error) { return nil, nil }
func (idle) Watch(Socket, Take) error                { return nil }
func (idle) Poll(time.Time) (int, error)             { return 0, nil }
func (idle) Wake()                                   {}
func (idle) Close() error                            { return nil }

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, due: tickLength, notices: make(chan notice, 1024), ends: make(map[call.LegID]*end)}
	e := &Engine{
		epoch: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), notices: d.notices,
	}
	settings, err := Settings{}.checked()
	if err != nil {
		t.Fatal(err)
	}
	e.settings.Store(settings)
	d.w = newWorker(e, idle{})
	return d
}

// leg adds a leg whose peer has agreed to a law.
func (d *desk) leg(id call.LegID, law codec.Law) *end {
	d.t.Helper()
	n := len(d.ends) + 1
	x := &end{
		desk: d, law: law, told: make(map[netip.AddrPort]bool), ssrc: uint32(n) * 1111, seq: 65000, ts: 1<<32 - 3000,
		addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 4000),
	}
	l := newLeg(id, &Settings{}, wire{x}, control{x})
	x.leg = l
	if err := d.w.attach(d.now, l); err != nil {
		d.t.Fatal(err)
	}
	d.ends[id] = x
	x.agree(sdp.SendRecv)
	return x
}

// agree renegotiates; the direction is as we see it.
func (x *end) agree(direction sdp.Direction) {
	c := sdp.Chosen{
		Law: x.law, PayloadType: uint8(x.law), TelephoneEvent: 100 + uint8(len(x.leg.id))%10, ComfortNoise: sdp.NoPayloadType,
		Remote: x.addr, RemoteRTCP: netip.AddrPortFrom(x.addr.Addr(), x.addr.Port()+1), Direction: direction,
	}
	x.leg.agree(x.desk.now, termsOf(c, &sdp.Description{}, false))
	x.leg.room.route(x.desk.now)
}

// advance moves the clock, ticking on the way.
func (d *desk) advance(by time.Duration) {
	until := d.now + by
	for d.due <= until {
		d.now = d.due
		d.due = d.w.beat(d.now, d.due)
	}
	d.now = until
}

func (d *desk) wire(edges ...call.Edge) {
	r := d.room()
	r.wire(edges)
	r.route(d.now)
}

func (d *desk) room() *room { return d.w.rooms[0] }

// told returns the notices so far.
func (d *desk) told() (all []notice) {
	for {
		select {
		case n := <-d.notices:
			all = append(all, n)
		default:
			return all
		}
	}
}

// send hands a packet of the end to the engine, from an address.
func (x *end) send(from netip.AddrPort, p packet) {
	x.leg.receive(x.desk.now, from, p.write(make([]byte, maxDatagram+headerSize)))
}

// next returns the end's next packet of audio.
func (x *end) next(payload []byte) packet {
	p := packet{kind: uint8(x.law), seq: x.seq, timestamp: x.ts, ssrc: x.ssrc, payload: payload}
	x.seq++
	x.ts += uint32(len(payload))
	return p
}

func (x *end) say(payload []byte) { x.send(x.addr, x.next(payload)) }

// tone says 20 ms of a sine that goes on from packet to packet.
func (x *end) frame(f *codec.Frame) {
	payload := make([]byte, codec.FrameSamples)
	codec.New(x.law).Encode(payload, f)
	x.say(payload)
}

// unbroken fails unless the end was sent one stream in which every packet follows
// on the one before by exactly one frame.
func (x *end) unbroken() {
	x.desk.t.Helper()
	for i, p := range x.got[1:] {
		before := x.got[i]
		if p.ssrc != before.ssrc || p.seq != before.seq+1 || p.timestamp != before.timestamp+codec.FrameSamples || p.marker {
			x.desk.t.Fatalf("packet %d of %d at %v: ssrc %x seq %d timestamp %d marker %v after ssrc %x seq %d timestamp %d at %v",
				i+1, len(x.got), p.at, p.ssrc, p.seq, p.timestamp, p.marker, before.ssrc, before.seq, before.timestamp, before.at)
		}
	}
}

// untape ends the recording; what the buffers held back is pushed.
func (d *desk) untape() { d.room().record(d.w, "", "", nil) }
