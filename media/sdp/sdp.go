// Package sdp owns offer and answer for the audio of a call (RFC 3264, RFC 8866):
// it reads what peers describe, chooses, and writes our own side. Only G.711 and
// telephone events are agreed to; every other medium is declined with port 0.
//
// A body is measured before it is parsed, and only the session part and the
// chosen audio part ever reach the parser.
package sdp

import (
	"errors"
	"net/netip"

	"tandem/media/codec"
)

// Why a description cannot be used. All but ErrBadSDP are answered with 488; so
// is ErrBadSDP in an INVITE (RFC 3261 section 21.4.26).
var (
	// ErrBadSDP says that a body is not a description, or breaks a bound.
	ErrBadSDP = errors.New("malformed SDP")
	// ErrNoAudio says that there is no audio, or that it was declined.
	ErrNoAudio = errors.New("no audio stream")
	// ErrNoCommonCodec says that the audio has no format that we speak.
	ErrNoCommonCodec = errors.New("no common codec")
	// ErrSRTP says that the audio is encrypted in a way that is not wanted or not known.
	ErrSRTP = errors.New("SRTP that cannot be used")
	// ErrPlain says that the audio is not encrypted where it has to be.
	ErrPlain = errors.New("audio without encryption")
)

// NoPayloadType stands for a payload type that was not agreed on.
const NoPayloadType = 0xFF

// Direction says which way audio may flow, as one side sees it.
type Direction uint8

const (
	// Inactive is neither way.
	Inactive Direction = 0
	// SendOnly is away from that side.
	SendOnly Direction = 1
	// RecvOnly is to that side.
	RecvOnly Direction = 2
	// SendRecv is both ways.
	SendRecv Direction = SendOnly | RecvOnly
)

// Sends tells whether that side sends.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives tells whether that side receives.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// Mirror returns the direction as the other side sees it.
func (d Direction) Mirror() Direction { return d&SendOnly<<1 | d&RecvOnly>>1 }

// String returns the direction's attribute name.
func (d Direction) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&SendRecv]
}

// Format is one format of the audio, in the peer's order of preference.
type Format struct {
	PayloadType uint8
	Name        string // encoding name in upper case, empty when unknown
	Clock       uint32 // Hz
	Channels    uint8
	FMTP        string
}

// law returns the G.711 law of a format, if it is one.
func (f Format) law() (codec.Law, bool) {
	if f.Clock != codec.Rate || f.Channels != 1 {
		return 0, false
	}
	switch f.Name {
	case "PCMU":
		return codec.PCMU, true
	case "PCMA":
		return codec.PCMA, true
	}
	return 0, false
}

// Media is the m= line of one stream, as it stands.
type Media struct {
	Kind    string // audio, video, image, application, ...
	Port    uint16 // 0: declined or disabled
	Proto   string // RTP/AVP, RTP/SAVP, udptl, ...
	Formats string // payload types or whatever the protocol calls a format
}

// Description is what a peer said about itself.
type Description struct {
	ID, Version uint64 // of its session (o=)
	Streams     []Media
	Audio       int // index in Streams of the audio that is talked about

	Address   netip.Addr     // where the peer receives; unspecified is old-style hold
	Port      uint16         // RTP
	RTCP      netip.AddrPort // RTCP
	RTCPMux   bool
	Direction Direction // as the peer sees it
	Formats   []Format
	Ptime     int      // milliseconds the peer would like per packet, 0 when it does not say
	Secure    bool     // SRTP is demanded
	Crypto    []Crypto // the keys that can be used, in the peer's order

	TelephoneEvent uint8 // payload type at 8000 Hz, or NoPayloadType
	ComfortNoise   uint8 // payload type at 8000 Hz, or NoPayloadType
}

// Remote returns where the peer receives RTP.
func (d *Description) Remote() netip.AddrPort { return netip.AddrPortFrom(d.Address, d.Port) }

// Held tells whether the peer does not want to hear us: it only sends, is
// inactive, or has the old-style hold address (RFC 3264 section 8.4).
func (d *Description) Held() bool { return !d.effective().Receives() }

// effective is the peer's direction with its hold address taken into account.
func (d *Description) effective() Direction {
	if d.Address.IsUnspecified() {
		return d.Direction &^ RecvOnly
	}
	return d.Direction
}

// Local is our own side of a description.
type Local struct {
	ID, Version uint64 // o=: the id never changes in a dialog, the version grows with each change
	Address     netip.Addr
	Port        uint16 // RTP
	RTCP        uint16 // Port+1 when zero
	RTCPMux     bool   // agree to RTCP on the RTP port when the peer can

	Laws      []codec.Law // that we speak, and offer in this order; PCMA, PCMU when empty
	Preferred []codec.Law // answers take the first of these that is offered, before the peer's order
	Direction Direction   // what we want

	Encryption Encryption
	Crypto     []Crypto // our keys, one for each suite; needed unless Encryption is off

	// TelephoneEvent is the payload type at which we offer telephone events;
	// 101 when zero, none when NoPayloadType.
	TelephoneEvent uint8
}

// Chosen is what both sides agreed on.
type Chosen struct {
	Law            codec.Law
	PayloadType    uint8 // of Law, in both directions
	TelephoneEvent uint8 // payload type, or NoPayloadType
	ComfortNoise   uint8 // payload type, or NoPayloadType
	Remote         netip.AddrPort
	RemoteRTCP     netip.AddrPort // may name another host: check it like Remote
	RTCPMux        bool
	Direction      Direction // as we see it
	Ptime          int       // milliseconds the peer would like, 20 when it does not say
	Keys           *Keys     // nil: plain RTP
}
