package srtp

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// maxStreams is how many SSRCs of a peer are remembered; only packets that are
// authentic count, so a stranger pushes none of them out.
const maxStreams = 8

// Receiver takes the protection off a peer's packets.
type Receiver struct {
	transform transform
	mki       []byte
	streams   []stream // the one that is new last
	heir      stream   // of a key before this one
	copied    [maxPacket]byte
}

// stream is what is known of one SSRC.
type stream struct {
	ssrc         uint32
	rtp, control window
}

// NewReceiver returns a Receiver under a master key followed by its salt. mki is
// the master key identifier that the peer's packets carry, or empty.
func NewReceiver(suite Suite, key, mki []byte) (*Receiver, error) {
	t, err := newTransform(suite, key)
	if err != nil {
		return nil, err
	}
	return &Receiver{transform: t, mki: mki, streams: make([]stream, 0, maxStreams)}, nil
}

// Follow tells the Receiver of the one whose key it replaces: a peer that changes
// its key may go on counting (RFC 3711 section 3.3.1) or begin anew.
func (r *Receiver) Follow(old *Receiver) {
	if n := len(old.streams); n > 0 {
		r.heir = old.streams[n-1]
	}
}

// Unprotect verifies and decrypts an SRTP packet in place and returns the RTP
// packet. What b held is spoilt when it fails.
func (r *Receiver) Unprotect(b []byte) ([]byte, error) {
	b, ok := r.identified(b)
	if !ok {
		return nil, ErrMalformed
	}
	head, ok := header(b)
	if !ok {
		return nil, ErrMalformed
	}
	seq, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:])
	s := r.stream(ssrc)
	if s == nil || !s.rtp.begun {
		return r.first(b, head, ssrc, seq)
	}
	index, ok := s.rtp.guess(seq)
	if !ok || !s.rtp.fresh(index) {
		return nil, ErrReplayed
	}
	out, ok := r.transform.open(b, head, ssrc, index)
	if !ok {
		return nil, ErrForged
	}
	s.rtp.mark(index)
	return out, nil
}

// first takes the first packet of a stream. How often its sequence numbers have
// wrapped is not known: not at all, once when we missed the beginning, or as
// often as under the key before.
func (r *Receiver) first(b []byte, head int, ssrc uint32, seq uint16) ([]byte, error) {
	guesses := [3]uint64{uint64(seq), uint64(seq) | 1<<16, uint64(seq)}
	if inherited, ok := r.heir.rtp.guess(seq); ok && r.heir.rtp.begun && r.heir.ssrc == ssrc {
		guesses[2] = inherited
	}
	for i, index := range guesses {
		if i > 0 && slices.Contains(guesses[:i], index) {
			continue
		}
		sealed := r.copied[:copy(r.copied[:], b)]
		if out, ok := r.transform.open(sealed, head, ssrc, index); ok {
			r.enter(ssrc).rtp.mark(index)
			return b[:copy(b, out)], nil
		}
	}
	return nil, ErrForged
}

// UnprotectRTCP verifies and decrypts an SRTCP packet in place and returns the
// RTCP packet. One that is not encrypted is forged: we agree to none.
func (r *Receiver) UnprotectRTCP(b []byte) ([]byte, error) {
	b, ok := r.identified(b)
	if !ok || len(b) < controlHeaderSize+indexSize+r.transform.trailer() {
		return nil, ErrMalformed
	}
	word := binary.BigEndian.Uint32(b[len(b)-r.transform.trailer()-indexSize:])
	ssrc, index := binary.BigEndian.Uint32(b[4:]), word&^encrypted
	s := r.stream(ssrc)
	if s != nil && !s.control.fresh(uint64(index)) {
		return nil, ErrReplayed
	}
	if word&encrypted == 0 {
		return nil, ErrForged
	}
	out, ok := r.transform.openControl(b, ssrc, index)
	if !ok {
		return nil, ErrForged
	}
	if s == nil {
		s = r.enter(ssrc)
	}
	s.control.mark(uint64(index))
	return out, nil
}

// identified cuts the master key identifier out of a packet.
func (r *Receiver) identified(b []byte) ([]byte, bool) {
	end := len(b) - r.transform.trailer()
	begin := end - len(r.mki)
	if begin < 0 || len(b) > maxPacket || !bytes.Equal(b[begin:end], r.mki) {
		return nil, false
	}
	return b[:begin+copy(b[begin:], b[end:])], true
}

func (r *Receiver) stream(ssrc uint32) *stream {
	for i := len(r.streams) - 1; i >= 0; i-- {
		if r.streams[i].ssrc == ssrc {
			return &r.streams[i]
		}
	}
	return nil
}

// enter returns the stream of an SSRC, a new one in place of the oldest.
func (r *Receiver) enter(ssrc uint32) *stream {
	if s := r.stream(ssrc); s != nil {
		return s
	}
	if len(r.streams) == maxStreams {
		r.streams = slices.Delete(r.streams, 0, 1)
	}
	r.streams = append(r.streams, stream{ssrc: ssrc})
	return &r.streams[len(r.streams)-1]
}
