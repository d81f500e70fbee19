package sip

import (
	"bytes"
	"fmt"

	wire "github.com/emiago/sipgo/sip"
)

// statelessRefusal answers a request that cannot be parsed (RFC 3261 section
// 8.2): the headers that a response needs, as they came. nil when the
// datagram is no request, or lacks what the sender would know the answer by.
func statelessRefusal(data []byte, status int) []byte {
	head, _, found := bytes.Cut(data, []byte("\r\n\r\n"))
	line, rest, more := bytes.Cut(head, []byte("\r\n"))
	if !found || !more || bytes.HasPrefix(line, []byte("SIP/")) || bytes.HasPrefix(line, []byte("ACK ")) {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "SIP/2.0 %d %s\r\n", status, phrase(status))
	seen := map[string]bool{}
	for _, field := range unfold(rest) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		full := fullName(string(bytes.ToLower(bytes.TrimSpace(name))))
		if full == "" || full != "Via" && seen[full] {
			continue
		}
		seen[full] = true
		fmt.Fprintf(&out, "%s: %s", full, bytes.TrimSpace(value))
		if full == "To" && !bytes.Contains(bytes.ToLower(value), []byte(";tag=")) {
			fmt.Fprintf(&out, ";tag=%s", wire.GenerateTagN(16))
		}
		out.WriteString("\r\n")
	}
	if !seen["Via"] || !seen["Call-ID"] || !seen["CSeq"] {
		return nil
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.Bytes()
}

// unfold splits a header section into fields, continuation lines joined (RFC
// 3261 section 7.3.1).
func unfold(section []byte) [][]byte {
	var fields [][]byte
	for line := range bytes.SplitSeq(section, []byte("\r\n")) {
		if n := len(fields); n > 0 && len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			fields[n-1] = append(append(bytes.Clone(fields[n-1]), ' '), bytes.TrimSpace(line)...)
			continue
		}
		fields = append(fields, line)
	}
	return fields
}

// fullName returns the name of a header that every response carries, or nothing.
func fullName(name string) string {
	switch name {
	case "via", "v":
		return "Via"
	case "from", "f":
		return "From"
	case "to", "t":
		return "To"
	case "call-id", "i":
		return "Call-ID"
	case "cseq":
		return "CSeq"
	}
	return ""
}

// misframed reports whether the Content-Length of a datagram is unreadable,
// given twice with different values, or larger than what came.
func misframed(data []byte) bool {
	head, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	length, ok := contentLength(head)
	if !ok && length == 0 {
		return true
	}
	return length > len(body)
}

// lineFault returns the status that a request line deserves which the parser
// would drop without a word, or 0.
func lineFault(data []byte) int {
	line, _, _ := bytes.Cut(data, []byte("\r\n"))
	if bytes.HasPrefix(line, []byte("SIP/")) {
		return 0
	}
	parts := bytes.Split(line, []byte(" "))
	if len(parts) != 3 || bytes.ContainsAny(parts[1], "<>\t") {
		return 400
	}
	var uri wire.Uri
	if wire.ParseUri(string(parts[1]), &uri) == nil {
		return 0
	}
	scheme, _, _ := bytes.Cut(parts[1], []byte(":"))
	switch string(bytes.ToLower(scheme)) {
	case "sip", "sips", "tel":
		return 400
	}
	return 416
}

// faultOf returns the status for a datagram that the parser would drop, or 0.
func faultOf(data []byte) int {
	if misframed(data) {
		return 400
	}
	return lineFault(data)
}
