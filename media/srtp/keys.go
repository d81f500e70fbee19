package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

const (
	masterKeySize = 16
	sessionSalt   = 14 // as key derivation counts it; shorter ones end in zeros
)

// The labels of key derivation (RFC 3711 section 4.3.2).
const (
	labelKey         = 0
	labelAuth        = 1
	labelSalt        = 2
	labelControlKey  = 3
	labelControlAuth = 4
	labelControlSalt = 5
)

// derive returns size bytes of session key for a label (RFC 3711 section 4.3.3),
// with a key derivation rate of zero. master is a key with its salt; a salt of 96
// bits is filled up with zeros (RFC 7714 section 11).
func derive(master []byte, label byte, size int) ([]byte, error) {
	block, err := aes.NewCipher(master[:masterKeySize])
	if err != nil {
		return nil, fmt.Errorf("srtp: master key: %w", err)
	}
	var iv [aes.BlockSize]byte
	copy(iv[:sessionSalt], master[masterKeySize:])
	iv[7] ^= label
	out := make([]byte, size)
	newKeystream(block).xor(out, &iv)
	return out, nil
}

// keystream is AES in counter mode with a counter of 16 bits (RFC 3711 section
// 4.1.1). The standard library's allocates for each packet.
type keystream struct {
	block   cipher.Block
	counter [aes.BlockSize]byte
	pad     [aes.BlockSize]byte
}

func newKeystream(block cipher.Block) *keystream { return &keystream{block: block} }

// xor encrypts or decrypts b, of at most a mebibyte, in place.
func (k *keystream) xor(b []byte, iv *[aes.BlockSize]byte) {
	k.counter = *iv
	for n := uint16(0); len(b) > 0; n++ {
		binary.BigEndian.PutUint16(k.counter[14:], n)
		k.block.Encrypt(k.pad[:], k.counter[:])
		b = b[subtle.XORBytes(b, b, k.pad[:]):]
	}
}
