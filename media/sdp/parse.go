package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"

	"tandem/media/codec"
)

// maxPtime is the longest packet time taken seriously, in milliseconds.
const maxPtime = 200

// Parse reads a description. The error wraps ErrBadSDP, or ErrNoAudio when there
// is no audio stream at all; audio that is disabled or encrypted parses, and
// Answer or Accept refuse it.
func Parse(body []byte) (Description, error) { return parse(body, false) }

// ParseSecure is Parse, but of several audio streams it takes the one that is
// encrypted with keys in SDP.
func ParseSecure(body []byte) (Description, error) { return parse(body, true) }

func parse(body []byte, secure bool) (Description, error) {
	cut, err := scan(body)
	if err != nil {
		return Description{}, err
	}
	index, ok := cut.audio(secure)
	if !ok {
		return Description{}, ErrNoAudio
	}
	d := Description{Streams: cut.streams, Audio: index}
	stream := cut.streams[index]
	d.Port, d.Secure = stream.Port, stream.secure()
	if !stream.plain() && !d.Secure {
		return Description{}, fmt.Errorf("%w: audio over %s", ErrNoAudio, stream.Proto)
	}

	var parsed pion.SessionDescription
	if err := parsed.UnmarshalString(cut.text(index)); err != nil {
		return Description{}, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	if len(parsed.MediaDescriptions) != 1 {
		return Description{}, fmt.Errorf("%w: %d streams in one", ErrBadSDP, len(parsed.MediaDescriptions))
	}
	d.ID, d.Version = parsed.Origin.SessionID, parsed.Origin.SessionVersion
	media := parsed.MediaDescriptions[0]
	if d.Address, err = address(&parsed, media); err != nil {
		return Description{}, err
	}
	if d.Formats, err = formats(media); err != nil {
		return Description{}, err
	}
	d.TelephoneEvent = find(d.Formats, "TELEPHONE-EVENT")
	d.ComfortNoise = find(d.Formats, "CN")
	d.Direction = direction(&parsed, media)
	d.Crypto = crypto(media)
	if err := d.packetTime(media); err != nil {
		return Description{}, err
	}
	return d, d.control(media)
}

// address returns the connection address of the stream, or else the session's.
// A name instead of an address is refused: nothing is looked up for a peer.
func address(s *pion.SessionDescription, m *pion.MediaDescription) (netip.Addr, error) {
	c := m.ConnectionInformation
	if c == nil {
		c = s.ConnectionInformation
	}
	if c == nil || c.Address == nil {
		return netip.Addr{}, fmt.Errorf("%w: no connection address", ErrBadSDP)
	}
	if c.Address.TTL != nil || c.Address.Range != nil {
		return netip.Addr{}, fmt.Errorf("%w: multicast connection address", ErrBadSDP)
	}
	return parseAddr(c.Address.Address)
}

func parseAddr(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: connection address %.64q", ErrBadSDP, s)
	}
	return addr.Unmap(), nil
}

// static holds the payload types that need no rtpmap (RFC 3551 section 6) among
// those that a telephone may offer.
func static(payloadType uint8) (Format, bool) {
	f := Format{PayloadType: payloadType, Clock: codec.Rate, Channels: 1}
	switch payloadType {
	case 0:
		f.Name = "PCMU"
	case 3:
		f.Name = "GSM"
	case 4:
		f.Name = "G723"
	case 8:
		f.Name = "PCMA"
	case 9:
		f.Name = "G722"
	case 13:
		f.Name = "CN"
	case 18:
		f.Name = "G729"
	default:
		return f, false
	}
	return f, true
}

// formats returns the formats of the m= line, in its order, each described by its
// rtpmap and fmtp. Of a payload type that stands there twice the first counts.
func formats(m *pion.MediaDescription) ([]Format, error) {
	rtpmap, fmtp := perFormat(m, "rtpmap"), perFormat(m, "fmtp")
	out := make([]Format, 0, len(m.MediaName.Formats))
	var seen [128]bool
	for _, field := range m.MediaName.Formats {
		n, err := strconv.ParseUint(field, 10, 8)
		if err != nil || n >= uint64(len(seen)) {
			return nil, fmt.Errorf("%w: payload type %.12q", ErrBadSDP, field)
		}
		if seen[n] {
			continue
		}
		seen[n] = true
		f, _ := static(uint8(n))
		if mapping, ok := rtpmap[uint8(n)]; ok {
			if f, err = parseRTPMap(uint8(n), mapping); err != nil {
				return nil, err
			}
		}
		f.FMTP = fmtp[uint8(n)]
		out = append(out, f)
	}
	return out, nil
}

// perFormat collects the values of an attribute that begins with a payload type.
func perFormat(m *pion.MediaDescription, key string) map[uint8]string {
	values := make(map[uint8]string)
	for _, a := range m.Attributes {
		if a.Key != key {
			continue
		}
		number, value, _ := strings.Cut(strings.TrimSpace(a.Value), " ")
		n, err := strconv.ParseUint(number, 10, 7)
		if _, taken := values[uint8(n)]; err == nil && !taken {
			values[uint8(n)] = strings.TrimSpace(value)
		}
	}
	return values
}

// parseRTPMap reads "name/clock[/channels]".
func parseRTPMap(payloadType uint8, value string) (Format, error) {
	name, rest, _ := strings.Cut(value, "/")
	clock, channels, stereo := strings.Cut(rest, "/")
	f := Format{PayloadType: payloadType, Name: strings.ToUpper(strings.TrimSpace(name)), Channels: 1}
	n, err := strconv.ParseUint(strings.TrimSpace(clock), 10, 32)
	if err != nil || n == 0 || f.Name == "" {
		return f, fmt.Errorf("%w: rtpmap %.64q", ErrBadSDP, value)
	}
	f.Clock = uint32(n)
	if stereo {
		count, err := strconv.ParseUint(strings.TrimSpace(channels), 10, 8)
		if err != nil || count == 0 {
			return f, fmt.Errorf("%w: rtpmap %.64q", ErrBadSDP, value)
		}
		f.Channels = uint8(count)
	}
	return f, nil
}

// crypto returns the keys that we can use, in the peer's order.
func crypto(m *pion.MediaDescription) (keys []Crypto) {
	for _, a := range m.Attributes {
		if a.Key != "crypto" {
			continue
		}
		if key, ok := parseCrypto(a.Value); ok && len(keys) < maxCrypto {
			keys = append(keys, key)
		}
	}
	return keys
}

// find returns the payload type of the first format of that name at 8000 Hz.
func find(formats []Format, name string) uint8 {
	for _, f := range formats {
		if f.Name == name && f.Clock == codec.Rate {
			return f.PayloadType
		}
	}
	return NoPayloadType
}

// direction returns the stream's direction, else the session's, else both ways
// (RFC 8866 section 6.7).
func direction(s *pion.SessionDescription, m *pion.MediaDescription) Direction {
	for _, attributes := range [][]pion.Attribute{m.Attributes, s.Attributes} {
		for _, a := range attributes {
			for _, d := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
				if a.Key == d.String() {
					return d
				}
			}
		}
	}
	return SendRecv
}

// packetTime reads ptime. A length of nothing, or of ages, is no packet time.
func (d *Description) packetTime(m *pion.MediaDescription) error {
	value, ok := m.Attribute("ptime")
	if !ok {
		return nil
	}
	number, _, _ := strings.Cut(strings.TrimSpace(value), ".") // some write 20.0
	ms, err := strconv.Atoi(number)
	if err != nil || ms < 1 || ms > maxPtime {
		return fmt.Errorf("%w: ptime %.12q", ErrBadSDP, value)
	}
	d.Ptime = ms
	return nil
}

// control finds where RTCP goes: the port after RTP's, unless rtcp (RFC 3605) or
// rtcp-mux (RFC 5761) says otherwise.
func (d *Description) control(m *pion.MediaDescription) error {
	_, d.RTCPMux = m.Attribute("rtcp-mux")
	d.RTCP = netip.AddrPortFrom(d.Address, d.Port+1)
	if d.Port == 0 || d.Port == 65535 {
		d.RTCP = netip.AddrPortFrom(d.Address, d.Port)
	}
	value, ok := m.Attribute("rtcp")
	if !ok {
		return nil
	}
	fields := strings.Fields(value)
	if len(fields) != 1 && len(fields) != 4 {
		return fmt.Errorf("%w: rtcp %.64q", ErrBadSDP, value)
	}
	port, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return fmt.Errorf("%w: rtcp %.64q", ErrBadSDP, value)
	}
	addr := d.Address
	if len(fields) == 4 {
		if addr, err = parseAddr(fields[3]); err != nil {
			return err
		}
	}
	if port != 0 {
		d.RTCP = netip.AddrPortFrom(addr, uint16(port))
	}
	return nil
}
