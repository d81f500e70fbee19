package peer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what is read from the wire.
const (
	maxMessage = 65535 // bytes
	maxHeaders = 256
)

// Header is one header field as it stands on the wire, with its full name even when it came in compact form.
type Header struct{ Name, Value string }

// Message is one SIP request (Method set) or response (Code set). Headers keep their order, so that a test can build and
// see exactly what goes over the wire, wrong messages included.
type Message struct {
	Method, URI string // request line
	Code        int    // status, 100 to 699
	Reason      string // reason phrase
	Headers     []Header
	Body        []byte

	At     time.Time // arrival or departure; zero for a message never on the wire
	Source string    // host:port that a received message came from
	Raw    []byte    // bytes of a received message
}

// NewRequest returns a request line without headers; the caller adds all of them.
func NewRequest(method, uri string) *Message { return &Message{Method: method, URI: uri} }

// NewResponse returns an answer to req with the headers that RFC 3261 8.2.6.2 has copied: Via, From, To, Call-ID, CSeq.
func NewResponse(req *Message, code int, reason string) *Message {
	res := &Message{Code: code, Reason: reason}
	for _, h := range req.Headers {
		switch strings.ToLower(h.Name) {
		case "via", "from", "to", "call-id", "cseq":
			res.Headers = append(res.Headers, h)
		}
	}
	return res
}

// IsRequest tells requests from responses.
func (m *Message) IsRequest() bool { return m.Method != "" }

// Get returns the value of the first header of that name, "" without one.
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Values returns every value of a header that may be repeated or hold a comma-separated list (Via, Route, Contact...).
func (m *Message) Values(name string) []string {
	var all []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, splitList(h.Value)...)
		}
	}
	return all
}

// Set replaces the first header of that name and removes the others, or adds it.
func (m *Message) Set(name, value string) *Message {
	i := slices.IndexFunc(m.Headers, func(h Header) bool { return strings.EqualFold(h.Name, name) })
	if i < 0 {
		return m.Add(name, value)
	}
	m.Headers[i].Value = value
	rest := slices.DeleteFunc(m.Headers[i+1:], func(h Header) bool { return strings.EqualFold(h.Name, name) })
	m.Headers = m.Headers[:i+1+len(rest)]
	return m
}

// Add appends a header.
func (m *Message) Add(name, value string) *Message {
	m.Headers = append(m.Headers, Header{name, value})
	return m
}

// Del removes every header of that name.
func (m *Message) Del(name string) *Message {
	m.Headers = slices.DeleteFunc(m.Headers, func(h Header) bool { return strings.EqualFold(h.Name, name) })
	return m
}

// Clone returns a copy that shares nothing but the bytes of Raw.
func (m *Message) Clone() *Message {
	c := *m
	c.Headers = slices.Clone(m.Headers)
	c.Body = slices.Clone(m.Body)
	return &c
}

// CSeq returns number and method of the CSeq header, 0 and "" when it is malformed.
func (m *Message) CSeq() (int, string) {
	number, method, ok := strings.Cut(m.Get("CSeq"), " ")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 {
		return 0, ""
	}
	return n, strings.TrimSpace(method)
}

// Branch returns the branch parameter of the topmost Via, the name of the transaction.
func (m *Message) Branch() string {
	if via := m.Values("Via"); len(via) > 0 {
		return parameter(via[0], "branch")
	}
	return ""
}

// SDP returns the body when it is a session description, nil otherwise.
func (m *Message) SDP() []byte {
	if len(m.Body) == 0 || !strings.HasPrefix(strings.ToLower(m.Get("Content-Type")), "application/sdp") {
		return nil
	}
	return m.Body
}

// String returns the start line without the version: "INVITE sip:ana@host" or "180 Ringing".
func (m *Message) String() string {
	if m.IsRequest() {
		return m.Method + " " + m.URI
	}
	return fmt.Sprintf("%d %s", m.Code, m.Reason)
}

// Bytes serialises the message. Content-Length is added when the headers lack it, and left as it stands (right or wrong)
// when they have it.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	if m.IsRequest() {
		fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", m.Method, m.URI)
	} else {
		fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", m.Code, m.Reason)
	}
	for _, h := range m.Headers {
		b.WriteString(h.Name + ": " + h.Value + "\r\n")
	}
	if m.Get("Content-Length") == "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(m.Body))
	}
	b.WriteString("\r\n")
	b.Write(m.Body)
	return b.Bytes()
}

// ParseMessage reads one whole message of at most 65535 bytes. Bytes after Content-Length are dropped, a body shorter
// than it is an error (RFC 3261 18.3).
func ParseMessage(data []byte) (*Message, error) {
	if len(data) > maxMessage {
		return nil, fmt.Errorf("message of %d bytes is too long", len(data))
	}
	head, body, ok := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("message without an empty line after its headers")
	}
	lines := strings.Split(string(head), "\r\n")
	if len(lines) > maxHeaders {
		return nil, fmt.Errorf("message of %d header lines", len(lines))
	}
	m := &Message{Raw: data}
	if err := m.parseStart(lines[0]); err != nil {
		return nil, err
	}
	if err := m.parseHeaders(lines[1:]); err != nil {
		return nil, err
	}
	length := m.Get("Content-Length")
	if length == "" {
		m.Body = body
		return m, nil
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(body) {
		return nil, fmt.Errorf("Content-Length %q with %d bytes of body", length, len(body))
	}
	m.Body = body[:n]
	return m, nil
}

func (m *Message) parseStart(line string) error {
	if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		code, reason, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if err != nil || n < 100 || n > 699 {
			return fmt.Errorf("status line %q", line)
		}
		m.Code, m.Reason = n, reason
		return nil
	}
	part := strings.Split(line, " ")
	if len(part) != 3 || part[0] == "" || part[1] == "" || part[2] != "SIP/2.0" {
		return fmt.Errorf("request line %q", line)
	}
	m.Method, m.URI = part[0], part[1]
	return nil
}

func (m *Message) parseHeaders(lines []string) error {
	for _, line := range lines {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && len(m.Headers) > 0 { // folded, RFC 3261 7.3.1
			last := &m.Headers[len(m.Headers)-1]
			last.Value = strings.TrimSpace(last.Value + " " + strings.TrimSpace(line))
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return fmt.Errorf("header line %q", line)
		}
		m.Add(fullName(name), strings.TrimSpace(value))
	}
	return nil
}

// fullName expands the one-letter header names (RFC 3261 7.3.3, 3515, 4028, 3841, 6665).
func fullName(name string) string {
	switch strings.ToLower(name) {
	case "c":
		return "Content-Type"
	case "e":
		return "Content-Encoding"
	case "f":
		return "From"
	case "i":
		return "Call-ID"
	case "k":
		return "Supported"
	case "l":
		return "Content-Length"
	case "m":
		return "Contact"
	case "o":
		return "Event"
	case "r":
		return "Refer-To"
	case "s":
		return "Subject"
	case "t":
		return "To"
	case "v":
		return "Via"
	case "x":
		return "Session-Expires"
	}
	return name
}
