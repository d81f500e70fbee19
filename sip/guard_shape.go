package sip

import "bytes"

const (
	maxMessage      = 8 << 10  // bytes of a message from anybody
	maxTrunkMessage = 16 << 10 // bytes of a message from a trunk

	// The parser takes time that grows with the square of these.
	maxSemicolons = 300
	maxCommas     = 200
	maxLines      = 200
)

// blank reports whether a datagram holds nothing but what keeps NAT bindings
// open (RFC 5626 section 3.5.1).
func blank(data []byte) bool { return len(bytes.Trim(data, "\r\n\x00")) == 0 }

// shape judges a message by its bytes alone, before any parser sees it. It
// allocates nothing.
func shape(data []byte, limit int) reason {
	if len(data) > limit {
		return reasonSize
	}
	if !firstLine(data) {
		return reasonGarbage
	}
	head, _, whole := bytes.Cut(data, []byte("\r\n\r\n"))
	if !whole {
		return reasonGarbage
	}
	lines := bytes.Count(head, []byte("\r\n"))
	if bytes.Count(head, []byte{'\r'}) != lines || bytes.Count(head, []byte{'\n'}) != lines {
		return reasonGarbage
	}
	// A NUL that is escaped within quotes is legal (RFC 3261 section 25.1).
	if bytes.IndexByte(head, 0) >= 0 && bytes.Count(head, []byte{0}) != bytes.Count(head, []byte{'\\', 0}) {
		return reasonGarbage
	}
	if lines >= maxLines || bytes.Count(head, []byte{';'}) > maxSemicolons || bytes.Count(head, []byte{','}) > maxCommas {
		return reasonParameters
	}
	return reasonNone
}

// firstLine reports whether the first line can be that of a SIP message.
func firstLine(data []byte) bool {
	end := bytes.Index(data[:min(len(data), maxTrunkMessage)], []byte("\r\n"))
	if end < 12 {
		return false
	}
	line := data[:end]
	return isResponse(line) || bytes.Contains(line, []byte(" SIP/"))
}

func isResponse(data []byte) bool { return bytes.HasPrefix(data, []byte("SIP/")) }

// statusLine reports whether a response begins as it should: with our version
// and three digits.
func statusLine(data []byte) bool {
	rest, ours := bytes.CutPrefix(data, []byte("SIP/2.0 "))
	if !ours || len(rest) < 4 || rest[3] != ' ' {
		return false
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// methodOf returns the first word of a request.
func methodOf(data []byte) []byte {
	method, _, _ := bytes.Cut(data, []byte{' '})
	return method
}

// isMethod compares a request's method without allocating.
func isMethod(data []byte, method string) bool { return string(methodOf(data)) == method }

// field returns the value of the first header after offset that has the name
// or its compact form, and the offset behind it; continuation lines belong to
// it. nil when there is none.
func field(head []byte, offset int, name, compact string) (value []byte, next int) {
	for offset < len(head) {
		end := lineEnd(head, offset)
		line := head[offset:end]
		colon := bytes.IndexByte(line, ':')
		if colon > 0 && named(bytes.TrimSpace(line[:colon]), name, compact) {
			return bytes.TrimSpace(line[colon+1:]), end + 2
		}
		offset = end + 2
	}
	return nil, offset
}

// lineEnd returns where the line that begins at offset ends, with the lines
// that continue it (RFC 3261 section 7.3.1).
func lineEnd(head []byte, offset int) int {
	at := offset
	for {
		n := bytes.Index(head[at:], []byte("\r\n"))
		if n < 0 {
			return len(head)
		}
		at += n
		if at+2 >= len(head) || head[at+2] != ' ' && head[at+2] != '\t' {
			return at
		}
		at += 2
	}
}

// named reports whether a header's name is one of two, whatever its case.
func named(got []byte, name, compact string) bool {
	return equalFold(got, name) || compact != "" && equalFold(got, compact)
}

// equalFold compares ASCII without allocating; want is in lower case.
func equalFold(got []byte, want string) bool {
	if len(got) != len(want) {
		return false
	}
	for i, c := range got {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// headOf returns the header section without the first line.
func headOf(data []byte) []byte {
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	_, rest, _ := bytes.Cut(head, []byte("\r\n"))
	return rest
}

// nonceOf returns the nonce of an Authorization header's value.
func nonceOf(value []byte) []byte {
	for len(value) > 0 {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		key, text, found := bytes.Cut(item, []byte{'='})
		key = bytes.TrimSpace(key)
		if space := bytes.LastIndexByte(key, ' '); space >= 0 {
			key = key[space+1:] // the first one follows the scheme
		}
		if found && equalFold(key, "nonce") {
			return bytes.Trim(bytes.TrimSpace(text), `"`)
		}
	}
	return nil
}
