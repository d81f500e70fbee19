package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a session description read from the wire.
const maxSDPLines = 512

// eventName is the encoding name of RFC 4733 events.
const eventName = "telephone-event"

// format is one payload type of a media description.
type format struct {
	payload uint8
	name    string // PCMA, PCMU, telephone-event; as in rtpmap, upper case but for events
}

// description is what a peer needs of an SDP: its first audio stream.
type description struct {
	addr      netip.AddrPort
	formats   []format // in order of preference
	direction string   // sendrecv, sendonly, recvonly, inactive
}

// parseSDP reads a session description (RFC 8866) with one audio stream over RTP/AVP.
func parseSDP(body []byte) (description, error) {
	lines := strings.Split(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")
	if len(lines) > maxSDPLines {
		return description{}, fmt.Errorf("SDP of %d lines", len(lines))
	}
	d := description{direction: "sendrecv"}
	var host, port string
	stream := 0 // 0 session, 1 the audio stream, 2 any after it
	for _, line := range lines {
		kind, value, _ := strings.Cut(line, "=")
		switch {
		case kind == "m" && stream == 0 && strings.HasPrefix(value, "audio "):
			stream = 1
			port = d.parseStream(value)
		case kind == "m":
			stream = 2
		case kind == "c" && stream < 2:
			host = value[strings.LastIndexByte(value, ' ')+1:]
		case kind == "a" && stream < 2:
			d.parseAttribute(value)
		}
	}
	if port == "" || len(d.formats) == 0 {
		return d, errors.New("SDP without an audio stream")
	}
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return d, fmt.Errorf("SDP address %q port %q", host, port)
	}
	d.addr = addr
	return d, nil
}

// parseStream takes payload types, with their static names (RFC 3551 6), and returns the port.
func (d *description) parseStream(value string) (port string) {
	part := strings.Fields(value)
	if len(part) < 4 {
		return ""
	}
	for _, text := range part[3:] {
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			continue
		}
		name := ""
		switch n {
		case 0:
			name = "PCMU"
		case 8:
			name = "PCMA"
		}
		d.formats = append(d.formats, format{uint8(n), name})
	}
	return part[1]
}

func (d *description) parseAttribute(value string) {
	switch value {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		d.direction = value
		return
	}
	mapping, ok := strings.CutPrefix(value, "rtpmap:")
	if !ok {
		return
	}
	number, encoding, _ := strings.Cut(mapping, " ")
	n, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return
	}
	name, rate, _ := strings.Cut(encoding, "/")
	for i := range d.formats {
		if d.formats[i].payload == uint8(n) && strings.HasPrefix(rate, "8000") {
			d.formats[i].name = encodingName(name)
		}
	}
}

func encodingName(name string) string {
	if strings.EqualFold(name, eventName) {
		return eventName
	}
	return strings.ToUpper(name)
}

// payload returns the payload type of an encoding.
func (d *description) payload(name string) (uint8, bool) {
	i := slices.IndexFunc(d.formats, func(f format) bool { return f.name == name })
	if i < 0 {
		return 0, false
	}
	return d.formats[i].payload, true
}

// bytes writes the description; session and version are the numbers of its origin line (RFC 8866 5.2).
func (d *description) bytes(session uint64, version int) []byte {
	var b strings.Builder
	family := "IP4"
	if d.addr.Addr().Is6() {
		family = "IP6"
	}
	host := d.addr.Addr().String()
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", session, version, family, host, family, host)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", d.addr.Port())
	for _, f := range d.formats {
		fmt.Fprintf(&b, " %d", f.payload)
	}
	b.WriteString("\r\n")
	for _, f := range d.formats {
		if f.name == "" {
			continue
		}
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", f.payload, f.name)
		if f.name == eventName {
			fmt.Fprintf(&b, "a=fmtp:%d 0-15\r\n", f.payload)
		}
	}
	b.WriteString("a=ptime:20\r\na=" + d.direction + "\r\n")
	return []byte(b.String())
}

// sends reports whether a direction lets its owner send.
func sends(direction string) bool { return direction == "sendrecv" || direction == "sendonly" }

// receives reports whether a direction lets its owner receive.
func receives(direction string) bool { return direction == "sendrecv" || direction == "recvonly" }

// answerDirection is the direction to answer an offer with (RFC 3264 6.1), wanting own.
func answerDirection(offered, own string) string {
	send := sends(own) && receives(offered)
	receive := receives(own) && sends(offered)
	switch {
	case send && receive:
		return "sendrecv"
	case send:
		return "sendonly"
	case receive:
		return "recvonly"
	}
	return "inactive"
}
