package media

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

// FuzzRTP: we read a packet as another reader does, and what we write both read
// alike.
func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 0x88, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{0xBF, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{0x90, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x10, 9, 0, 0, 7})
	f.Add([]byte{0xB1, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 5, 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parsePacket(b)
		var theirs rtp.Packet
		err := theirs.Unmarshal(bytes.Clone(b))
		if !ok {
			if err == nil && b[0]>>6 == rtpVersion && len(b) <= maxDatagram && (!theirs.Padding || b[len(b)-1] != 0) {
				t.Fatalf("%x is refused, and read as %+v", b, theirs)
			}
			return
		}
		if err != nil && b[0]&0x10 == 0 { // the other reader looks into the extension
			t.Fatalf("%x is read as %+v, which is no packet: %v", b, p, err)
		}
		if err == nil {
			alike(t, p, &theirs)
		}
		out := p.write(make([]byte, maxDatagram+headerSize))
		var back rtp.Packet
		if err := back.Unmarshal(out); err != nil {
			t.Fatalf("%x is written as %x: %v", b, out, err)
		}
		alike(t, p, &back)
		if isRTCP(out) != (p.marker && p.kind >= 64 && p.kind <= 95) {
			t.Fatalf("%x is told apart from RTCP wrongly", out)
		}
	})
}

func alike(t *testing.T, p packet, q *rtp.Packet) {
	t.Helper()
	if p.marker != q.Marker || p.kind != q.PayloadType || p.seq != q.SequenceNumber || p.timestamp != q.Timestamp ||
		p.ssrc != q.SSRC || !bytes.Equal(p.payload, q.Payload) {
		t.Fatalf("%+v and %+v", p, q)
	}
}
