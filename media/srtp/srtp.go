// Package srtp owns the encryption of media (RFC 3711, RFC 7714): it protects
// RTP and RTCP packets in place under one master key for each direction, and
// takes off the protection of the peer's. Nothing is allocated for a packet. How
// the keys come to both sides is not its business.
//
// A Sender and a Receiver each belong to one goroutine.
package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Why a packet is refused. Such a packet changes nothing.
var (
	// ErrForged says that a packet was not made with the key, or was changed.
	ErrForged = errors.New("srtp: authentication failed")
	// ErrReplayed says that a packet came before, or is too old to tell.
	ErrReplayed = errors.New("srtp: replayed packet")
	// ErrMalformed says that a packet is none.
	ErrMalformed = errors.New("srtp: malformed packet")
	// ErrExhausted says that a key has protected as many packets as it may (RFC
	// 3711 section 9.2).
	ErrExhausted = errors.New("srtp: key is worn out")
)

// MaxOverhead is how many bytes protection adds to a packet at most.
const MaxOverhead = 20

const (
	headerSize        = 12   // of RTP
	controlHeaderSize = 8    // of RTCP, what stays readable
	indexSize         = 4    // of SRTCP
	maxPacket         = 2048 // protected
	maxPlain          = maxPacket - MaxOverhead
	maxControlIndex   = 1<<31 - 1
	maxIndex          = 1<<48 - 1
	encrypted         = 1 << 31 // the E bit of SRTCP
)

// Suite is a cipher with its authentication and their sizes.
type Suite uint8

// The suites.
const (
	AESCM128SHA180 Suite = iota + 1 // RFC 3711, RFC 4568 section 6.2.1
	AEADAES128GCM                   // RFC 7714
)

// SuiteOf returns the suite of a name as it is registered for SDP.
func SuiteOf(name string) (Suite, bool) {
	for _, s := range []Suite{AESCM128SHA180, AEADAES128GCM} {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

// String returns the name that is registered for SDP.
func (s Suite) String() string {
	switch s {
	case AESCM128SHA180:
		return "AES_CM_128_HMAC_SHA1_80"
	case AEADAES128GCM:
		return "AEAD_AES_128_GCM"
	}
	return "unknown"
}

// KeySize is the length of a master key and its salt together, in bytes.
func (s Suite) KeySize() int {
	switch s {
	case AESCM128SHA180:
		return masterKeySize + 14
	case AEADAES128GCM:
		return masterKeySize + 12
	}
	return 0
}

// transform is a suite at work under its session keys. A packet is changed in
// place; what is added goes behind it.
type transform interface {
	// seal protects RTP whose header has head bytes.
	seal(b []byte, head int, ssrc uint32, index uint64) []byte
	// open verifies and decrypts; what it was given is spoilt when it fails.
	open(b []byte, head int, ssrc uint32, index uint64) ([]byte, bool)
	sealControl(b []byte, ssrc, index uint32) []byte
	openControl(b []byte, ssrc, index uint32) ([]byte, bool)
	// trailer is how many bytes follow a master key identifier in a packet.
	trailer() int
}

// newTransform derives the session keys from a master key and its salt.
func newTransform(suite Suite, key []byte) (transform, error) {
	if suite.KeySize() == 0 {
		return nil, fmt.Errorf("srtp: suite %d", suite)
	}
	if len(key) != suite.KeySize() {
		return nil, fmt.Errorf("srtp: %s: key and salt of %d bytes, not %d", suite, len(key), suite.KeySize())
	}
	if suite == AEADAES128GCM {
		return newGalois(key)
	}
	return newCounter(key)
}

// header returns the length of an RTP header with its CSRCs and its extension,
// which stay readable; false when it leads out of the packet.
func header(b []byte) (int, bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return 0, false
	}
	size := headerSize + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if size+4 > len(b) {
			return 0, false
		}
		size += 4 + 4*int(binary.BigEndian.Uint16(b[size+2:]))
	}
	return size, size <= len(b)
}
