package sdp

import (
	"fmt"
	"net/netip"
	"strings"

	"tandem/media/codec"
)

// Offer writes our own description: G.711 in our order and telephone events, one
// audio stream (RFC 3264 section 5).
func Offer(local Local) []byte {
	var b strings.Builder
	local.writeSession(&b)
	formats := make([]Format, 0, 3)
	for _, law := range local.laws() {
		formats = append(formats, g711(uint8(law), law))
	}
	if event := local.event(); event != NoPayloadType {
		formats = append(formats, telephoneEvent(event))
	}
	part := audioPart{
		proto: "RTP/AVP", port: local.Port, rtcp: local.RTCP, mux: local.RTCPMux,
		formats: formats, direction: local.Direction,
	}
	if local.Encryption >= EncryptionPreferred {
		part.crypto = local.Crypto
	}
	if local.Encryption == EncryptionRequired {
		part.proto = "RTP/SAVP"
	}
	writeAudio(&b, part)
	return []byte(b.String())
}

func (l Local) writeAnswer(offer Description, c Chosen) []byte {
	var b strings.Builder
	l.writeSession(&b)
	formats := []Format{g711(c.PayloadType, c.Law)}
	if c.TelephoneEvent != NoPayloadType {
		formats = append(formats, telephoneEvent(c.TelephoneEvent))
	}
	if c.ComfortNoise != NoPayloadType {
		formats = append(formats, Format{PayloadType: c.ComfortNoise, Name: "CN", Clock: codec.Rate})
	}
	var key []Crypto
	if k := c.Keys; k != nil {
		key = []Crypto{{Tag: k.tag, Suite: k.Suite, Key: k.Ours}}
	}
	for i, m := range offer.Streams {
		if i != offer.Audio {
			fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", m.Kind, m.Proto, m.Formats)
			continue
		}
		writeAudio(&b, audioPart{
			proto: m.Proto, port: l.Port, rtcp: l.RTCP, mux: c.RTCPMux,
			formats: formats, direction: c.Direction, crypto: key,
		})
	}
	return []byte(b.String())
}

func g711(payloadType uint8, law codec.Law) Format {
	return Format{PayloadType: payloadType, Name: law.String(), Clock: codec.Rate}
}

// telephoneEvent describes the keys 0-9 * # A-D and flash (RFC 4733 section 7.1.1).
func telephoneEvent(payloadType uint8) Format {
	return Format{PayloadType: payloadType, Name: "telephone-event", Clock: codec.Rate, FMTP: "0-16"}
}

func (l Local) writeSession(b *strings.Builder) {
	family := family(l.Address)
	fmt.Fprintf(b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.ID, l.Version, family, l.Address, family, l.Address)
}

func family(a netip.Addr) string {
	if a.Is4() || a.Is4In6() {
		return "IP4"
	}
	return "IP6"
}

type audioPart struct {
	proto      string
	port, rtcp uint16
	mux        bool
	formats    []Format
	direction  Direction
	crypto     []Crypto
}

func writeAudio(b *strings.Builder, a audioPart) {
	fmt.Fprintf(b, "m=audio %d %s", a.port, a.proto)
	for _, f := range a.formats {
		fmt.Fprintf(b, " %d", f.PayloadType)
	}
	b.WriteString("\r\n")
	for _, f := range a.formats {
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", f.PayloadType, f.Name, f.Clock)
		if f.FMTP != "" {
			fmt.Fprintf(b, "a=fmtp:%d %s\r\n", f.PayloadType, f.FMTP)
		}
	}
	for _, key := range a.crypto {
		fmt.Fprintf(b, "a=crypto:%s\r\n", key)
	}
	fmt.Fprintf(b, "a=ptime:%d\r\n", defaultPtime)
	if a.rtcp != 0 && a.rtcp != a.port+1 {
		fmt.Fprintf(b, "a=rtcp:%d\r\n", a.rtcp)
	}
	if a.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	fmt.Fprintf(b, "a=%s\r\n", a.direction)
}
