package media

import (
	"bytes"
	"errors"
	"fmt"

	"tandem/call"
	"tandem/media/sdp"
	"tandem/media/srtp"
)

// Encryption says whether a leg's audio is SRTP with keys in SDP (RFC 4568).
type Encryption uint8

// The kinds of encryption.
const (
	// EncryptionOff is plain RTP alone.
	EncryptionOff Encryption = iota
	// EncryptionOptional is SRTP with peers that can, as long as the signalling
	// hides the keys, and with those that will have nothing else.
	EncryptionOptional
	// EncryptionRequired is SRTP or no call, and no call either where the keys
	// could be read on their way.
	EncryptionRequired
)

// ErrExposed says that encryption is required where signalling shows the keys.
var ErrExposed = errors.New("SRTP is required, and the signalling would show its keys")

// encryption is what a leg wants of its SDP.
func (s *Settings) encryption(spec call.MediaSpec) (sdp.Encryption, error) {
	wanted := s.TrunkEncryption[spec.Trunk]
	if spec.Trunk == "" {
		wanted = s.UserEncryption[spec.User]
	}
	switch {
	case wanted == EncryptionOff:
		return sdp.EncryptionOff, nil
	case wanted == EncryptionOptional && spec.Secure:
		return sdp.EncryptionPreferred, nil
	case wanted == EncryptionOptional:
		return sdp.EncryptionOnDemand, nil
	case spec.Secure:
		return sdp.EncryptionRequired, nil
	}
	return sdp.EncryptionOff, ErrExposed
}

// protection is the SRTP of a leg: what it sends and what it is sent.
type protection struct {
	out *srtp.Sender
	in  *srtp.Receiver
}

// ciphers keeps the SRTP of a line across its offers and answers. Our own keys
// hold for the leg's life, and a Sender as long as its key: begun anew it would
// use a key stream twice.
type ciphers struct {
	senders map[string]*srtp.Sender // by suite
	theirs  *sdp.Keys               // that in was made of
	in      *srtp.Receiver
}

// agree returns the protection under keys; nil for plain RTP. The same keys of
// the peer go on where they were.
func (c *ciphers) agree(keys *sdp.Keys) (*protection, error) {
	if keys == nil {
		return nil, nil //nolint:nilnil // plain RTP is no error
	}
	suite, ok := srtp.SuiteOf(keys.Suite)
	if !ok {
		return nil, fmt.Errorf("%w: %s", sdp.ErrSRTP, keys.Suite)
	}
	out := c.senders[keys.Suite]
	if out == nil {
		var err error
		if out, err = srtp.NewSender(suite, keys.Ours); err != nil {
			return nil, err
		}
		if c.senders == nil {
			c.senders = make(map[string]*srtp.Sender)
		}
		c.senders[keys.Suite] = out
	}
	if !sameKey(c.theirs, keys) {
		in, err := srtp.NewReceiver(suite, keys.Theirs, keys.TheirMKI)
		if err != nil {
			return nil, err
		}
		c.theirs, c.in = keys, in
	}
	return &protection{out: out, in: c.in}, nil
}

// sameKey tells whether a peer's key is still the one that it was.
func sameKey(old, now *sdp.Keys) bool {
	return old != nil && old.Suite == now.Suite && bytes.Equal(old.Theirs, now.Theirs) && bytes.Equal(old.TheirMKI, now.TheirMKI)
}

// rekey takes new terms over from the old: a peer that changed its key may go on
// counting where it was.
func (p *protection) rekey(old *terms) {
	if p != nil && old != nil && old.srtp != nil && old.srtp.in != p.in {
		p.in.Follow(old.srtp.in)
	}
}

// unprotect returns a datagram of RTP as it was before SRTP; false when it is not
// the peer's, or came before.
func (l *leg) unprotect(b []byte) ([]byte, bool) {
	if l.terms == nil || l.terms.srtp == nil {
		return b, true
	}
	b, err := l.terms.srtp.in.Unprotect(b)
	return b, l.authentic(err)
}

// unprotectReport is unprotect for RTCP.
func (l *leg) unprotectReport(b []byte) ([]byte, bool) {
	if l.terms == nil || l.terms.srtp == nil {
		return b, true
	}
	b, err := l.terms.srtp.in.UnprotectRTCP(b)
	return b, l.authentic(err)
}

// authentic counts what is not.
func (l *leg) authentic(err error) bool {
	if err != nil {
		l.room.host.counters.forged.Add(1)
	}
	return err == nil
}

// protect returns a packet as it goes out, in its place; false when it must not.
func (l *leg) protect(b []byte) ([]byte, bool) {
	if l.terms.srtp == nil {
		return b, true
	}
	b, err := l.terms.srtp.out.Protect(b)
	return b, err == nil
}

// protectReport is protect for RTCP.
func (l *leg) protectReport(b []byte) ([]byte, error) {
	if l.terms.srtp == nil {
		return b, nil
	}
	return l.terms.srtp.out.ProtectRTCP(b)
}
