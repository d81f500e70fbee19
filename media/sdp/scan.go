package sdp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a body, all checked before anything is parsed.
const (
	maxBody      = 8 << 10
	maxLines     = 256
	maxInSection = 64 // lines of the session, or of one stream
	maxLine      = 1024
	maxStreams   = 8
	maxFormats   = 64
	maxKind      = 32
	maxProto     = 64
)

// sections is a body cut at its m= lines.
type sections struct {
	session []string
	streams []Media
	bodies  [][]string // what follows each m= line
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
	lines := 0
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if lines++; lines > maxLines {
			return s, fmt.Errorf("%w: more than %d lines", ErrBadSDP, maxLines)
		}
		if err := s.add(line); err != nil {
			return s, fmt.Errorf("%w: line %d: %w", ErrBadSDP, lines, err)
		}
	}
	return s, nil
}

func (s *sections) add(line string) error {
	if len(line) < 2 || line[1] != '=' || len(line) > maxLine || strings.ContainsRune(line, '\r') {
		return fmt.Errorf("%.32q of %d bytes", line, len(line))
	}
	if !strings.HasPrefix(line, "m=") {
		section := &s.session
		if n := len(s.bodies); n > 0 {
			section = &s.bodies[n-1]
		}
		if *section = append(*section, line); len(*section) > maxInSection {
			return fmt.Errorf("more than %d in one section", maxInSection)
		}
		return nil
	}
	media, err := parseMedia(line[2:])
	if err != nil {
		return err
	}
	if len(s.streams) == maxStreams {
		return fmt.Errorf("more than %d streams", maxStreams)
	}
	s.streams, s.bodies = append(s.streams, media), append(s.bodies, nil)
	return nil
}

// text returns the session with one stream, reduced to the lines that matter to
// us and in the order that RFC 8866 section 5 wants: many phones leave out s= or
// t=, or put b= and c= anywhere.
func (s *sections) text(stream int) string {
	m, body := s.streams[stream], s.bodies[stream]
	out := append(first(s.session, "v="), first(s.session, "o=")...)
	out = append(out, "s=-")
	out = append(out, first(s.session, "c=")...)
	out = append(out, "t=0 0")
	out = append(out, every(s.session, "a=")...)
	out = append(out, fmt.Sprintf("m=%s %d %s %s", m.Kind, m.Port, strings.ToUpper(m.Proto), m.Formats))
	out = append(out, first(body, "c=")...)
	out = append(out, every(body, "a=")...)
	return strings.Join(out, "\r\n") + "\r\n"
}

func every(lines []string, prefix string) (out []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return out
}

func first(lines []string, prefix string) []string {
	out := every(lines, prefix)
	return out[:min(len(out), 1)]
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
// else the first that is encrypted, else the first that is disabled. secure puts
// the one that is encrypted with keys in SDP before all others.
func (s *sections) audio(secure bool) (index int, ok bool) {
	index, best := 0, 0
	for i, m := range s.streams {
		rank := m.rank()
		if secure && rank > 1 && m.sdes() {
			rank = 4
		}
		if rank > best {
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

// sdes tells whether a stream is SRTP whose keys are in SDP (RFC 4568).
func (m Media) sdes() bool {
	return strings.EqualFold(m.Proto, "RTP/SAVP") || strings.EqualFold(m.Proto, "RTP/SAVPF")
}
