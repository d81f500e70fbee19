package sip

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// statelessAnswer answers a request from its own bytes (RFC 3261 section
// 8.2.7): the headers that a response needs, as they came, and some more. nil
// when the message is no request, or lacks what the sender would know the
// answer by. A
// terse one has no reason phrase and names its headers in their short forms
// (section 7.3.3).
func statelessAnswer(data []byte, status int, from netip.AddrPort, terse bool, more ...wire.Header) []byte {
	head, _, found := bytes.Cut(data, []byte("\r\n\r\n"))
	_, rest, lines := bytes.Cut(head, []byte("\r\n"))
	if !found || !lines || isResponse(data) || isMethod(data, "ACK") {
		return nil
	}
	var out bytes.Buffer
	words := phrase(status)
	if terse {
		words = ""
	}
	fmt.Fprintf(&out, "SIP/2.0 %d %s\r\n", status, words)
	seen := map[string]bool{}
	for _, line := range unfold(rest) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		full := fullName(string(bytes.ToLower(bytes.TrimSpace(name))))
		if full == "" || full != "Via" && seen[full] {
			continue
		}
		value = bytes.TrimSpace(value)
		if full == "Via" && !seen[full] {
			value = received(value, from, terse)
		}
		seen[full] = true
		fmt.Fprintf(&out, "%s: %s", shown(full, terse), value)
		if full == "To" && !bytes.Contains(bytes.ToLower(value), []byte(";tag=")) {
			fmt.Fprintf(&out, ";tag=%s", wire.GenerateTagN(4))
		}
		out.WriteString("\r\n")
	}
	if !seen["Via"] || !seen["Call-ID"] || !seen["CSeq"] {
		return nil
	}
	for _, h := range more {
		fmt.Fprintf(&out, "%s: %s\r\n", h.Name(), h.Value())
	}
	fmt.Fprintf(&out, "%s: 0\r\n\r\n", shown("Content-Length", terse))
	return out.Bytes()
}

// received notes in the topmost Via where a request really came from (RFC 3261
// section 18.2.1, RFC 3581 section 4). A terse answer leaves out an address that
// the Via has already.
func received(value []byte, from netip.AddrPort, terse bool) []byte {
	top, others, several := bytes.Cut(value, []byte{','})
	var out bytes.Buffer
	asks, sent := false, ""
	for i, part := range bytes.Split(top, []byte{';'}) {
		if i > 0 {
			out.WriteByte(';')
		} else if _, by, found := bytes.Cut(bytes.TrimSpace(part), []byte{' '}); found {
			sent = string(bytes.TrimSpace(by))
		}
		out.Write(part)
		if i > 0 && equalFold(bytes.TrimSpace(part), "rport") {
			fmt.Fprintf(&out, "=%d", from.Port())
			asks = true
		}
	}
	if host := from.Addr().String(); asks && !terse || sent != host && !strings.HasPrefix(sent, host+":") {
		fmt.Fprintf(&out, ";received=%s", host)
	}
	if several {
		out.WriteByte(',')
		out.Write(others)
	}
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

// shown is the name of a header as an answer has it.
func shown(name string, terse bool) string {
	if !terse {
		return name
	}
	switch name {
	case "Via":
		return "v"
	case "From":
		return "f"
	case "To":
		return "t"
	case "Call-ID":
		return "i"
	case "Content-Length":
		return "l"
	}
	return name
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

// viaFault reports whether a Via has an entry that names nobody. Without a
// sound one the library could not answer.
func viaFault(head []byte) bool {
	for at := 0; at < len(head); {
		var value []byte
		if value, at = field(head, at, "via", "v"); value == nil {
			return false
		}
		for entry := range bytes.SplitSeq(value, []byte{','}) {
			if entry = bytes.TrimSpace(entry); len(entry) == 0 || entry[0] == ';' {
				return true
			}
		}
	}
	return false
}

// fieldFault reports whether a header section has a line that is no field.
func fieldFault(head []byte) bool {
	for at := 0; at < len(head); {
		end := lineEnd(head, at)
		if bytes.IndexByte(head[at:end], ':') < 0 {
			return true
		}
		at = end + 2
	}
	return false
}

// lineFault returns the status that a request line deserves which the parser
// would drop without a word, or 0.
func lineFault(data []byte) int {
	line, _, _ := bytes.Cut(data, []byte("\r\n"))
	if isResponse(line) {
		return 0
	}
	parts := bytes.Split(line, []byte(" "))
	if len(parts) != 3 || bytes.ContainsAny(parts[1], "<>\t") {
		return 400
	}
	var uri wire.Uri
	if wire.ParseUri(string(parts[1]), &uri) == nil && !uri.Wildcard {
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
	if head := headOf(data); misframed(data) || fieldFault(head) || viaFault(head) {
		return 400
	}
	return lineFault(data)
}
