package srtp

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what the suite is made of; HMAC-SHA1 is sound
	"encoding/binary"
	"hash"
)

const (
	authKeySize = 20
	authTagSize = 10
)

// counter is AES_CM_128_HMAC_SHA1_80 (RFC 3711 section 4).
type counter struct {
	rtp, rtcp counterKeys
}

// counterKeys are the session keys of RTP or of RTCP, and scratch.
type counterKeys struct {
	stream *keystream
	salt   [sessionSalt]byte
	mac    hash.Hash
	iv     [aes.BlockSize]byte
	sum    [sha1.Size]byte
	roll   [4]byte
}

func newCounter(master []byte) (*counter, error) {
	c := &counter{}
	if err := c.rtp.derive(master, labelKey, labelAuth, labelSalt); err != nil {
		return nil, err
	}
	return c, c.rtcp.derive(master, labelControlKey, labelControlAuth, labelControlSalt)
}

func (k *counterKeys) derive(master []byte, key, auth, salt byte) error {
	session, err := derive(master, key, masterKeySize)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return err
	}
	k.stream = newKeystream(block)
	secret, err := derive(master, auth, authKeySize)
	if err != nil {
		return err
	}
	k.mac = hmac.New(sha1.New, secret)
	bytes, err := derive(master, salt, sessionSalt)
	copy(k.salt[:], bytes)
	return err
}

// cipher encrypts or decrypts b (RFC 3711 section 4.1.1).
func (k *counterKeys) cipher(b []byte, ssrc uint32, index uint64) {
	k.iv = [aes.BlockSize]byte{}
	copy(k.iv[:], k.salt[:])
	high := binary.BigEndian.Uint64(k.iv[:8]) ^ uint64(ssrc)
	binary.BigEndian.PutUint64(k.iv[:8], high)
	low := binary.BigEndian.Uint64(k.iv[8:]) ^ index<<16
	binary.BigEndian.PutUint64(k.iv[8:], low)
	k.stream.xor(b, &k.iv)
}

// tag authenticates b followed by more.
func (k *counterKeys) tag(b, more []byte) []byte {
	k.mac.Reset()
	k.mac.Write(b)
	k.mac.Write(more)
	return k.mac.Sum(k.sum[:0])[:authTagSize]
}

// rollover is what authentication adds to an RTP packet (RFC 3711 section 4.2).
func (k *counterKeys) rollover(index uint64) []byte {
	binary.BigEndian.PutUint32(k.roll[:], uint32(index>>16))
	return k.roll[:]
}

func (c *counter) seal(b []byte, head int, ssrc uint32, index uint64) []byte {
	c.rtp.cipher(b[head:], ssrc, index)
	return append(b, c.rtp.tag(b, c.rtp.rollover(index))...)
}

func (c *counter) open(b []byte, head int, ssrc uint32, index uint64) ([]byte, bool) {
	n := len(b) - authTagSize
	if n < head || !hmac.Equal(b[n:], c.rtp.tag(b[:n], c.rtp.rollover(index))) {
		return nil, false
	}
	c.rtp.cipher(b[head:n], ssrc, index)
	return b[:n], true
}

func (c *counter) sealControl(b []byte, ssrc, index uint32) []byte {
	c.rtcp.cipher(b[controlHeaderSize:], ssrc, uint64(index))
	b = binary.BigEndian.AppendUint32(b, index|encrypted)
	return append(b, c.rtcp.tag(b, nil)...)
}

func (c *counter) openControl(b []byte, ssrc, index uint32) ([]byte, bool) {
	n := len(b) - authTagSize
	if n < controlHeaderSize+indexSize || !hmac.Equal(b[n:], c.rtcp.tag(b[:n], nil)) {
		return nil, false
	}
	n -= indexSize
	c.rtcp.cipher(b[controlHeaderSize:n], ssrc, uint64(index))
	return b[:n], true
}

func (c *counter) trailer() int { return authTagSize }
