package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Encryption is what one side wants of SRTP keyed by SDES (RFC 4568).
type Encryption uint8

// The kinds of encryption.
const (
	// EncryptionOff neither offers nor takes SRTP.
	EncryptionOff Encryption = iota
	// EncryptionOnDemand takes SRTP from a peer that will have nothing else, and
	// offers none: where keys are readable on their way it protects little.
	EncryptionOnDemand
	// EncryptionPreferred offers keys in plain RTP, as most telephones do, and
	// takes SRTP whenever the peer can.
	EncryptionPreferred
	// EncryptionRequired offers and takes nothing but SRTP.
	EncryptionRequired
)

// The suites that are negotiated, by their registered names.
const (
	SuiteAESCM = "AES_CM_128_HMAC_SHA1_80"
	SuiteGCM   = "AEAD_AES_128_GCM"
)

const (
	maxCrypto    = 16 // lines that are looked at
	maxTagDigits = 9  // RFC 4568 section 9.1
	maxMKI       = 128
	maxLifetime  = 48 // bits, of SRTP packets (RFC 3711 section 9.2)
)

// Crypto is the key of one direction: a line a=crypto.
type Crypto struct {
	Tag   int
	Suite string
	Key   []byte // master key, then salt
	MKI   []byte // that packets carry, or empty
}

// Keys is the outcome of a negotiation: the keys of both directions.
type Keys struct {
	Suite        string
	Ours, Theirs []byte // what we protect with, what the peer does
	TheirMKI     []byte // that the peer's packets carry, or empty

	tag int // of the line that was taken
}

// keySize is the length of a suite's master key and salt, 0 for one that we do
// not have.
func keySize(suite string) int {
	switch suite {
	case SuiteAESCM:
		return 16 + 14
	case SuiteGCM:
		return 16 + 12
	}
	return 0
}

// NewCrypto makes a key for each suite, in our order of preference. They hold for
// the life of a stream, so that offering again changes no key.
func NewCrypto() []Crypto {
	suites := []string{SuiteGCM, SuiteAESCM}
	all := make([]Crypto, len(suites))
	for i, suite := range suites {
		key := make([]byte, keySize(suite))
		_, _ = rand.Read(key) // never fails
		all[i] = Crypto{Tag: i + 1, Suite: suite, Key: key}
	}
	return all
}

// String returns the attribute's value. It holds the key.
func (c Crypto) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Suite, base64.StdEncoding.EncodeToString(c.Key))
}

// parseCrypto reads the value of an attribute (RFC 4568 section 9.1); false when
// it is none, when we do not have its suite, or when it asks for what we do not
// do: such a line counts as not there (section 5.1.2).
func parseCrypto(value string) (Crypto, bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Crypto{}, false
	}
	tag, ok := digits(fields[0], maxTagDigits)
	c := Crypto{Tag: tag, Suite: strings.ToUpper(fields[1])}
	method, key, _ := strings.Cut(fields[2], ":")
	if !ok || keySize(c.Suite) == 0 || !strings.EqualFold(method, "inline") {
		return Crypto{}, false
	}
	for _, parameter := range fields[3:] {
		if !harmless(parameter) {
			return Crypto{}, false
		}
	}
	return c, c.inline(key)
}

// inline reads "key[|lifetime][|MKI:length]". Several keys in one line are not
// taken.
func (c *Crypto) inline(value string) bool {
	parts := strings.Split(value, "|")
	key, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil { // some leave out the padding
		key, err = base64.RawStdEncoding.DecodeString(parts[0])
	}
	if err != nil || len(key) != keySize(c.Suite) || len(parts) > 3 {
		return false
	}
	c.Key = key
	rest := parts[1:]
	if len(rest) > 0 && !strings.Contains(rest[0], ":") {
		if !lifetime(rest[0]) {
			return false
		}
		rest = rest[1:]
	}
	return len(rest) == 0 || len(rest) == 1 && c.identifier(rest[0])
}

// lifetime reads a number of packets, as it stands or as a power of two. Ours are
// never so many that it would matter.
func lifetime(value string) bool {
	if power, ok := strings.CutPrefix(value, "2^"); ok {
		n, ok := digits(power, 2)
		return ok && n > 0 && n <= maxLifetime
	}
	n, err := strconv.ParseUint(value, 10, 64)
	return err == nil && n > 0 && n <= 1<<maxLifetime
}

// identifier reads "value:length" of a master key identifier.
func (c *Crypto) identifier(value string) bool {
	number, length, _ := strings.Cut(value, ":")
	n, err := strconv.ParseUint(number, 10, 64)
	size, ok := digits(length, 3)
	if err != nil || !ok || size < 1 || size > maxMKI || size < 8 && n>>(8*size) != 0 {
		return false
	}
	c.MKI = make([]byte, size)
	for i := size - 1; i >= 0; i, n = i-1, n>>8 {
		c.MKI[i] = byte(n)
	}
	return true
}

// harmless tells whether a session parameter changes nothing for us: the size of
// the peer's replay window, and what the peer says may be ignored (RFC 4568
// sections 6.3.7 and 6.3.8).
func harmless(parameter string) bool {
	size, ok := strings.CutPrefix(strings.ToUpper(parameter), "WSH=")
	if !ok {
		return strings.HasPrefix(parameter, "-")
	}
	n, ok := digits(size, 9)
	return ok && n >= 64
}

// digits reads a number of so many digits at most.
func digits(s string, most int) (int, bool) {
	if s == "" || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// agreeKeys settles the encryption with a description of the peer. In an answer
// the tag tells which of our keys was taken; of an offer the first line that we
// can use is. Nil without an error is plain RTP. The error wraps ErrSRTP or
// ErrPlain.
func (l Local) agreeKeys(d *Description, answer bool) (*Keys, error) {
	proto := d.Streams[d.Audio].Proto
	if d.Secure && (l.Encryption == EncryptionOff || !d.Streams[d.Audio].sdes()) {
		return nil, fmt.Errorf("%w: %s", ErrSRTP, proto)
	}
	if !d.Secure && l.Encryption < EncryptionPreferred {
		return nil, nil
	}
	for _, theirs := range d.Crypto {
		for _, ours := range l.Crypto {
			if ours.Suite == theirs.Suite && (!answer || ours.Tag == theirs.Tag) {
				return &Keys{Suite: ours.Suite, Ours: ours.Key, Theirs: theirs.Key, TheirMKI: theirs.MKI, tag: theirs.Tag}, nil
			}
		}
	}
	switch {
	case d.Secure:
		return nil, fmt.Errorf("%w: %s without a key that we can use", ErrSRTP, proto)
	case l.Encryption == EncryptionRequired:
		return nil, fmt.Errorf("%w: %s", ErrPlain, proto)
	}
	return nil, nil
}
