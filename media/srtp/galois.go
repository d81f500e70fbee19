package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

const (
	galoisSaltSize = 12
	galoisTagSize  = 16
)

// galois is AEAD_AES_128_GCM (RFC 7714).
type galois struct {
	rtp, rtcp galoisKeys
	control   [controlHeaderSize + indexSize]byte // what authentication adds to RTCP
}

type galoisKeys struct {
	aead cipher.AEAD
	salt [galoisSaltSize]byte
	iv   [galoisSaltSize]byte
}

func newGalois(master []byte) (*galois, error) {
	g := &galois{}
	if err := g.rtp.derive(master, labelKey, labelSalt); err != nil {
		return nil, err
	}
	return g, g.rtcp.derive(master, labelControlKey, labelControlSalt)
}

func (k *galoisKeys) derive(master []byte, key, salt byte) error {
	session, err := derive(master, key, masterKeySize)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return err
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	bytes, err := derive(master, salt, galoisSaltSize)
	copy(k.salt[:], bytes)
	return err
}

// nonce makes the initialization vector of a packet (RFC 7714 sections 8.1 and
// 9.1): the index of RTP has 48 bits, that of RTCP 31.
func (k *galoisKeys) nonce(ssrc uint32, index uint64) []byte {
	binary.BigEndian.PutUint16(k.iv[:], 0)
	binary.BigEndian.PutUint32(k.iv[2:], ssrc)
	binary.BigEndian.PutUint16(k.iv[6:], uint16(index>>32))
	binary.BigEndian.PutUint32(k.iv[8:], uint32(index))
	for i, b := range k.salt {
		k.iv[i] ^= b
	}
	return k.iv[:]
}

func (g *galois) seal(b []byte, head int, ssrc uint32, index uint64) []byte {
	return g.rtp.aead.Seal(b[:head], g.rtp.nonce(ssrc, index), b[head:], b[:head])
}

func (g *galois) open(b []byte, head int, ssrc uint32, index uint64) ([]byte, bool) {
	out, err := g.rtp.aead.Open(b[:head], g.rtp.nonce(ssrc, index), b[head:], b[:head])
	return out, err == nil
}

func (g *galois) sealControl(b []byte, ssrc, index uint32) []byte {
	b = g.rtcp.aead.Seal(b[:controlHeaderSize], g.rtcp.nonce(ssrc, uint64(index)), b[controlHeaderSize:], g.added(b, index))
	return binary.BigEndian.AppendUint32(b, index|encrypted)
}

func (g *galois) openControl(b []byte, ssrc, index uint32) ([]byte, bool) {
	sealed := b[controlHeaderSize : len(b)-indexSize]
	out, err := g.rtcp.aead.Open(b[:controlHeaderSize], g.rtcp.nonce(ssrc, uint64(index)), sealed, g.added(b, index))
	return out, err == nil
}

// added is the associated data of an encrypted RTCP packet (RFC 7714 section 9.2).
func (g *galois) added(b []byte, index uint32) []byte {
	copy(g.control[:], b[:controlHeaderSize])
	binary.BigEndian.PutUint32(g.control[controlHeaderSize:], index|encrypted)
	return g.control[:]
}

func (g *galois) trailer() int { return 0 }
