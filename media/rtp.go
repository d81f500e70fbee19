package media

import "encoding/binary"

const (
	// headerSize is the length of an RTP header without CSRCs or extension.
	headerSize = 12
	// maxDatagram bounds what is read from or written to the wire, in bytes.
	maxDatagram = 1500
	rtpVersion  = 2
)

// packet is one RTP packet (RFC 3550 section 5.1); the payload is borrowed.
type packet struct {
	marker    bool
	kind      uint8 // payload type
	seq       uint16
	timestamp uint32
	ssrc      uint32
	payload   []byte
}

// parsePacket reads a datagram. CSRCs and the header extension are skipped and
// padding is cut off; false when a length leads out of the datagram.
func parsePacket(b []byte) (packet, bool) {
	if len(b) < headerSize || len(b) > maxDatagram || b[0]>>6 != rtpVersion {
		return packet{}, false
	}
	start := headerSize + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if start+4 > len(b) {
			return packet{}, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		padding := int(b[end-1])
		if padding == 0 {
			return packet{}, false
		}
		end -= padding
	}
	if start > end {
		return packet{}, false
	}
	return packet{
		marker:    b[1]&0x80 != 0,
		kind:      b[1] & 0x7F,
		seq:       binary.BigEndian.Uint16(b[2:]),
		timestamp: binary.BigEndian.Uint32(b[4:]),
		ssrc:      binary.BigEndian.Uint32(b[8:]),
		payload:   b[start:end],
	}, true
}

// write puts the packet into b, which has room for it, and returns its bytes.
func (p *packet) write(b []byte) []byte {
	b[0] = rtpVersion << 6
	b[1] = p.kind
	if p.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.timestamp)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	return b[:headerSize+copy(b[headerSize:], p.payload)]
}

// isRTCP tells the two apart where they share a port (RFC 5761 section 4).
func isRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
