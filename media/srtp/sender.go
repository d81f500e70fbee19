package srtp

import "encoding/binary"

// Sender protects the packets of one stream: those of one SSRC.
type Sender struct {
	transform transform
	sent      window
	control   uint32 // index of the next RTCP packet
}

// NewSender returns a Sender under a master key followed by its salt.
func NewSender(suite Suite, key []byte) (*Sender, error) {
	t, err := newTransform(suite, key)
	if err != nil {
		return nil, err
	}
	return &Sender{transform: t}, nil
}

// Protect encrypts an RTP packet in place and appends what authenticates it, for
// which b better has room. No sequence number is protected twice: two packets
// under one key stream would give both away, and the authentication key of GCM
// too. Such a packet fails with ErrReplayed.
func (s *Sender) Protect(b []byte) ([]byte, error) {
	head, ok := header(b)
	if !ok || len(b) > maxPlain {
		return nil, ErrMalformed
	}
	seq := binary.BigEndian.Uint16(b[2:])
	index, ok := uint64(seq), true
	if s.sent.begun {
		index, ok = s.sent.guess(seq)
	}
	if !ok && s.sent.highest > maxIndex/2 {
		return nil, ErrExhausted
	}
	if !ok || !s.sent.fresh(index) {
		return nil, ErrReplayed
	}
	s.sent.mark(index)
	return s.transform.seal(b, head, binary.BigEndian.Uint32(b[8:]), index), nil
}

// ProtectRTCP encrypts a compound RTCP packet in place and appends its index and
// what authenticates it (RFC 3711 section 3.4).
func (s *Sender) ProtectRTCP(b []byte) ([]byte, error) {
	if len(b) < controlHeaderSize || len(b) > maxPlain {
		return nil, ErrMalformed
	}
	if s.control > maxControlIndex {
		return nil, ErrExhausted
	}
	index := s.control
	s.control++
	return s.transform.sealControl(b, binary.BigEndian.Uint32(b[4:]), index), nil
}
