package media

import (
	"net/netip"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
)

// sink is a socket that costs nothing, mute a tape that does.
type sink struct{}

func (sink) Send(netip.AddrPort, []byte) error { return nil }
func (sink) Close() error                      { return nil }

type mute struct{ frames int }

func (m *mute) Push(_, _ *[160]int16) bool { m.frames++; return true }
func (m *mute) Skip(int)                   {}

// scene is a conversation under way; its packets are ready-made.
type scene struct {
	desk     *desk
	ends     []*end
	datagram [maxDatagram + headerSize]byte
	payload  [codec.FrameSamples]byte
}

func newScene(t testing.TB, legs int, edges ...call.Edge) *scene {
	s := &scene{desk: newDesk(t)}
	for i := range legs {
		x := s.desk.leg(call.ID("call").Leg(i+1), codec.PCMA)
		x.leg.rtp, x.leg.rtcp = sink{}, sink{}
		x.leg.reports.next = 1 << 62 // RTCP comes twice a second at most and may allocate
		s.ends = append(s.ends, x)
	}
	s.desk.wire(edges...)
	for i := range s.payload {
		s.payload[i] = byte(i * 3)
	}
	return s
}

// slot is 20 ms: a packet of each leg, and the tick.
func (s *scene) slot() {
	for _, x := range s.ends {
		p := x.next(s.payload[:])
		x.leg.receive(s.desk.now, x.addr, p.write(s.datagram[:]))
	}
	s.desk.advance(tickLength)
}

func coached() []call.Edge {
	return call.Audience([]call.Seat{
		{Leg: contactLeg, Role: call.RoleContact}, {Leg: personLeg, Role: call.RoleSalesperson}, {Leg: coachLeg, Role: call.RoleBarger},
	})
}

func scenes(t testing.TB) map[string]*scene {
	relayed := newScene(t, 2, both(contactLeg, personLeg)...)
	mixed := newScene(t, 3, coached()...)
	taped := newScene(t, 2, both(contactLeg, personLeg)...)
	taped.desk.room().record(taped.desk.w, contactLeg, personLeg, &mute{})
	music := newScene(t, 1)
	music.ends[0].leg.play("music", clipOf(400, 100).Play(true), true)
	muted := newScene(t, 2, both(contactLeg, personLeg)...)
	muted.slot()
	muted.slot()
	muted.desk.wire(both(contactLeg, personLeg)[:1]...)
	return map[string]*scene{"muted": muted, "relayed": relayed, "mixed": mixed, "taped": taped, "music": music}
}

func TestPacketsAndTicksAllocateNothing(t *testing.T) {
	for name, s := range scenes(t) {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				s.slot()
			}
			if n := testing.AllocsPerRun(500, s.slot); n != 0 {
				t.Errorf("%v allocations in 20 ms", n)
			}
		})
	}
}

// BenchmarkForward is one packet received and passed on.
func BenchmarkForward(b *testing.B) {
	s := newScene(b, 2, both(contactLeg, personLeg)...)
	x := s.ends[0]
	b.ReportAllocs()
	for b.Loop() {
		p := x.next(s.payload[:])
		x.leg.receive(s.desk.now, x.addr, p.write(s.datagram[:]))
		s.desk.now += tickLength
	}
}

// BenchmarkTickMix is 20 ms of a call with a barging coach: three packets in,
// three mixes out.
func BenchmarkTickMix(b *testing.B) {
	s := newScene(b, 3, coached()...)
	b.ReportAllocs()
	for b.Loop() {
		s.slot()
	}
}

// BenchmarkRecordTap is 20 ms of a recorded call: two packets passed on and one
// pair of frames on the tape.
func BenchmarkRecordTap(b *testing.B) {
	s := newScene(b, 2, both(contactLeg, personLeg)...)
	s.desk.room().record(s.desk.w, contactLeg, personLeg, &mute{})
	b.ReportAllocs()
	for b.Loop() {
		s.slot()
	}
}

// BenchmarkIdleTick is a tick of a worker with 500 calls that are passed through.
func BenchmarkIdleTick(b *testing.B) {
	d := newDesk(b)
	for n := range 500 {
		id := call.ID("call" + string(rune('a'+n%26)) + string(rune('a'+n/26)))
		for i := range 2 {
			x := d.leg(id.Leg(i+1), codec.PCMA)
			x.leg.rtp, x.leg.rtcp = sink{}, sink{}
			x.leg.reports.next = 1 << 62
		}
		r := d.w.rooms[n]
		r.wire(both(id.Leg(1), id.Leg(2)))
		r.route(0)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.advance(tickLength)
	}
	if d.now < time.Second {
		b.Fatal("no time went by")
	}
}

// BenchmarkRelayOverLoopback is one packet of a burst from phone to phone through
// the kernel, both phones' system calls included.
func BenchmarkRelayOverLoopback(b *testing.B) {
	for name, io := range map[string]func() (PacketIO, error){"native": NewPacketIO, "dedicated": NewDedicatedIO, "portable": NewPortableIO} {
		b.Run(name, func(b *testing.B) {
			e := startEngine(b, Options{PacketIO: io, Workers: 1})
			talker, listener := newPhone(b, codec.PCMA), newPhone(b, codec.PCMA)
			talker.open(e, contactLeg)
			listener.open(e, personLeg)
			e.Wire("call", both(contactLeg, personLeg))
			e.Tap("call", "", "", nil)
			payload := pattern(1)
			const burst = 32
			for said := 1; b.Loop(); said++ {
				talker.say(payload)
				if said%burst > 0 {
					continue
				}
				for range burst {
					listener.hear()
				}
			}
		})
	}
}
