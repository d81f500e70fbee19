package media

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"tandem/media/codec"
)

func TestParsePacket(t *testing.T) {
	base := func(first byte, rest ...byte) []byte {
		b := append([]byte{first, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, rest...)
		return b
	}
	tests := map[string]struct {
		in      []byte
		payload int // -1: refused
	}{
		"plain":                   {base(0x80, 1, 2, 3), 3},
		"empty payload":           {base(0x80), 0},
		"short":                   {base(0x80)[:11], -1},
		"version 1":               {base(0x40, 1), -1},
		"fifteen CSRCs":           {base(0x8F, make([]byte, 61)...), 1},
		"fifteen CSRCs, cut":      {base(0x8F, make([]byte, 59)...), -1},
		"extension":               {base(0x90, 0, 0, 0, 1, 9, 9, 9, 9, 1), 1},
		"extension of 65535":      {base(0x90, 0, 0, 0xFF, 0xFF, 1, 1, 1, 1), -1},
		"extension, cut":          {base(0x90, 0, 0, 0), -1},
		"padding":                 {base(0xA0, 7, 7, 0, 2), 2},
		"padding over the packet": {base(0xA0, 7, 200), -1},
		"padding of nothing":      {base(0xA0, 7, 0), -1},
		"padding into the header": {base(0xA0, 2, 3), -1},
		"too long":                {base(0x80, make([]byte, maxDatagram)...), -1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p, ok := parsePacket(tc.in)
			if ok != (tc.payload >= 0) || ok && len(p.payload) != tc.payload {
				t.Errorf("parsed %v with %d bytes, want %d", ok, len(p.payload), tc.payload)
			}
		})
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3}, true)
	f.Add([]byte{0xBF, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3}, true)
	f.Add([]byte{0x90, 108, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0xFF, 0xFF}, true)
	f.Add([]byte{0x81, 200, 0, 6, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Add([]byte{0x81, 203, 0, 1, 0, 0, 0, 3, 0x81, 202, 0, 2, 0, 0, 0, 3, 1, 200, 65, 65}, false)
	f.Fuzz(func(t *testing.T, b []byte, onRTP bool) {
		d := newDesk(t)
		contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMU)
		d.wire(both(contactLeg, personLeg)...)
		tape := &reel{}
		d.room().record(d.w, contactLeg, personLeg, tape)
		d.talk(100*time.Millisecond, 0, contact, person)
		for i := range 4 { // the same again under other numbers and from elsewhere
			if onRTP {
				person.leg.receive(d.now, person.addr, b)
				person.leg.receive(d.now, netip.MustParseAddrPort("192.0.2.9:9"), b)
			} else {
				person.leg.receiveReport(d.now, person.addr, b)
			}
			if len(b) >= 12 {
				binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+uint16(1+i*2999))
			}
			d.advance(100 * time.Millisecond)
		}
		d.talk(100*time.Millisecond, 0, contact, person)
		d.untape()
		if len(tape.contact) != 30*codec.FrameSamples || len(tape.person) != 30*codec.FrameSamples {
			t.Fatalf("the tape holds %d and %d samples of 600 ms", len(tape.contact), len(tape.person))
		}
	})
}
