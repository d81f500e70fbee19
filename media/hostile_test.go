package media

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"tandem/media/codec"
)

// evidence is all that came of a conversation, as far as chance has no part in it.
type evidence struct {
	contact, person         []sent
	contactTape, personTape []int16
	told                    []notice
	to                      map[netip.AddrPort]bool // who was sent anything
}

// overhear has two people talk for three seconds, which are recorded, while
// something is done to the salesperson's leg in every slot.
func overhear(t *testing.T, do func(slot int, person *end)) evidence {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU)
	d.wire(both(contactLeg, personLeg)...)
	tape := &reel{}
	d.room().record(d.w, contactLeg, personLeg, tape)
	for slot := range 150 {
		d.advance(tickLength / 2)
		contact.say(pattern(slot))
		do(slot, person)
		person.say(pattern(slot + 1000))
		do(slot, person)
		d.advance(tickLength / 2)
	}
	d.untape()
	e := evidence{contactTape: tape.contact, personTape: tape.person, told: d.told(), to: make(map[netip.AddrPort]bool)}
	for _, x := range []*end{contact, person} { // when reports are due is up to chance
		e.to[netip.AddrPortFrom(x.addr.Addr(), x.addr.Port()+1)] = true
	}
	e.contact, e.person = e.stream(contact), e.stream(person)
	return e
}

// stream is what an end was sent, with numbers that count from the first packet's.
func (e *evidence) stream(x *end) []sent {
	for to := range x.told {
		e.to[to] = true
	}
	got := slices.Clone(x.got)
	for i := range got {
		e.to[got[i].to] = true
		got[i].seq -= x.got[0].seq
		got[i].timestamp -= x.got[0].timestamp
		got[i].ssrc -= x.got[0].ssrc
	}
	return got
}

// same fails unless nothing came of what was done.
func (e *evidence) same(t *testing.T, undisturbed *evidence) {
	t.Helper()
	alike := func(a, b sent) bool {
		return a.at == b.at && a.to == b.to && a.marker == b.marker && a.kind == b.kind && a.seq == b.seq &&
			a.timestamp == b.timestamp && a.ssrc == b.ssrc && slices.Equal(a.payload, b.payload)
	}
	if !slices.EqualFunc(e.contact, undisturbed.contact, alike) || !slices.EqualFunc(e.person, undisturbed.person, alike) {
		t.Error("what was sent is not the same")
	}
	if !slices.Equal(e.contactTape, undisturbed.contactTape) || !slices.Equal(e.personTape, undisturbed.personTape) {
		t.Error("the recording is not the same")
	}
	if !slices.Equal(e.told, undisturbed.told) {
		t.Errorf("the call was told %v", e.told)
	}
	for to := range e.to {
		if !undisturbed.to[to] {
			t.Errorf("something was sent to %v", to)
		}
	}
}

// marshal writes RTCP.
func marshal(t *testing.T, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// datagrams are what an attacker may send to the port of a leg; next is what its
// peer would say next.
func datagrams(t *testing.T, next packet) map[string][]byte {
	plain := next.write(make([]byte, maxDatagram+headerSize))
	with := func(first byte, rest ...byte) []byte {
		return append(append([]byte{first}, plain[1:headerSize]...), rest...)
	}
	return map[string][]byte{
		"CSRC 15, cut":                  with(0x8F, make([]byte, 59)...),
		"extension of 65535 words":      with(0x90, 0xBE, 0xDE, 0xFF, 0xFF, 1, 2, 3, 4),
		"extension, cut":                with(0x90, 0xBE),
		"padding longer than the whole": with(0xA0, 1, 2, 255),
		"padding of nothing":            with(0xA0, 1, 2, 0),
		"all of it, and padding":        with(0xBF, 1, 2, 3, 4, 5, 6, 255),
		"version 0":                     with(0x00, plain[headerSize:]...),
		"header, cut":                   plain[:headerSize-1],
		"one byte":                      {0x80},
		"nothing":                       {},
		"longer than any":               append(slices.Clone(plain), make([]byte, maxDatagram)...),
		"payload type not agreed on":    append([]byte{0x80, 96}, plain[2:]...),
		"RTCP BYE":                      marshal(t, &rtcp.ReceiverReport{SSRC: next.ssrc}, &rtcp.Goodbye{Sources: []uint32{next.ssrc}, Reason: "hang up"}),
		"RTCP BYE alone":                marshal(t, &rtcp.Goodbye{Sources: []uint32{next.ssrc}}),
		"RTCP of no length":             {0x80, 200, 0, 0},
		"RTCP of a false length":        {0x81, 201, 0xFF, 0xFF, 0, 0, 0, 1},
	}
}

// Malformed packets, and a BYE that signalling knows nothing of, change nothing
// even when they come from the peer itself.
func TestMalformedPacketsChangeNothing(t *testing.T) {
	undisturbed := overhear(t, func(int, *end) {})
	for name := range datagrams(t, packet{}) {
		t.Run(name, func(t *testing.T) {
			got := overhear(t, func(_ int, person *end) {
				b := datagrams(t, packet{kind: uint8(person.law), seq: person.seq, timestamp: person.ts, ssrc: person.ssrc, payload: pattern(7)})[name]
				person.leg.receive(person.desk.now, person.addr, b)
				person.leg.receiveReport(person.desk.now, netip.AddrPortFrom(person.addr.Addr(), person.addr.Port()+1), b)
			})
			got.same(t, &undisturbed)
		})
	}
}

// A stranger may know everything of the peer's stream: it is not let in, not
// recorded, and not answered.
func TestNothingComesOfPacketsFromElsewhere(t *testing.T) {
	undisturbed := overhear(t, func(int, *end) {})
	strangers := map[string]netip.AddrPort{
		"another host":                netip.MustParseAddrPort("198.51.100.66:4000"),
		"another host, IPv6":          netip.MustParseAddrPort("[2001:db8::66]:4000"),
		"another port of the peer":    netip.MustParseAddrPort("10.0.0.2:4002"),
		"the RTCP port of the peer":   netip.MustParseAddrPort("10.0.0.2:4001"),
		"the other side of this call": netip.MustParseAddrPort("10.0.0.1:4000"),
		"no address":                  {},
	}
	for name, stranger := range strangers {
		t.Run(name, func(t *testing.T) {
			got := overhear(t, func(slot int, person *end) {
				now := person.desk.now
				if slot == 0 && person.leg.latch.locked != person.addr {
					return // before the peer's first word nobody is trusted
				}
				next := packet{kind: uint8(person.law), seq: person.seq, timestamp: person.ts, ssrc: person.ssrc, payload: pattern(7)}
				ahead, other := next, next
				other.ssrc, other.seq = 666, 5*uint16(slot)
				for range 5 { // in a row, as who wants to be trusted would send them
					person.send(stranger, ahead)
					ahead.seq++
				}
				for range 5 {
					person.send(stranger, other)
					other.seq++
				}
				key := next
				key.kind, key.payload = person.leg.terms.event, []byte{5, 0x8A, 4, 0}
				person.send(stranger, key)
				for _, b := range datagrams(t, next) {
					person.leg.receive(now, stranger, b)
				}
				if stranger.Addr() != person.addr.Addr() { // RTCP is taken from any port of the peer's host
					person.leg.receiveReport(now, stranger, datagrams(t, next)["RTCP BYE"])
				}
			})
			got.same(t, &undisturbed)
		})
	}
}

// The peer's own stream may jump as it likes: what it says in an instant is on the
// tape at that instant, and the other side is sent one stream.
func TestTapeIsTrueToTheClockThroughLossJumpsAndSilence(t *testing.T) {
	jumps := map[string]func(person *end){
		"nothing":                   func(*end) {},
		"another SSRC":              func(x *end) { x.ssrc += 99 },
		"another SSRC, all anew":    func(x *end) { x.ssrc, x.seq, x.ts = x.ssrc+1, 7, 1<<31 },
		"sequence ahead":            func(x *end) { x.seq += 20000 },
		"sequence back":             func(x *end) { x.seq -= 20000 },
		"timestamp an hour ahead":   func(x *end) { x.ts += 3600 * codec.Rate },
		"timestamp back":            func(x *end) { x.ts -= 3600 * codec.Rate },
		"loss of half a second":     func(x *end) { x.lose(25) },
		"loss of three seconds":     func(x *end) { x.lose(150) },
		"silence of two seconds":    func(x *end) { x.desk.advance(2 * time.Second); x.ts += 2 * codec.Rate },
		"silence, timestamps stand": func(x *end) { x.desk.advance(2 * time.Second) },
	}
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
			d.wire(both(contactLeg, personLeg)...)
			tape := &reel{}
			d.room().record(d.w, contactLeg, personLeg, tape)
			begin := d.now
			var clicked []int // in samples of the clock
			for range 4 {
				for frame := range 50 {
					if frame == 40 {
						clicked = append(clicked, int((d.now-begin)*codec.Rate/time.Second))
					}
					person.click(frame == 40)
					d.advance(tickLength)
				}
				jump(person)
			}
			d.untape()
			if want := int((d.now - begin) * codec.Rate / time.Second); len(tape.person) != want || len(tape.contact) != want {
				t.Errorf("%d and %d samples on the tape of %d", len(tape.contact), len(tape.person), want)
			}
			heard := clicksIn(tape.person)
			if len(heard) != len(clicked) {
				t.Fatalf("%d clicks of %d on the tape: %v, made at %v", len(heard), len(clicked), heard, clicked)
			}
			for i := range heard {
				if late := heard[i] - clicked[i]; late < -codec.FrameSamples || late > codec.FrameSamples {
					t.Errorf("click %d at %d, made at %d", i, heard[i], clicked[i])
				}
			}
			for i, p := range contact.got[1:] {
				if p.ssrc != contact.got[0].ssrc || int32(p.timestamp-contact.got[i].timestamp) <= 0 {
					t.Fatalf("packet %d breaks the contact's stream: %+v", i+1, p.packet)
				}
			}
		})
	}
}

// lose is so many packets that do not arrive.
func (x *end) lose(frames int) {
	x.seq += uint16(frames)
	x.ts += uint32(frames) * codec.FrameSamples
	x.desk.advance(time.Duration(frames) * tickLength)
}

// click says 20 ms of a murmur, with a click at its beginning if wanted.
func (x *end) click(aloud bool) {
	var f codec.Frame
	for n := range f {
		f[n] = int16(300 - 600*(n%2))
	}
	if aloud {
		f[0] = 20000
	}
	x.frame(&f)
}

// FuzzReports hands any RTCP to a leg, from its peer and from a stranger: no more
// than the round trip may come of it.
func FuzzReports(f *testing.F) {
	f.Add([]byte{0x81, 200, 0, 6, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 3, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})
	f.Add([]byte{0x81, 202, 0, 2, 0, 0, 0, 3, 1, 200, 65, 65})
	f.Add([]byte{0x9F, 203, 0, 1, 0, 0, 0, 3})
	f.Add([]byte{0x8F, 205, 0, 5, 0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 0xFF, 0xFF, 0, 0, 0, 0, 0x1F, 0xFF, 0x1F, 0xFF})
	f.Add([]byte{0x80, 207, 0, 4, 0, 0, 0, 3, 1, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDesk(t)
		contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU)
		d.wire(both(contactLeg, personLeg)...)
		d.talk(100*time.Millisecond, 0, contact, person)
		before := person.leg.latch
		person.leg.receiveReport(d.now, netip.MustParseAddrPort("192.0.2.9:9"), b)
		if person.leg.reports.read != 0 {
			t.Fatal("a stranger's report was read")
		}
		person.leg.receiveReport(d.now, netip.AddrPortFrom(person.addr.Addr(), 9), b)
		if trip := person.leg.reports.roundTrip; trip < 0 || trip >= 10*time.Second {
			t.Fatalf("a round trip of %v", trip)
		}
		sent := len(contact.got)
		d.talk(100*time.Millisecond, 0, contact, person)
		if person.leg.latch.target() != before.target() || len(contact.got) != sent+5 || len(person.got) != len(contact.got) {
			t.Fatalf("the talk suffered: %d and %d packets, target %v", len(contact.got), len(person.got), person.leg.latch.target())
		}
		for to := range person.told {
			if to.Addr() != person.addr.Addr() {
				t.Fatalf("reports go to %v", to)
			}
		}
	})
}
