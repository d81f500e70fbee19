package sdp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a body, all checked before anything is parsed.
const (
	maxBody     = 8 << 10
	maxLines    = 256
	maxLine     = 1024
	maxStreams  = 8
	maxFormats  = 64
	maxKind     = 32
	maxProto    = 64
	maxInStream = 64 // lines of one stream
)

// sections is a body cut at its m= lines.
type sections struct {
	session string
	streams []Media
	bodies  []string // each from its m= line on
}

// scan measures a body and cuts it. Lines may end in LF alone, as RFC 8866
// section 5 asks of a tolerant parser.
func scan(body []byte) (sections, error) {
	var s sections
	if len(body) == 0 || len(body) > maxBody {
		return s, fmt.Errorf("%w: %d bytes", ErrBadSDP, len(body))
	}
	if i := bytes.IndexByte(body, 0); i >= 0 {
		return s, fmt.Errorf("%w: NUL at byte %d", ErrBadSDP, i)
	}
	var cut strings.Builder
	lines, inStream := 0, 0
	flush := func() {
		if len(s.streams) == 0 {
			s.session = cut.String()
		} else {
			s.bodies = append(s.bodies, cut.String())
		}
		cut.Reset()
	}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		lines++
		inStream++
		if len(line) < 2 || line[1] != '=' || len(line) > maxLine || strings.ContainsRune(line, '\r') {
			return s, fmt.Errorf("%w: line %d", ErrBadSDP, lines)
		}
		if strings.HasPrefix(line, "m=") {
			media, err := parseMedia(line[2:])
			if err != nil {
				return s, fmt.Errorf("%w: line %d: %v", ErrBadSDP, lines, err)
			}
			flush()
			s.streams = append(s.streams, media)
			inStream = 0
		}
		if lines > maxLines || inStream > maxInStream || len(s.streams) > maxStreams {
			return s, fmt.Errorf("%w: more than %d lines, %d of one stream, or %d streams",
				ErrBadSDP, maxLines, maxInStream, maxStreams)
		}
		cut.WriteString(line)
		cut.WriteString("\r\n")
	}
	flush()
	return s, nil
}

// parseMedia reads an m= line: kind, port, protocol, formats.
func parseMedia(line string) (Media, error) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields) > 3+maxFormats {
		return Media{}, fmt.Errorf("m= with %d fields", len(fields))
	}
	number, _, _ := strings.Cut(fields[1], "/") // port/number of ports
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return Media{}, fmt.Errorf("port %.12q", fields[1])
	}
	if len(fields[0]) > maxKind || len(fields[2]) > maxProto || !printable(line) {
		return Media{}, fmt.Errorf("media %.32q", fields[0])
	}
	return Media{
		Kind:    strings.ToLower(fields[0]),
		Port:    uint16(port),
		Proto:   fields[2],
		Formats: strings.Join(fields[3:], " "),
	}, nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// audio picks the stream to talk about: the first plain audio that is enabled,
// else the first that is encrypted, else the first that is disabled.
func (s *sections) audio() (index int, ok bool) {
	index, best := 0, 0
	for i, m := range s.streams {
		if rank := m.rank(); rank > best {
			index, best = i, rank
		}
	}
	return index, best > 0
}

func (m Media) rank() int {
	switch {
	case m.Kind != "audio":
		return 0
	case m.Port == 0:
		return 1
	case m.plain():
		return 3
	}
	return 2
}

// plain tells whether a stream is RTP without encryption (RFC 3551, RFC 4585).
func (m Media) plain() bool {
	return strings.EqualFold(m.Proto, "RTP/AVP") || strings.EqualFold(m.Proto, "RTP/AVPF")
}

// secure tells whether a stream is SRTP, keyed by SDES or by DTLS.
func (m Media) secure() bool {
	proto := strings.ToUpper(m.Proto)
	return strings.HasSuffix(proto, "RTP/SAVP") || strings.HasSuffix(proto, "RTP/SAVPF")
}
